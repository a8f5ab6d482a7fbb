"""Bodies within bounds of length and time, read before a route sees the request."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from inputs.json_text import read_json
from inputs.limits import MOST_VALUES
from inputs.wrong_input import WrongInputError
from service.guard.limits import BODY_SILENT_S, DROP_FOR_S, DROP_UP_TO, LONGEST_BODY, LONGEST_FAULTS_BODY
from service.problems import problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CHANGES_FAULTS = frozenset({"PUT", "PATCH"})


class BodyTooLongError(Exception):
    """The body is longer than allowed; `read` bytes of it have come so far."""

    def __init__(self, read: int) -> None:
        super().__init__(f"{read} bytes")
        self.read = read


class BoundedBody:
    """Reads a request's body, and passes the request on with all of it, or answers 413 or 408.

    So no route has a body left over, not even one that takes none, or that is not there. `faults_path`: where the
    service takes fault plans, whose bodies may be longer.
    """

    def __init__(self, app: ASGIApp, faults_path: str) -> None:
        self._app = app
        self._faults_path = faults_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        limit = self._longest_body(scope)
        try:
            body = await _read_body(scope, receive, limit)
        except BodyTooLongError as error:
            await _refuse(limit, error.read, scope, receive, send)
        except TimeoutError:
            detail = f"body: no byte came for {BODY_SILENT_S:g} s"
            await problem(408, detail, {"Connection": "close"})(scope, receive, send)
        else:
            if body is not None:
                await self._app(scope, _replay(body, receive), send)

    def _longest_body(self, scope: Scope) -> int:
        takes_faults = scope["path"] == self._faults_path and scope["method"] in _CHANGES_FAULTS
        return LONGEST_FAULTS_BODY if takes_faults else LONGEST_BODY


async def read_object(request: Request) -> dict[str, Any]:
    """Return a JSON body that must be an object. Raises WrongInputError."""
    try:
        body = read_json(await request.body(), MOST_VALUES)
    except ValueError as error:
        raise WrongInputError([{"field": "body", "value": None, "detail": f"body: {error}"}]) from error
    if not isinstance(body, dict):
        raise WrongInputError([{"field": "body", "value": None, "detail": "body: must be a JSON object"}])
    return body


def _has_body(scope: Scope) -> bool:
    """Whether the head says that a body comes: RFC 9112, section 6.3."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def _declared_length(scope: Scope) -> int:
    """Return Content-Length; 0 if it is not there, and an endless body if it is no number that a body could have."""
    found = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(found) if found.isdigit() and len(found) < 20 else DROP_UP_TO


async def _read_body(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or none if its sender has gone. Raises BodyTooLongError, TimeoutError."""
    if _declared_length(scope) > limit:
        raise BodyTooLongError(0)
    body = bytearray()
    while True:
        async with asyncio.timeout(BODY_SILENT_S):
            message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLongError(len(body))
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that first gives the whole body, and then what the server says."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _refuse(limit: int, read: int, scope: Scope, receive: Receive, send: Send) -> None:
    detail = f"body: too long; allowed for {scope['method']} {scope['path']:.80}: at most {limit:,} bytes"
    await answer_early(problem(413, detail, limit_bytes=limit), scope, receive, send, read)


async def answer_early(answer: Response, scope: Scope, receive: Receive, send: Send, read: int = 0) -> None:
    """Answer before the body has come, and close the connection only when the caller has sent it, so that he can read.

    `read` bytes of it have come so far. A request without a body is answered like any other.
    """
    if not _has_body(scope):
        await answer(scope, receive, send)
        return
    headers = [*answer.raw_headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    try:
        await _drop_rest(receive, read)
    finally:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drop_rest(receive: Receive, read: int) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(DROP_FOR_S):
            while read <= DROP_UP_TO:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                read += len(message.get("body", b""))
