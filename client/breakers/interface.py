"""The two-step interface of every breaker: ask for a permit, report the result.

A breaker never calls anything and holds no clock: time comes in with each call, in seconds of one monotonic clock.
No method awaits, so on an event loop each one is atomic and no lock is needed across the protected call.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.breakers.settings import PolicySettings


class State(StrEnum):
    """Where a breaker stands."""

    __hash__ = str.__hash__  # Enum's own is not made in C, and every call is counted by its state

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Verdict(Enum):
    """What a result says about the backend's health."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"  # says nothing: cancelled, or the caller's own mistake (4xx)


# Where every call passes, these are used: looking up a member of an enum costs more than all else that is done there.
CLOSED, OPEN, HALF_OPEN = State
SUCCESS, FAILURE, NEUTRAL = Verdict


@dataclass(slots=True, eq=False)
class Permit:
    """Leave to call the backend, given at `at`. A permit of an earlier generation no longer counts.

    Where a breaker has to tell one call from another, each has a permit of its own; else one serves them all.
    """

    state: State
    generation: int
    at: float


class Refusal(NamedTuple):
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


# What the causes of transitions say. A cause may hold figures, too ("failure rate 57%: 4 of 7 calls"); a kind does not,
# so that it can be counted.
KINDS = (
    "fail_max reached",
    "slow-call rate",
    "failure rate",
    "reset_timeout elapsed",
    "probe succeeded",
    "probe failed",
    "probe was slow",
    "probe still out",
    "open by hand",
    "close by hand",
    "reset by hand",
    "settings changed",
)


def kind_of(cause: str) -> str:
    """Return the kind of a transition's cause; 'other' where it is none of them."""
    return next((kind for kind in KINDS if kind in cause), "other")


class NoBreakerError(Exception):
    """Something was asked of a breaker where the policy has none."""


class Breaker(ABC):
    """A guard of one dependency.

    `state` lasts until a call asks: open stays open until one is admitted after its time. `fail_count` is what the
    policy has counted towards refusing. `standing` is the permit that any call may take without asking; none where
    each has to ask.
    """

    # The settings that the policy acts on, beside `policy` and `name`.
    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: PolicySettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        self.settings = settings
        self.since = now
        self.state = State.CLOSED
        self.fail_count = 0
        self.standing: Permit | None = None
        self._on_transition = on_transition
        self._uniform = random.Random(settings.seed).random  # noqa: S311 - it spreads load, it keeps no secret

    @abstractmethod
    def admit(self, now: float) -> Permit | Refusal:
        """Decide on one call."""

    @abstractmethod
    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Give a permit back with its result; each permit exactly once.

        `retry_after_s`: how long the backend asked to be left alone, where it did.
        """

    @abstractmethod
    def force(self, state: State, now: float, cause: str) -> None:
        """Go to `state` by hand, counts at zero; results of earlier permits no longer count.

        Raises NoBreakerError where the policy has no such state.
        """

    def details(self, now: float) -> dict[str, Any]:  # noqa: ARG002 - a policy with nothing to add ignores the time
        """More for the snapshot: whatever the policy keeps, as JSON."""
        return {}
