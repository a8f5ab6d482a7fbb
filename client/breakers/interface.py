"""The two-step interface of every breaker: ask for a permit, report the result.

A breaker never calls anything and holds no clock: time comes in with each call, in seconds of one monotonic clock.
No method awaits, so on an event loop each one is atomic and no lock is needed across the protected call.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

from client.breakers.policy import SHARED, PolicySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Counted(StrEnum):
    """Words by which calls are counted. A member equals its text, so it hashes like it; Enum would hash the name."""

    __hash__ = str.__hash__


class State(Counted):
    """The three states of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Verdict(Enum):
    """What a result says about the backend's health."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"  # says nothing: cancelled, or the caller's own mistake (4xx)


# For code that every call passes: looking up a member of an enum would cost more than the rest of that code.
CLOSED, OPEN, HALF_OPEN = State
SUCCESS, FAILURE, NEUTRAL = Verdict


@dataclass(slots=True, eq=False)
class Permit:
    """Permission to call the backend, given at `at`. A permit of an earlier generation no longer counts.

    If a breaker has to tell calls apart, each call has its own permit; otherwise all calls share one.
    """

    state: State
    generation: int
    at: float


class Refusal(NamedTuple):
    """No permission. `since`: when `state` began; `retry_after_s`: how long until a call may get through.

    It is infinite for a breaker that is held open by hand.
    """

    state: State
    cause: StrEnum
    retry_after_s: float
    since: float


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a breaker changed its state: one of a few kinds, which can be counted, and sometimes a detail for people."""

    kind: StrEnum
    detail: str = ""

    def __str__(self) -> str:
        """Return the text for people."""
        return self.detail or self.kind.value


class Intervention(Counted):
    """A change of the state from outside."""

    OPENED = "open by hand"
    CLOSED = "close by hand"
    RESET = "reset by hand"
    SETTINGS_CHANGED = "settings changed"


class Move(NamedTuple):
    """A change of state with the kind of its cause."""

    before: State
    after: State
    kind: StrEnum


# Changes from outside, which are possible with every policy.
INTERVENTIONS = (
    *(Move(CLOSED, OPEN, kind) for kind in (Intervention.OPENED, Intervention.SETTINGS_CHANGED)),
    Move(HALF_OPEN, OPEN, Intervention.OPENED),
    *(
        Move(before, CLOSED, kind)
        for before in (HALF_OPEN, OPEN)
        for kind in (Intervention.CLOSED, Intervention.RESET, Intervention.SETTINGS_CHANGED)
    ),
)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state, with its cause and time."""

    at: float
    before: State
    after: State
    cause: Cause
    fail_count: int


class Kept(Counted):
    """What a breaker takes over from the one before it, when its settings are changed."""

    STATE = "state"
    OPEN_TIME = "open time left"
    RECOVERIES = "failed recoveries"
    PROBES = "probes"
    CALLS = "calls under way"
    COUNTS = "counts"


# With these words ends why a breaker refused nothing, where it never could have.
OUT_OF_REACH = "is out of reach"


class CallResult(NamedTuple):
    """One call of a run: when it ended, in seconds, whether it failed, and whether it was slow."""

    at: float
    failed: bool
    slow: bool = False


# The calls of a run, in order.
Results: TypeAlias = "Sequence[CallResult]"


class NoBreakerError(Exception):
    """Somebody asked for a state that the policy does not have."""


class Breaker(ABC):
    """A guard of one dependency.

    `state` changes only when a call asks: open lasts until a call is admitted after the open time. `fail_count` is what
    the policy has counted towards refusing. `shared_permit` is a permit that any call may take without asking; none if
    each call has to ask.
    """

    # Its settings. None for a fixed policy, which needs none to decide and keeps those of other policies for later.
    settings_type: ClassVar[type[PolicySettings] | None] = None
    # All that it can do, so that each counter can start from zero.
    moves: ClassVar[tuple[Move, ...]] = ()
    refusals: ClassVar[tuple[StrEnum, ...]] = ()

    @classmethod
    def reads(cls) -> frozenset[str]:
        """Return the settings that the policy acts on."""
        return frozenset() if cls.settings_type is None else frozenset(cls.settings_type.model_fields) - SHARED

    @classmethod
    def explain_no_refusal(cls, settings: Any, runs: Iterable[Results]) -> str | None:  # noqa: ARG003
        """Say why a breaker with these settings refused nothing, though calls failed; none where that explains itself.

        Each run begins with a fresh breaker.
        """
        return None

    def __init__(self, settings: PolicySettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        self.settings = settings
        self.since = now
        self.state = State.CLOSED
        self.fail_count = 0
        self.shared_permit: Permit | None = None
        self._on_transition = on_transition
        self._timeout_s = 0.0  # of a call; 0: nothing limits it
        # The breaker that has taken over, and gets the results of calls that this one let through.
        self._successor: Breaker | None = None
        self._uniform = random.Random(settings.seed).random  # noqa: S311 - it spreads load and keeps no secret

    @abstractmethod
    def admit(self, now: float) -> Permit | Refusal:
        """Decide on one call."""

    @abstractmethod
    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Give a permit back with its result; each permit exactly once.

        `retry_after_s`: how long the backend asked callers to wait, if it did, whatever the verdict.
        """

    @property
    def in_charge(self) -> Breaker:
        """The breaker that decides: this one, unless it only asks others."""
        return self

    def adopt(self, before: Breaker, now: float) -> tuple[Kept, ...]:  # noqa: ARG002 - for those that take over more
        """Go on where `before` stands, as far as that means the same here; return what has been kept.

        For a breaker that is fresh. `before` must not be asked any more; the results of calls that it let through
        count here where calls under way are kept.
        """
        return ()

    def replace_settings(self, settings: PolicySettings) -> None:
        """Take settings that make it act as before: another name, or what other policies would read."""
        self.settings = settings

    def _take_over_from(self, before: Breaker) -> None:
        """Get the results of calls that `before` let through, and its random draws, unless there is another seed."""
        before._successor = self
        before.shared_permit = None
        if before.settings.seed == self.settings.seed:
            self._uniform = before._uniform

    def limit_calls(self, timeout_s: float | None) -> None:
        """Learn how long a call may take from now on, in seconds; none: nothing limits it."""
        self._timeout_s = timeout_s or 0.0

    @abstractmethod
    def force(self, state: State, now: float, kind: StrEnum, for_s: float | None = None) -> None:
        """Go to `state` by hand and reset the counts; results of earlier permits no longer count.

        Open lasts `for_s` seconds before the first probe; without them, until somebody closes it.
        Raises NoBreakerError if the policy has no such state.
        """

    def details(self, now: float) -> dict[str, Any]:  # noqa: ARG002 - a policy with nothing to add ignores the time
        """Return what the policy adds to the snapshot, as JSON."""
        return {}
