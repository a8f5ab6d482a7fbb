"""GET /data: the protected call, as an ASGI endpoint."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from inputs.wrong_input import WrongInputError
from service.caller import CallerGoneError, run_for_caller
from service.problems import wrong_input
from service.protocol import connection_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Receive, Scope, Send

    from client.core import Client


class DataEndpoint:
    """Sends the backend's answer, or the pipeline's answer in its place."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the call is cancelled if the caller hangs up."""
        connection = connection_of(scope)
        try:
            request_id = _request_id(scope["headers"]) or str(next(self._ids))
            call, answer = await run_for_caller(self._client.call(request_id), receive, connection)
        except CallerGoneError:
            return
        except WrongInputError as error:
            await wrong_input(error)(scope, receive, send)
            return
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            (b"x-request-id", request_id.encode()),
            (b"x-outcome", call.outcome.encode()),
            (b"x-served", call.served.encode()),
            (b"x-breaker-state", call.state.encode()),
            (b"x-breaker-failures", b"%d" % call.fail_count),
            (b"x-backend-calls", b"%d" % call.backend_calls),
            (b"x-attempts", b"%d" % call.attempts),
            *answer.headers,
        ]
        if connection is not None and connection.send_answer(answer.status, headers, answer.body):
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return X-Request-Id, '' if it is missing. Raises WrongInputError if it cannot be passed on unchanged."""
    for name, value in headers:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if not (text.isascii() and text.isprintable()):
                detail = f"X-Request-Id: got {text!r:.80}; allowed: printable ASCII characters"
                raise WrongInputError([{"field": "X-Request-Id", "value": text, "detail": detail}])
            return text
    return ""
