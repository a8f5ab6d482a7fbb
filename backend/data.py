"""GET /data: the work, as an ASGI endpoint that notices a caller who gives up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from backend.errors import QUEUE_FULL_RETRY_AFTER_S, QueueFullError
from backend.reset import reset_connection
from inputs.wrong_input import WrongInputError
from service.caller import CallerGoneError, run_for_caller
from service.guard import limits
from service.guard.headers import NO_SNIFF, REQUEST_ID, RequestIdTooLongError
from service.problems import problem, wrong_input
from service.protocol import connection_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from backend.core import Backend
    from backend.faults import Fault


class DataEndpoint:
    """Answers each request with the fault that the backend's profile draws for it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            request_id, attempt = _read_identity(scope)
            fault = await run_for_caller(self._backend.serve(request_id, attempt), receive, connection_of(scope))
        except CallerGoneError:
            return
        except WrongInputError as error:
            await wrong_input(error)(scope, receive, send)
            return
        except RequestIdTooLongError as error:
            await error.answer()(scope, receive, send)
            return
        except QueueFullError as error:
            await problem(503, str(error), _retry_after(QUEUE_FULL_RETRY_AFTER_S))(scope, receive, send)
            return
        if fault.kind in ("reset", "unreachable"):
            await reset_connection(scope, receive)
        else:
            response = _make_response(fault, request_id, attempt)
            response.raw_headers.append(NO_SNIFF)
            await response(scope, receive, send)


def _make_response(fault: Fault, request_id: str | None, attempt: int) -> Response:
    if fault.kind == "error":
        detail = "injected by the fault profile"
        return problem(fault.status, detail, _retry_after(fault.retry_after_s), request_id=request_id)
    body = {"data": "fresh from the backend", "request_id": request_id, "attempt": attempt}
    return Response(json.dumps(body), media_type="application/json")


def _retry_after(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _read_identity(scope: Scope) -> tuple[str | None, int]:
    """Return X-Request-Id, or none, and X-Attempt. Raises WrongInputError, RequestIdTooLongError."""
    request_id: str | None = None
    attempt = 1
    for name, value in scope["headers"]:
        if name == REQUEST_ID:
            if len(value) > limits.LONGEST_REQUEST_ID:
                raise RequestIdTooLongError(len(value))
            request_id = value.decode("latin-1")
        elif name == b"x-attempt":
            text = value.decode("latin-1")
            if not (text.isascii() and text.isdigit() and len(text) <= 4 and 0 < int(text) <= 1000):
                detail = f"X-Attempt: got {text!r:.80}; allowed: a whole number from 1 to 1000"
                raise WrongInputError([{"field": "X-Attempt", "value": text, "detail": detail}])
            attempt = int(text)
    return request_id, attempt
