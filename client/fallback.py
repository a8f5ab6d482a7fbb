"""What the caller gets when the call has no answer to give."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from client.call import Answer, Outcome, Served
from client.classification import outcome_of_answer, outcome_of_error
from client.errors import CallError, CallTimeoutError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.call import Call, Handler
    from client.settings import FallbackSettings

_STATUS: dict[type[CallError], int] = {RefusedError: 503, CallTimeoutError: 504, CallError: 502}
_TITLES = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def with_fallback(inner: Handler, settings: FallbackSettings, clock: Callable[[], float]) -> Handler:
    """Name the outcome, and answer every CallError. Never raises CallError.

    The answer is a problem (RFC 9457). Enabled, it carries the fallback message, too; disabled, the caller is served
    nothing.
    """

    async def covered(call: Call) -> Answer:
        try:
            answer = await inner(call)
        except CallError as error:
            call.outcome = outcome_of_error(error)
            call.served = Served.FALLBACK if settings.enabled else Served.NOTHING
            return _substitute(error, settings, clock)
        call.outcome = outcome_of_answer(answer)
        call.served = Served.FRESH if call.outcome is Outcome.OK else Served.NOTHING
        return answer

    return covered


def _substitute(error: CallError, settings: FallbackSettings, clock: Callable[[], float]) -> Answer:
    status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "detail": str(error),
        "outcome": outcome_of_error(error).value,
    }
    if settings.enabled:
        body |= {"message": settings.message, "served": Served.FALLBACK.value}
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(error, RefusedError):
        refusal = error.refusal
        body["since"] = _wall_time(clock() - refusal.since)
        body["retry_after_s"] = round(refusal.retry_after_s, 3)
        headers = ((b"retry-after", str(max(1, math.ceil(refusal.retry_after_s))).encode()),)
    return Answer(status, json.dumps(body).encode(), b"application/problem+json", headers)


def _wall_time(ago_s: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds")
