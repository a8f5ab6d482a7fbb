"""The two-step interface of every breaker: ask for a permit, report the result.

A breaker never calls anything and holds no clock: time comes in with each call, in seconds of one monotonic clock.
No method awaits, so on an event loop each one is atomic and no lock is needed across the protected call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.settings import BreakerSettings


class State(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Verdict(Enum):
    """What a result says about the backend's health."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"  # says nothing: cancelled, or the caller's own mistake (4xx)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to call the backend once. A permit of an earlier generation no longer counts."""

    state: State
    generation: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """No leave. `since`: when the breaker came to `state`; `retry_after_s`: how long until a call may get through."""

    state: State
    cause: str
    retry_after_s: float
    since: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state, with its cause and time."""

    at: float
    before: State
    after: State
    cause: str
    fail_count: int


class NoBreakerError(Exception):
    """Something was asked of a breaker where the policy has none."""


class Breaker(ABC):
    """A guard of one dependency."""

    def __init__(self, settings: BreakerSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        self.settings = settings
        self.since = now
        self._on_transition = on_transition

    @property
    @abstractmethod
    def state(self) -> State:
        """The state now; open lasts until a call is admitted after its time."""

    @property
    @abstractmethod
    def fail_count(self) -> int:
        """What the policy has counted towards opening."""

    @abstractmethod
    def admit(self, now: float) -> Permit | Refusal:
        """Decide on one call."""

    @abstractmethod
    def report(self, permit: Permit, verdict: Verdict, now: float) -> None:
        """Give a permit back with its result; each permit exactly once."""

    @abstractmethod
    def force(self, state: State, now: float, cause: str) -> None:
        """Go to `state` by hand, counts at zero; results of earlier permits no longer count.

        Raises NoBreakerError where the policy has none.
        """

    def details(self, now: float) -> dict[str, Any]:  # noqa: ARG002 - a policy with nothing to add ignores the time
        """More for the snapshot: whatever the policy keeps, as JSON."""
        return {}

    def _moved(self, before: State, now: float, cause: str) -> None:
        """Start the time in the state afresh, and tell of the transition where it was one."""
        self.since = now
        if self.state is not before:
            self._on_transition(Transition(now, before, self.state, cause, self.fail_count))
