"""What arrived at the backend, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

OUTCOMES = ("ok", "error", "hang", "reset", "unreachable", "queue_full", "abandoned")


@dataclass
class Stats:
    """Counts since the start or the last reset. `abandoned`: the caller gave up before the answer."""

    received: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    busy_s: float = 0.0
    in_flight: int = 0
    peak_in_flight: int = 0

    def arrived(self) -> None:
        """Count a request in."""
        self.received += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def left(self, outcome: str) -> None:
        """Count a request out."""
        self.outcomes[outcome] += 1
        self.in_flight -= 1

    def reset(self) -> None:
        """Start to count afresh; requests that are inside stay inside."""
        self.received = 0
        self.outcomes.clear()
        self.busy_s = 0.0
        self.peak_in_flight = self.in_flight

    def snapshot(self) -> dict[str, Any]:
        """JSON: calls received, by outcome, worker-seconds used, requests inside now and at most."""
        return {
            "received": self.received,
            "outcomes": {name: self.outcomes[name] for name in OUTCOMES},
            "busy_s": self.busy_s,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
        }
