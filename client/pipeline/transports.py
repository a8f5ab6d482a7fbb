"""The two transports below the call of the backend: httpx's own and aiohttp's, both with limits on what they read."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import httpcore
import httpx
from aiohttp.client_proto import ResponseHandler
from httpx_aiohttp import AiohttpTransport

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import StreamReader
    from aiohttp.connector import Connection
    from aiohttp.http_parser import RawResponseMessage

    from client.pipeline.call import Call
    from client.settings import UpstreamSettings

# The call that the running task is sending. It counts as a backend call once its request is on the wire: if it is
# given up before it has a connection, it is an attempt that the backend never sees.
SENDING: ContextVar[Call] = ContextVar("sending")


class _CountedRequest(aiohttp.ClientRequest):
    """aiohttp's request, which counts itself.

    A method, instead of aiohttp's public trace for the same event, saves 9 us of 150 us of processor time a call.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send the request, which does not wait if there is no body, and count it."""
        response = await super().send(conn)
        SENDING.get().backend_calls += 1
        return response


# A backend may send any number of interim answers (1xx) before the one that counts. Beyond these limits nothing more
# is read, and the call ends with its timeout. Until the head is there, bytes are taken in small slices: each holds up
# everything else for as long as it takes to read.
MOST_INTERIM = 1_000
LONGEST_HEAD = 131_072
SLICE = 4_096


class _GuardedProtocol(ResponseHandler):
    """aiohttp's reader of answers, with limits.

    It stops at a flood of interim answers, which aiohttp collects without a limit, and its connection is not used
    again after an answer that was too long: aiohttp may have had all of it before anybody could count.
    """

    interim = 0
    _came = _taken = 0  # bytes that came at once, and those of an answer so far

    def __init__(self, loop: asyncio.AbstractEventLoop, longest: int) -> None:
        super().__init__(loop)
        self._longest = longest

    @property
    def should_close(self) -> bool:
        """Whether the connection ends with the answer."""
        return self._taken > self._longest or super().should_close

    def data_received(self, data: bytes) -> None:
        """Read on, slice by slice where interim answers are among it."""
        if self.interim or (data[9:10] == b"1" and data[:5] == b"HTTP/"):
            for start in range(0, len(data), SLICE):
                if self.interim <= MOST_INTERIM:
                    super().data_received(data[start : start + SLICE])
            if self.interim > MOST_INTERIM and self.transport is not None:
                self.transport.pause_reading()
        else:
            self._came = len(data)
            self._taken += self._came
            super().data_received(data)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Count the interim answers before each that counts."""
        self.interim = self.interim + 1 if 100 <= data[0].code < 200 else 0
        self._taken = self._came
        super().feed_data(data, size)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, whose connections read only so much before an answer has its head."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer once its head is there; its body has a limit of its own."""
        reading = _HEAD_LEFT.set([LONGEST_HEAD])
        try:
            return await super().handle_async_request(request)
        finally:
            _HEAD_LEFT.reset(reading)


# Bytes that may still be read before the head of the answer is there; none: it is.
_HEAD_LEFT: ContextVar[list[int] | None] = ContextVar("head_left", default=None)


class _GuardedStream(httpcore.AsyncNetworkStream):
    """A connection that stops reading where a head has no end."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as httpcore has it
        """Read a slice of the head, or whatever is there of the body."""
        left = _HEAD_LEFT.get()
        if left is None:
            return await self._inner.read(max_bytes, timeout)
        if left[0] <= 0:
            await asyncio.get_running_loop().create_future()
        data = await self._inner.read(min(max_bytes, SLICE), timeout)
        left[0] -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Write as it does."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close as it does."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Return the same guard over the encrypted connection."""
        return _GuardedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Tell as it does."""
        return self._inner.get_extra_info(info)


class _GuardedNetwork(httpcore.AnyIOBackend):
    """Makes connections with the guard."""

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Connect as it does."""
        return _GuardedStream(await super().connect_tcp(*args, **options))


async def count_sent_request(event: str, _: object) -> None:
    """Count a request when httpcore, below httpx's own transport, has sent its headers."""
    if event == "http11.send_request_headers.complete":
        SENDING.get().backend_calls += 1


def open_httpx(settings: UpstreamSettings) -> httpx.AsyncHTTPTransport:
    """Return httpx's own transport."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=settings.keepalive_s)
    transport = _GuardedTransport(trust_env=False, limits=limits)
    transport._pool._network_backend = _GuardedNetwork()  # noqa: SLF001 - httpx hands none of its own on
    return transport


def open_aiohttp(settings: UpstreamSettings) -> AiohttpTransport:
    """Return the transport with our own session."""

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=settings.keepalive_s)
        loop = asyncio.get_running_loop()
        new_protocol: Any = partial(_GuardedProtocol, loop=loop, longest=settings.longest_answer)
        connector._factory = new_protocol  # noqa: SLF001 - it takes none from outside
        jar = aiohttp.DummyCookieJar()
        made = aiohttp.ClientSession(
            connector=connector, cookie_jar=jar, request_class=_CountedRequest, auto_decompress=False
        )
        # aiohttp silently repeats a GET whose connection broke, and nobody would count that call. It has no public
        # switch for this; its own test client uses this one.
        made._retry_connection = False  # noqa: SLF001
        return made

    return AiohttpTransport(client=session)
