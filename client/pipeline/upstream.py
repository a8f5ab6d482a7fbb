"""The HTTP call to the backend. The only module that knows the HTTP client library."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import httpcore
import httpx
from aiohttp.client_proto import ResponseHandler
from httpx_aiohttp import AiohttpTransport

from client.pipeline.call import Answer, Call
from client.pipeline.content_coding import UnreadableBodyError, check_transfer_coding, read_coded, read_plain
from client.pipeline.errors import BackendFailedError, BackendUnreachableError, CallTimeoutError
from client.pipeline.retry_after import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from ssl import SSLContext
    from types import TracebackType

    from aiohttp import StreamReader
    from aiohttp.connector import Connection
    from aiohttp.http_parser import RawResponseMessage

    from client.settings import UpstreamSettings

# What belongs to an answer, and goes to the caller with it.
PASSED_ON = (b"retry-after", b"location", b"etag", b"cache-control")
LONGEST_HEADER = 4_096
# A coded body may be cut off or swell, and there is nothing to gain by one between two services side by side.
_AS_IT_IS = (b"Accept-Encoding", b"identity")
_WITHOUT_BODY = (204, 304)
_BROKEN = (httpx.HTTPError, aiohttp.ClientError, OSError, UnreadableBodyError)
# A control request: seconds until it is given up, and bytes of the longest answer.
ASK_S = 3.0
LONGEST_ANSWER = 4_000_000


class Upstream:
    """One HTTP client for the app's life. Use it as an async context manager; call it as a pipeline Handler.

    It passes httpx's requests directly to the transport: a relay does not want what httpx.AsyncClient adds (cookies,
    redirects, authentication), and this saves 54 us of 195 us of processor time a call. It has no timeout of its own:
    the pipeline's timeout cancels the call, whatever it is waiting for. `more_headers` returns the headers of a call's
    trace.
    """

    def __init__(
        self,
        base_url: str,
        settings: UpstreamSettings,
        more_headers: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self._url = httpx.URL(base_url.rstrip("/") + "/data")
        self._host = (b"Host", self._url.netloc)
        self._settings = settings
        self._more_headers = more_headers
        self._transport: httpx.AsyncBaseTransport | None = None

    async def __aenter__(self) -> Self:
        make = _httpx_transport if self._settings.transport == "httpx" else _aiohttp_transport
        self._transport = make(self._settings)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            await self._transport.aclose()

    async def __call__(self, call: Call) -> Answer:
        """Call the backend once. Raises BackendFailedError (5xx), BackendUnreachableError (no answer at all)."""
        if self._transport is None:
            raise RuntimeError("the upstream is used outside its context")
        call.attempts += 1
        sending = _SENDING.set(call)
        headers = [
            self._host,
            _AS_IT_IS,
            (b"X-Request-Id", call.request_id.encode()),
            (b"X-Attempt", b"%d" % call.attempts),
        ]
        if self._more_headers is not None:
            headers += [(name.encode(), value.encode()) for name, value in self._more_headers().items()]
        request = httpx.Request("GET", self._url, headers=headers, extensions={"trace": _count_sent_request})
        try:
            response = await self._transport.handle_async_request(request)
            received = {name.lower(): value for name, value in response.headers.raw}
            try:
                body = await self._read_body(response, received)
            finally:
                await response.aclose()
        except _BROKEN as error:
            raise BackendUnreachableError(_describe(error)) from error
        finally:
            _SENDING.reset(sending)
        if not 200 <= response.status_code < 500:
            wait_s = retry_after_s(received.get(b"retry-after", b"").decode("latin-1"))
            raise BackendFailedError(response.status_code, wait_s)
        kind = _content_type(received.get(b"content-type", b""))
        if received.keys().isdisjoint(PASSED_ON):
            return Answer(response.status_code, body, kind)
        return Answer(response.status_code, body, kind, tuple(_headers_passed_on(response.headers.raw)))

    async def _read_body(self, response: httpx.Response, received: Mapping[bytes, bytes]) -> bytes:
        """Return the body, decoded; that of a failure as it is: nobody sees it. Raises UnreadableBodyError."""
        longest, status = self._settings.longest_answer, response.status_code
        if b"transfer-encoding" in received:
            check_transfer_coding(_joined(response, b"transfer-encoding"))
        if b"content-encoding" not in received or status in _WITHOUT_BODY or status >= 500:
            return await read_plain(_stream_of(response), longest)
        return await read_coded(_stream_of(response), _joined(response, b"content-encoding"), longest)

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Pass a control request on, and return any answer. It is not a protected call, and is not counted.

        Raises BackendUnreachableError, and CallTimeoutError after ASK_S seconds.
        """
        if self._transport is None:
            raise RuntimeError("the upstream is used outside its context")
        headers = [self._host, (b"Content-Type", b"application/json"), _AS_IT_IS]
        request = httpx.Request(method, self._url.copy_with(path=path), headers=headers, content=body or None)
        sending = _SENDING.set(Call("control"))
        try:
            async with asyncio.timeout(ASK_S):
                response = await self._transport.handle_async_request(request)
                try:
                    said = await read_plain(_stream_of(response), LONGEST_ANSWER)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise CallTimeoutError(ASK_S) from error
        except _BROKEN as error:
            raise BackendUnreachableError(_describe(error)) from error
        finally:
            _SENDING.reset(sending)
        return Answer(response.status_code, said, _content_type(response.headers.get("content-type", "").encode()))


def _describe(error: Exception) -> str:
    """Say what was wrong: in words of our own, or with the name of the library's error."""
    return str(error) if isinstance(error, UnreadableBodyError) else type(error.__cause__ or error).__name__


def _stream_of(response: httpx.Response) -> httpx.AsyncByteStream:
    """Return the body as it comes, past httpx's decoders: saves 13 us of 154 us of processor time a call."""
    if not isinstance(response.stream, httpx.AsyncByteStream):  # pragma: no cover - an async transport has no other
        raise TypeError("not a stream of an async transport")
    return response.stream


def _joined(response: httpx.Response, wanted: bytes) -> str:
    """Return the values of all headers of that name as one list: RFC 9110, section 5.3."""
    return b", ".join(value for name, value in response.headers.raw if name.lower() == wanted).decode("latin-1")


def _headers_passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield what may be passed on: what is printable and no longer than a header has any need to be."""
    for name, value in headers:
        if name.lower() in PASSED_ON and len(value) <= LONGEST_HEADER and _is_printable(value):
            yield name.lower(), value


def _is_printable(value: bytes) -> bool:
    return value.isascii() and value.decode().isprintable()


def _content_type(value: bytes) -> bytes:
    """Return what may be passed on as a header: the value, unless there is none or it is not printable."""
    return value if value and _is_printable(value) else b"application/octet-stream"


# The call that the running task is sending. It counts as a backend call once its request is on the wire: if it is
# given up before it has a connection, it is an attempt that the backend never sees.
_SENDING: ContextVar[Call] = ContextVar("sending")


class _CountedRequest(aiohttp.ClientRequest):
    """aiohttp's request, which counts itself.

    A method, instead of aiohttp's public trace for the same event, saves 9 us of 150 us of processor time a call.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send the request, which does not wait if there is no body, and count it."""
        response = await super().send(conn)
        _SENDING.get().backend_calls += 1
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


async def _count_sent_request(event: str, _: object) -> None:
    """Count a request when httpcore, below httpx's own transport, has sent its headers."""
    if event == "http11.send_request_headers.complete":
        _SENDING.get().backend_calls += 1


def _httpx_transport(settings: UpstreamSettings) -> httpx.AsyncHTTPTransport:
    """Return httpx's own transport."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=settings.keepalive_s)
    transport = _GuardedTransport(trust_env=False, limits=limits)
    transport._pool._network_backend = _GuardedNetwork()  # noqa: SLF001 - httpx hands none of its own on
    return transport


def _aiohttp_transport(settings: UpstreamSettings) -> AiohttpTransport:
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
