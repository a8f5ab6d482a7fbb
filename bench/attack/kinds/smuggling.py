"""Requests whose end is read in two ways, and pipelines: what hides in the first must not be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.attack import wire
from bench.attack.states import difference, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.attack.ground import Ground
    from bench.attack.targets import Target

WITHIN_S = 0.6


def attack(ground: Ground) -> None:
    """Hide a request that would open the breaker, or set faults."""
    with ground.services() as pair:
        for target in pair:
            hidden = _hidden(target)
            before = read_state(target)
            for name, raw in _doubtful(hidden):
                answer = wire.exchange(target.url, [raw], within_s=WITHIN_S)
                ground.tally.check(answer.status != 500, f"{target.name}: {name}: {answer.told()}")
                left = difference(before, read_state(target))
                if not ground.tally.check(not left, f"{target.name}: {name}: the hidden request was done: {left}"):
                    before = read_state(target)
            for name, raw in _pipelines(ground.effort.choose(5_000, 500)):
                answer = wire.exchange(target.url, [raw], within_s=5)
                ground.tally.check(answer.status == 200, f"{target.name}: {name}: {answer.told()}")


def _hidden(target: Target) -> bytes:
    if target.name == "client":
        return f"POST /breaker/open HTTP/1.1\r\nHost: {target.authority}\r\nContent-Length: 0\r\n\r\n".encode()
    body = b'{"error_rate":1}'
    return (
        f"PATCH /faults HTTP/1.1\r\nHost: {target.authority}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _doubtful(hidden: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield requests that two readers may end at different places; `hidden` follows the end that one of them sees."""
    start = b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    whole = b"Content-Length: %d\r\n" % (len(hidden) + 5)
    chunked = b"Transfer-Encoding: chunked\r\n"
    ended = b"\r\n0\r\n\r\n" + hidden
    yield "a length and chunks", start + whole + chunked + ended
    yield "chunks and a length", start + chunked + b"Content-Length: 4\r\n" + ended
    for odd in (
        *(
            b"Transfer-Encoding: xchunked\r\n",
            b"Transfer-Encoding : chunked\r\n",
            b"Transfer-Encoding: chunked, identity\r\n",
        ),
        *(
            b"Transfer-Encoding:\tchunked\r\n",
            b" Transfer-Encoding: chunked\r\n",
            b"X: x\nTransfer-Encoding: chunked\r\n",
        ),
        *(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding:\r\n chunked\r\n"),
        *(b"Transfer-Encoding: \x0bchunked\r\n", b"transfer_encoding: chunked\r\n", b"Transfer-Encoding: CHUNKED\r\n"),
    ):
        yield f"a length and {odd!r}", start + whole + odd + ended
    yield "two lengths", start + b"Content-Length: 0\r\n" + whole + b"\r\n" + hidden + b"12345"
    yield "two lengths in a line", start + b"Content-Length: 0, %d\r\n\r\n" % len(hidden) + hidden
    for length in (b"+5", b"5 5", b"-1", b"0x10", b"5\x0b", b""):
        yield f"a length of {length!r}", start + b"Content-Length: " + length + b"\r\n\r\n" + b"12345" + hidden
    yield "a chunk's size with a sign", start + chunked + b"\r\n+0\r\n\r\n" + hidden
    yield "a chunk that ends early", start + chunked + b"\r\n5\r\n12\r\n0\r\n\r\n" + hidden
    yield "a bare line feed after a chunk", start + chunked + b"\r\n1;a\n\n0\n\n" + hidden
    yield "a line break in a path", b"GET /x HTTP/1.1\r\n\r\n".replace(b"x", b"x\r\n\r\n" + hidden[:20]) + b"\r\n\r\n"
    yield "a bare carriage return", start + b"X: a\r" + hidden + b"\r\n\r\n"


def _pipelines(count: int) -> Iterator[tuple[str, bytes]]:
    one = b"GET /data HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    yield f"{count:,} requests at once", one * count
    yield "two requests at once", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 2
