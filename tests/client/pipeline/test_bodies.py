"""Bodies that are coded, cut off, broken or endless, over both transports: whatever cannot be read is a failure."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from client.core import Client
from client.pipeline.call import Call
from client.pipeline.errors import BackendFailedError, BackendUnreachableError
from client.pipeline.order import CallSettings
from client.pipeline.upstream import Upstream
from client.settings import UpstreamSettings
from tests.client.pipeline.raw_backend import RawBackend, ask, once, with_backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


pytestmark = pytest.mark.parametrize("transport", ["aiohttp", "httpx"])

TEXT = b'{"data": "%b"}' % b"fresh from the backend, " * 100
GZIP = gzip.compress(TEXT)
ZLIB = zlib.compress(TEXT)
BARE = ZLIB[2:-4]


def answer(body: bytes, headers: bytes = b"", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (headers, length, body)


def coded(coding: str, body: bytes) -> bytes:
    return answer(body, b"Content-Encoding: %b\r\n" % coding.encode())


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", coding: bytes = b"") -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n" % coding
    return [head, *(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks), end]


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        *(("gzip", GZIP), ("x-gzip", GZIP), ("GZIP", GZIP), ("deflate", ZLIB), ("deflate", BARE)),
        *(("identity", TEXT), ("", TEXT), ("identity, gzip", GZIP)),
        ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
    ],
    ids=["gzip", "x-gzip", "GZIP", "zlib", "bare deflate", "identity", "empty", "identity and gzip", "two members"],
)
def test_what_comes_encoded_all_the_same_is_decoded(transport: str, coding: str, body: bytes) -> None:
    """To its end, in one piece or byte by byte."""
    assert ask(once(coded(coding, body)), transport).body == TEXT
    head = b"Content-Encoding: %b\r\n" % coding.encode()
    pieces = [bytes([byte]) for byte in body]
    assert ask(once(*chunked(*pieces, coding=head)), transport).body == TEXT


def test_an_answer_without_a_body_has_none_to_decode(transport: str) -> None:
    """Whatever its headers say."""
    got = ask(once(b"HTTP/1.1 304 X\r\nContent-Encoding: gzip\r\nETag: 1\r\n\r\n"), transport)

    assert (got.status, got.body, got.headers) == (304, b"", ((b"etag", b"1"),))


def test_the_backend_is_asked_for_the_body_as_it_is(transport: str) -> None:
    """There is nothing to decode where it listens."""

    async def use(upstream: Upstream, backend: RawBackend) -> bytes:
        await Client(CallSettings(), upstream, (), asyncio.get_running_loop().time).call("1")
        return backend.requests[0]

    request = asyncio.run(with_backend(once(answer(TEXT)), transport, use))

    assert [line for line in request.lower().split(b"\r\n") if line.startswith(b"accept-encoding")] == [
        b"accept-encoding: identity"
    ]


@pytest.mark.parametrize(
    ("chunks", "why"),
    [
        ([coded("gzip", GZIP[: len(GZIP) // 2])], "its encoded answer was cut off"),
        ([coded("gzip", GZIP[:-1])], "its encoded answer was cut off"),
        ([coded("gzip", b"")], "its encoded answer was cut off"),
        ([coded("deflate", ZLIB[:-5])], "its encoded answer was cut off"),
        ([coded("deflate", BARE[:-1])], "its encoded answer was cut off"),
        (chunked(GZIP[:20], coding=b"Content-Encoding: gzip\r\n"), "its encoded answer was cut off"),
        ([coded("gzip", TEXT)], "its encoded answer cannot be decoded (Error -3"),
        ([coded("deflate", TEXT)], "its encoded answer cannot be decoded (Error -3"),
        ([coded("gzip", GZIP[:-8] + b"\0" * 8)], "its encoded answer cannot be decoded (Error -3"),
        ([coded("gzip", GZIP + b"more")], "its encoded answer cannot be decoded (Error -3"),
        ([coded("deflate", ZLIB + b"more")], "its encoded answer goes on after its end"),
        ([coded("br", GZIP)], "its answer is encoded as 'br', and was asked for as it is"),
        ([coded("zstd", GZIP)], "its answer is encoded as 'zstd', and was asked for as it is"),
        ([coded("gzip, gzip", gzip.compress(GZIP))], "its answer is encoded as 'gzip, gzip', and was asked"),
        ([answer(TEXT, length=len(TEXT) + 1)], ""),
        (chunked(TEXT, end=b""), ""),
        (chunked(TEXT, end=b"5\r\nab"), ""),
        (chunked(TEXT, end=b"zz\r\nab\r\n0\r\n\r\n"), ""),
        ([b"HTTP/1.1 200 OK\r\nContent-Le"], ""),
        ([b"this is no HTTP\r\n\r\n"], ""),
    ],
)
def test_what_cannot_be_read_to_its_end_is_a_failure(transport: str, chunks: list[bytes], why: str) -> None:
    """Never half an answer; the caller hears why where it is ours to say."""
    with pytest.raises(BackendUnreachableError) as caught:
        ask(once(*chunks), transport)

    assert str(caught.value).startswith(f"the backend cannot be reached ({why}")


async def endless() -> AsyncIterator[bytes]:
    """Send an answer of 1 GB, of which nobody is to take much."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    for _ in range(1_000):
        yield b"x" * 1_000_000


@pytest.mark.parametrize(
    "chunks",
    [
        once(answer(b"x" * 1_001)),
        once(*chunked(*[b"x" * 7] * 200)),
        once(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 1_001),
        once(coded("gzip", gzip.compress(b"x" * 100_000_000))),
        once(coded("deflate", zlib.compress(b"x" * 1_001))),
        endless,
    ],
    ids=["length", "chunks", "to the end", "bomb", "deflate", "endless"],
)
def test_an_answer_that_is_too_long_is_a_failure(transport: str, chunks: AsyncIterator[bytes]) -> None:
    """Whatever it says of its length; the connection is closed, and the rest is never taken."""

    async def use(upstream: Upstream, backend: RawBackend) -> tuple[str, int]:
        client = Client(CallSettings(), upstream, (), asyncio.get_running_loop().time)
        call, got = await client.call("1")
        assert b"its answer has more than 1,000 bytes" in got.body
        if chunks is endless:
            await backend.hung_up.wait()
        return call.outcome.value, client.breaker.fail_count

    async def main() -> tuple[str, int]:
        found: tuple[str, int] = await with_backend(chunks, transport, use, longest_answer=1_000)  # type: ignore[arg-type]
        return found

    assert asyncio.run(main()) == ("error", 1)


def test_an_answer_may_be_as_long_as_the_limit(transport: str) -> None:
    """Plain or decoded, to the byte."""
    for sent in (answer(b"x" * 1_000), coded("gzip", gzip.compress(b"x" * 1_000))):
        assert len(ask(once(sent), transport, longest_answer=1_000).body) == 1_000


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_few_interim_answers_are_passed_over(transport: str) -> None:
    """As HTTP has it, whatever the pieces in which they come."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    assert ask(once(INTERIM * 3 + early + answer(TEXT)), transport).body == TEXT
    assert ask(once(INTERIM * 500, INTERIM[:9], INTERIM[9:] + answer(b"y" * 100_000)), transport).body == b"y" * 100_000


def test_a_flood_of_interim_answers_ends_with_the_timeout(transport: str) -> None:
    """What comes after 20 MB of them is never read, nor are they: the call has its time, and the connection ends."""

    async def flood() -> AsyncIterator[bytes]:
        for _ in range(800):
            yield INTERIM * 1_000
        yield answer(TEXT)

    async def use(upstream: Upstream, backend: RawBackend) -> tuple[str, int, bool]:
        settings = CallSettings.model_validate({"timeout": {"total_s": 0.25}})
        client = Client(settings, upstream, (), asyncio.get_running_loop().time)
        call, _ = await client.call("1")
        await backend.hung_up.wait()
        return call.outcome.value, client.breaker.fail_count, backend.sent < 800 * 1_000 * len(INTERIM)

    assert asyncio.run(with_backend(flood, transport, use)) == ("timeout", 1, True)


def coded_twice(first: str, second: str, body: bytes) -> bytes:
    return answer(body, b"Content-Encoding: %b\r\nContent-Encoding: %b\r\n" % (first.encode(), second.encode()))


@pytest.mark.parametrize(
    "sent",
    [
        [coded_twice("gzip", "identity", GZIP[:30])],
        [coded_twice("gzip", "gzip", gzip.compress(GZIP))],
        [coded_twice("br", "gzip", GZIP)],
        chunked(GZIP[:30], coding=b"Transfer-Encoding: gzip\r\n"),
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1e\r\n%b\r\n0\r\n\r\n" % GZIP[:30]],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + GZIP[:30]],
    ],
    ids=["cut off", "twice", "unknown one first", "two transfer headers", "transferred as gzip", "not even chunked"],
)
def test_codings_in_several_headers_are_one_list(transport: str, sent: list[bytes]) -> None:
    """What the first of them says counts, too."""
    with pytest.raises(BackendUnreachableError):
        ask(once(*sent), transport)


def test_a_failure_needs_no_body_that_can_be_read(transport: str) -> None:
    """Its status and its Retry-After are known: nobody is shown the rest."""
    failed = b"HTTP/1.1 503 X\r\nRetry-After: 50\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc"

    with pytest.raises(BackendFailedError) as caught:
        ask(once(failed), transport)

    assert (caught.value.status, caught.value.retry_after_s) == (503, 50)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_the_connection_of_an_answer_that_is_too_long_is_not_used_again(transport: str, *, is_chunked: bool) -> None:
    """Not even where all of it has come at once; after one that fits, it is."""
    served: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        served.append(ended)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                length = 5000 if b": long" in await reader.readuntil(b"\r\n\r\n") else 100
                body = b"x" * length
                writer.write(b"".join(chunked(body)) if is_chunked else answer(body))
                await writer.drain()
        writer.close()
        ended.set()

    async def use() -> list[int]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        seen = []
        settings = UpstreamSettings(transport=transport, longest_answer=1000)
        async with Upstream(address, settings) as upstream:
            for request_id in ("short", "short", "long", "short", "long", "long"):
                with suppress(BackendUnreachableError):
                    await upstream(Call(request_id))
                seen.append(len(served))
        for each in served:
            await each.wait()
        server.close()
        return seen

    assert asyncio.run(use()) == [1, 1, 1, 2, 2, 3]
