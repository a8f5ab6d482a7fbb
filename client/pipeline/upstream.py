"""The HTTP call to the backend. Only this file and `transports` know the HTTP client library."""

from __future__ import annotations

import asyncio
import re
from itertools import islice
from typing import TYPE_CHECKING, Self

import aiohttp
import httpx

from client.pipeline.call import Answer, Call
from client.pipeline.content_coding import UnreadableBodyError, check_transfer_coding, read_coded, read_plain
from client.pipeline.errors import BackendFailedError, BackendUnreachableError, CallTimeoutError
from client.pipeline.retry_after import retry_after_s
from client.pipeline.transports import SENDING, count_sent_request, open_aiohttp, open_httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    from pydantic import SecretStr

    from client.settings import UpstreamSettings

# What belongs to an answer, and goes to the caller with it.
PASSED_ON = (b"retry-after", b"location", b"etag", b"cache-control")
LONGEST_HEADER = 4_096
LONGEST_TYPE = 256
# Headers of an answer that go to the caller, at most.
MOST_PASSED_ON = 16
# A coded body may be cut off or swell, and there is nothing to gain by one between two services side by side.
_AS_IT_IS = (b"Accept-Encoding", b"identity")
_WITHOUT_BODY = (204, 304)
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):")
_BROKEN = (httpx.HTTPError, aiohttp.ClientError, OSError, UnreadableBodyError)
# A control request: seconds until it is given up, and bytes of the longest answer.
ASK_S = 3.0
LONGEST_ANSWER = 4_000_000


class Upstream:
    """One HTTP client for the app's life. Use it as an async context manager; call it as a pipeline Handler.

    It passes httpx's requests directly to the transport: a relay does not want what httpx.AsyncClient adds (cookies,
    redirects, authentication), and this saves 54 us of 195 us of processor time a call. It has no timeout of its own:
    the pipeline's timeout cancels the call, whatever it is waiting for. `more_headers` returns the headers of a call's
    trace. `token` is the backend's, for control requests alone.
    """

    def __init__(
        self,
        base_url: str,
        settings: UpstreamSettings,
        more_headers: Callable[[], Mapping[str, str]] | None = None,
        token: SecretStr | None = None,
    ) -> None:
        self._url = httpx.URL(base_url.rstrip("/") + "/data")
        self._host = (b"Host", self._url.netloc)
        self._settings = settings
        self._more_headers = more_headers
        self._token = token
        self._transport: httpx.AsyncBaseTransport | None = None

    async def __aenter__(self) -> Self:
        make = open_httpx if self._settings.transport == "httpx" else open_aiohttp
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
        sending = SENDING.set(call)
        headers = [
            self._host,
            _AS_IT_IS,
            (b"X-Request-Id", call.request_id.encode()),
            (b"X-Attempt", b"%d" % call.attempts),
        ]
        if self._more_headers is not None:
            headers += [(name.encode(), value.encode()) for name, value in self._more_headers().items()]
        request = httpx.Request("GET", self._url, headers=headers, extensions={"trace": count_sent_request})
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
            SENDING.reset(sending)
        if not 200 <= response.status_code < 500:
            wait_s = retry_after_s(received.get(b"retry-after", b"").decode("latin-1"))
            raise BackendFailedError(response.status_code, wait_s)
        kind = _content_type(received.get(b"content-type", b""))
        if received.keys().isdisjoint(PASSED_ON):
            return Answer(response.status_code, body, kind)
        return Answer(
            response.status_code, body, kind, tuple(islice(_headers_passed_on(response.headers.raw), MOST_PASSED_ON))
        )

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
        if self._token is not None:
            headers.append((b"Authorization", b"Bearer " + self._token.get_secret_value().encode()))
        request = httpx.Request(method, self._url.copy_with(path=path), headers=headers, content=body or None)
        sending = SENDING.set(Call("control"))
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
            SENDING.reset(sending)
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
    """Yield what may be passed on: what is printable and no longer than a header has any need to be.

    A browser that follows a Location does so as if the client itself had sent it elsewhere, so a scheme that runs
    something is left out.
    """
    for name, value in headers:
        lower = name.lower()
        if lower not in PASSED_ON or len(value) > LONGEST_HEADER or not _is_printable(value):
            continue
        if lower != b"location" or _leads_to_page(value.decode()):
            yield lower, value


def _leads_to_page(location: str) -> bool:
    """Return whether a Location is relative or of HTTP."""
    scheme = _SCHEME.match(location)
    return scheme is None or scheme[1].lower() in {"http", "https"}


def _is_printable(value: bytes) -> bool:
    return value.isascii() and value.decode().isprintable()


def _content_type(value: bytes) -> bytes:
    """Return what may be passed on as a header: the value, unless there is none, or it is not printable or too long."""
    return value if value and len(value) <= LONGEST_TYPE and _is_printable(value) else b"application/octet-stream"
