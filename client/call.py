"""One protected call as it goes down the pipeline, and the answer that comes up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from client.breakers.interface import State


class Outcome(StrEnum):
    """How the protected call ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    FAST_FAIL = "fast_fail"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Served(StrEnum):
    """What the caller got."""

    FRESH = "fresh"
    STALE = "stale"
    FALLBACK = "fallback"
    NOTHING = "nothing"


@dataclass(slots=True)
class Call:
    """What is known of a call; each part of the pipeline fills in its own fields.

    `state` is the breaker's state when it decided, `fail_count` its count after the result.
    """

    request_id: str
    state: State = State.CLOSED
    fail_count: int = 0
    attempts: int = 0
    backend_calls: int = 0
    outcome: Outcome = Outcome.ERROR
    served: Served = Served.NOTHING
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer to the caller. `headers` are more than content type and length."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


Handler = Callable[[Call], Awaitable[Answer]]
"""A part of the pipeline with everything below it. Raises CallError."""
