"""What happened, as frozen events, handed to thin hooks that count, stream and export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from client.breakers.interface import State
    from client.call import Outcome, Served


@dataclass(frozen=True, slots=True)
class CallEvent:
    """The end of one protected call; `at` in monotonic seconds, `refused` the cause of a fast-fail."""

    at: float
    request_id: str
    outcome: Outcome
    served: Served
    status: int
    state: State
    fail_count: int
    duration_s: float
    attempts: int
    backend_calls: int
    refused: str | None


@dataclass(frozen=True, slots=True)
class TransitionEvent:
    """A change of the breaker's state; `seq` counts them from 1 for the app's life."""

    at: float
    seq: int
    before: State
    after: State
    cause: str
    fail_count: int


class Hook(Protocol):
    """Receives every event, in order, at once."""

    def on_call(self, event: CallEvent) -> None:
        """Take notice of a call that has ended."""

    def on_transition(self, event: TransitionEvent) -> None:
        """Take notice of a transition."""
