"""Headers of control requests and of their answers: what is too long to be logged, and what no browser may guess at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.guard import limits
from service.problems import problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = b"x-request-id"
NO_SNIFF = (b"x-content-type-options", b"nosniff")


class RequestIdTooLongError(Exception):
    """X-Request-Id is longer than is passed on and logged."""

    def __init__(self, length: int) -> None:
        super().__init__(
            f"X-Request-Id: got {length:,} characters; allowed: at most {limits.LONGEST_REQUEST_ID} characters"
        )

    def answer(self) -> Response:
        """Return the answer to the request."""
        return problem(431, str(self), {"X-Content-Type-Options": "nosniff"})


class GuardedHeaders:
    """Refuses a request id that is too long, and forbids browsers to take an answer for another type than it says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        for name, value in scope["headers"]:
            if name == REQUEST_ID and len(value) > limits.LONGEST_REQUEST_ID:
                await RequestIdTooLongError(len(value)).answer()(scope, receive, send)
                return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start" and NO_SNIFF not in message["headers"]:
                message["headers"] = [*message["headers"], NO_SNIFF]
            await send(message)

        await self._app(scope, receive, send_guarded)
