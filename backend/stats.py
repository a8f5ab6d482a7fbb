"""What arrived at the backend, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from backend.faults import Kind
from service.observe.tally import Tally

if TYPE_CHECKING:
    from backend.faults import Fault

OUTCOMES = (*get_args(Kind), "queue_full", "abandoned")
INJECTED = tuple(kind for kind in get_args(Kind) if kind != "ok")


@dataclass
class Stats:
    """Counts since the start or the last reset. `abandoned`: the caller gave up before the answer.

    `injected` counts faults as they begin, since a hang never leaves as one; `delay_s` sums up the latencies injected.
    """

    received: int = 0
    durations: dict[str, Tally] = field(default_factory=dict)
    injected: Counter[str] = field(default_factory=Counter)
    delay_s: float = 0.0
    busy_s: float = 0.0
    in_flight: int = 0
    peak_in_flight: int = 0

    @property
    def outcomes(self) -> dict[str, int]:
        """How many ended in each way that there was."""
        return {outcome: tally.calls for outcome, tally in self.durations.items()}

    def arrived(self) -> None:
        """Count a request in."""
        self.received += 1
        self.in_flight += 1
        if self.in_flight > self.peak_in_flight:  # noqa: PLR1730 - max() takes eight times as long
            self.peak_in_flight = self.in_flight

    def met(self, fault: Fault) -> None:
        """Count what is done to a request from here on."""
        if fault.kind != "ok":
            self.injected[fault.kind] += 1
        if fault.kind != "hang":
            self.delay_s += fault.latency_s

    def left(self, outcome: str, seconds: float) -> None:
        """Count a request out, after so many seconds."""
        self.in_flight -= 1
        tally = self.durations.get(outcome)
        if tally is None:
            tally = self.durations[outcome] = Tally()
        tally.add(seconds)

    def reset(self) -> None:
        """Start to count afresh; requests that are inside stay inside."""
        self.received = 0
        self.durations.clear()
        self.injected.clear()
        self.delay_s = 0.0
        self.busy_s = 0.0
        self.peak_in_flight = self.in_flight

    def snapshot(self) -> dict[str, Any]:
        """JSON: calls received, by outcome, worker-seconds used, requests inside now and at most."""
        return {
            "received": self.received,
            "outcomes": {name: self.outcomes.get(name, 0) for name in OUTCOMES},
            "busy_s": self.busy_s,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
        }
