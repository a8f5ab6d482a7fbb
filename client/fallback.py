"""What the caller gets when the call has no answer to give."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from client.call import Answer, Served
from client.classification import outcome_of_error
from client.errors import CallError, CallTimeoutError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.call import Call, Handler

_STATUS: dict[type[CallError], int] = {RefusedError: 503, CallTimeoutError: 504, CallError: 502}
_TITLES = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def with_fallback(inner: Handler, message: str, clock: Callable[[], float]) -> Handler:
    """Answer every CallError with `message`, why, and since when. Never raises CallError."""

    async def covered(call: Call) -> Answer:
        try:
            return await inner(call)
        except CallError as error:
            call.served = Served.FALLBACK
            call.outcome = outcome_of_error(error)
            return _substitute(error, {"message": message, "served": "fallback"}, b"application/json", clock)

    return covered


def without_fallback(inner: Handler, clock: Callable[[], float]) -> Handler:
    """Answer every CallError as a bare problem: the caller is served nothing. Never raises CallError."""

    async def bare(call: Call) -> Answer:
        try:
            return await inner(call)
        except CallError as error:
            call.served = Served.NOTHING
            call.outcome = outcome_of_error(error)
            return _substitute(error, {}, b"application/problem+json", clock)

    return bare


def _substitute(error: CallError, more: dict[str, Any], content_type: bytes, clock: Callable[[], float]) -> Answer:
    status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "detail": str(error),
        "outcome": outcome_of_error(error).value,
        **more,
    }
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(error, RefusedError):
        refusal = error.refusal
        body["since"] = _wall_time(clock() - refusal.since)
        body["retry_after_s"] = round(refusal.retry_after_s, 3)
        headers = ((b"retry-after", str(max(1, math.ceil(refusal.retry_after_s))).encode()),)
    return Answer(status, json.dumps(body).encode(), content_type, headers)


def _wall_time(ago_s: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds")
