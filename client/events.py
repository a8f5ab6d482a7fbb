"""Events, passed to small hooks that count, stream and export them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from client.breakers.interface import Cause, State
    from client.pipeline.call import Call


@dataclass(frozen=True, slots=True)
class TransitionEvent:
    """A change of the breaker's state; `seq` counts them from 1 for the app's life.

    `request_id` names the call that caused it; none: a change by hand or of the settings.
    """

    at: float
    seq: int
    before: State
    after: State
    cause: Cause
    fail_count: int
    request_id: str | None = field(default=None, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON, with the cause as text."""
        return {**asdict(self), "cause": str(self.cause)}


class TransitionHook(Protocol):
    """Receives every transition, in order, at once."""

    def on_transition(self, event: TransitionEvent) -> None:
        """Handle a transition."""


@runtime_checkable
class Hook(TransitionHook, Protocol):
    """Receives every event, in order, at once."""

    def on_call(self, call: Call) -> None:
        """Handle a call that has ended, without changing it."""
