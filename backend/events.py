"""What happened to a request, passed to hooks that log and trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from backend.faults import Fault


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that has ended. `fault`: the fault that was drawn for it."""

    request_id: str | None
    attempt: int
    fault: Fault | None
    outcome: str
    duration_s: float


class Hook(Protocol):
    """Receives every event, in order, at once."""

    def on_visit(self, visit: Visit) -> None:
        """Handle a request that has ended."""
