"""The HTTP call of the backend. The only module that knows the HTTP client library."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from client.call import Answer, Call
from client.errors import BackendFailedError, BackendUnreachableError

if TYPE_CHECKING:
    from types import TracebackType

    from client.settings import UpstreamSettings


class Upstream:
    """One HTTP client for the app's life. Use it as an async context manager; call it as a pipeline Handler.

    It sets no timeout of its own: the pipeline's timeout cancels the call, whatever it is waiting for.
    """

    def __init__(self, base_url: str, settings: UpstreamSettings) -> None:
        self._url = base_url.rstrip("/") + "/data"
        self._settings = settings
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=None, keepalive_expiry=self._settings.keepalive_s
        )
        transport = None if self._settings.transport == "httpx" else _aiohttp_transport(self._settings.keepalive_s)
        self._client = httpx.AsyncClient(timeout=None, limits=limits, transport=transport, trust_env=False)  # noqa: S113 - see the class
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def __call__(self, call: Call) -> Answer:
        """Call the backend once. Raises BackendFailedError (5xx), BackendUnreachableError (no answer at all)."""
        if self._client is None:
            raise RuntimeError("the upstream is used outside its context")
        call.attempts += 1
        sending = _SENDING.set(call)
        headers = {"X-Request-Id": call.request_id, "X-Attempt": str(call.attempts)}
        try:
            response = await self._client.get(self._url, headers=headers, extensions={"trace": _traced})
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise BackendUnreachableError(type(error.__cause__ or error).__name__) from error
        finally:
            _SENDING.reset(sending)
        if response.status_code >= 500:
            raise BackendFailedError(response.status_code)
        content_type = response.headers.get("content-type", "application/octet-stream")
        return Answer(response.status_code, response.content, content_type.encode("latin-1"))


# The call that the running task is sending. It counts as a call of the backend once its request is on the wire: one
# that is given up before it has a connection is an attempt that the backend never sees.
_SENDING: ContextVar[Call] = ContextVar("sending")


async def _headers_sent(*_: object) -> None:
    """Take aiohttp's word for it."""
    _SENDING.get().backend_calls += 1


async def _traced(event: str, _: object) -> None:
    """Take httpcore's word for it, which is below httpx's own transport."""
    if event == "http11.send_request_headers.complete":
        _SENDING.get().backend_calls += 1


def _aiohttp_transport(keepalive_s: float) -> AiohttpTransport:
    """Return the transport over a session of our own."""

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=keepalive_s)
        sent = aiohttp.TraceConfig()
        sent.on_request_headers_sent.append(_headers_sent)
        jar = aiohttp.DummyCookieJar()
        made = aiohttp.ClientSession(connector=connector, cookie_jar=jar, trace_configs=[sent])
        # aiohttp silently repeats a GET whose connection broke, a call that nobody would count. It has no public
        # switch for that; its own test client uses this one.
        made._retry_connection = False  # noqa: SLF001
        return made

    return AiohttpTransport(client=session)
