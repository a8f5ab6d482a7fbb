"""What happened to a request, handed to hooks that log and trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from backend.faults import Fault


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that has left. `fault`: the fate that was drawn for it."""

    request_id: str | None
    attempt: int
    fault: Fault | None
    outcome: str
    duration_s: float


class Hook(Protocol):
    """Receives every event, in order, at once."""

    def on_visit(self, visit: Visit) -> None:
        """Take notice of a request that has left."""
