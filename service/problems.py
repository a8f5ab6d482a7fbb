"""Errors of a service as RFC 9457 problem details."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from inputs.limits import LONGEST_VALUE
from inputs.shown import show_value
from inputs.wrong_input import WrongInputError
from service.methods import allowed_methods

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

_NAMED = frozenset(HTTPStatus)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> Response:
    """Build the response; `extra` are RFC 9457 extension members."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if status in _NAMED else f"Status {status}",
        "status": status,
        "detail": detail,
        **extra,
    }
    # ASCII, since the user's text may contain half a surrogate pair, which no encoding allows.
    return Response(json.dumps(body), status, dict(headers or {}), media_type="application/problem+json")


def wrong_input(error: WrongInputError) -> Response:
    """Build the response to wrong input: 422 with each mistake in `errors`."""
    return problem(422, str(error), errors=error.told)


def install_handlers(app: FastAPI, statuses: Mapping[type[Exception], int]) -> None:
    """Answer every error of `app` as a problem; `statuses` maps the service's own errors to a status."""

    async def answer_wrong_input(_: Request, error: Exception) -> Response:
        return wrong_input(error) if isinstance(error, WrongInputError) else problem(422, str(error))

    async def answer_wrong_request(_: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        problems = []
        for each in found:
            field, got = ".".join(str(part)[:LONGEST_VALUE] for part in each["loc"]), show_value(each["input"])
            problems.append({"field": field, "value": got, "detail": f"{field}: got {got}; {each['msg']}"})
        return wrong_input(WrongInputError(problems))

    async def answer_http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 405:
            return problem(405, getattr(error, "detail", str(error)), {"Allow": allowed_methods(request)})
        return problem(status, getattr(error, "detail", str(error)), getattr(error, "headers", None))

    async def answer_gone_caller(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # nobody reads this: the caller left while sending

    async def answer_own_error(_: Request, error: Exception) -> Response:
        status = next(code for kind, code in statuses.items() if isinstance(error, kind))
        return problem(status, str(error))

    app.add_exception_handler(WrongInputError, answer_wrong_input)
    app.add_exception_handler(RequestValidationError, answer_wrong_request)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(ClientDisconnect, answer_gone_caller)
    for kind in statuses:
        app.add_exception_handler(kind, answer_own_error)
