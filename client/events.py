"""What happened, handed to thin hooks that count, stream and export."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from client.breakers.interface import State
    from client.pipeline.call import Call


@dataclass(frozen=True, slots=True)
class TransitionEvent:
    """A change of the breaker's state; `seq` counts them from 1 for the app's life.

    `request_id` names the call that brought it about; none: it came by hand, or with other settings.
    """

    at: float
    seq: int
    before: State
    after: State
    cause: str
    fail_count: int
    request_id: str | None = field(default=None, compare=False)


class TransitionHook(Protocol):
    """Receives every transition, in order, at once."""

    def on_transition(self, event: TransitionEvent) -> None:
        """Take notice of a transition."""


@runtime_checkable
class Hook(TransitionHook, Protocol):
    """Receives every event, in order, at once."""

    def on_call(self, call: Call) -> None:
        """Take notice of a call that has ended, and leave it as it is."""
