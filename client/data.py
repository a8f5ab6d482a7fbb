"""GET /data: the protected call, as an ASGI endpoint."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from service.caller import CallerGoneError, unless_gone
from service.wrong_input import WrongInputError

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
        request_id = _request_id(scope)
        named = str(next(self._ids)) if request_id is None else request_id
        try:
            call, answer = await unless_gone(self._client.call(named), receive)
        except CallerGoneError:
            return
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", str(len(answer.body)).encode()),
            (b"x-request-id", named.encode()),
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


def _request_id(scope: Scope) -> str | None:
    """Return X-Request-Id, or none. Raises WrongInputError where it cannot be handed on to the backend as it is."""
    value = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
    if value is None:
        return None
    text: str = value.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        detail = f"X-Request-Id: got {text!r:.80}; allowed: printable ASCII characters"
        raise WrongInputError([{"field": "X-Request-Id", "value": text, "detail": detail}])
    return text
