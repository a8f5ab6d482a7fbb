"""GET /data: the protected call, as an ASGI endpoint."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from service.caller import CallerGoneError, unless_gone

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from client.core import Client


class DataEndpoint:
    """Answers with the backend's answer, or with what the pipeline puts in its place."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a caller who hangs up cancels the call."""
        request_id = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        named = str(next(self._ids)) if request_id is None else request_id.decode("latin-1")
        try:
            call, answer = await unless_gone(self._client.call(named), receive)
        except CallerGoneError:
            return
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", str(len(answer.body)).encode()),
            (b"x-request-id", named.encode("latin-1")),
            (b"x-outcome", call.outcome.encode()),
            (b"x-served", call.served.encode()),
            (b"x-breaker-state", call.state.encode()),
            (b"x-breaker-failures", str(call.fail_count).encode()),
            (b"x-backend-calls", str(call.backend_calls).encode()),
            (b"x-attempts", str(call.attempts).encode()),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
