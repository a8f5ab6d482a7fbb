"""What happened, handed to thin hooks that count, stream and export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from client.breakers.interface import State
    from client.call import Call


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

    def on_call(self, call: Call) -> None:
        """Take notice of a call that has ended, and leave it as it is."""

    def on_transition(self, event: TransitionEvent) -> None:
        """Take notice of a transition."""
