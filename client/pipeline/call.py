"""One protected call as it goes down the pipeline, and the answer that comes up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from client.breakers.interface import Counted, State


class Outcome(Counted):
    """How the protected call ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    FAST_FAIL = "fast_fail"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Served(Counted):
    """What the caller got."""

    FRESH = "fresh"
    STALE = "stale"
    FALLBACK = "fallback"
    NOTHING = "nothing"


@dataclass(slots=True)
class Call:
    """All that is known about a call. Each part of the pipeline fills in its own fields; hooks get it at its end.

    `state` is the breaker's state when it decided, `fail_count` its count after the result, `refused` the cause of a
    fast-fail. `at`, the end of the call, and `duration_s` are in seconds of the client's clock.
    """

    request_id: str
    at: float = 0.0
    duration_s: float = 0.0
    status: int = 0
    state: State = State.CLOSED
    fail_count: int = 0
    attempts: int = 0
    backend_calls: int = 0
    outcome: Outcome = Outcome.ERROR
    served: Served = Served.NOTHING
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer to the caller. `headers`: all except content type and length."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


Handler = Callable[[Call], Awaitable[Answer]]
"""A part of the pipeline with everything below it. Raises CallError."""
