"""Counts and times of what happened, and the latest transitions: the one book from which everything is told."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from client.breakers.interface import HALF_OPEN, State
from client.call import Outcome, Served

if TYPE_CHECKING:
    from client.call import Call
    from client.events import TransitionEvent

KEPT_TRANSITIONS = 1000
# Upper bounds of the duration's histogram, seconds: from below a fast-fail to a reset_timeout.
BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Tally:
    """Calls that ended alike: how many, how long they took in all, and how many in each bucket (the last: above)."""

    def __init__(self) -> None:
        self.calls = 0
        self.sum_s = 0.0
        self.buckets = [0] * (len(BUCKETS_S) + 1)


class Counters:
    """A hook that counts."""

    def __init__(self) -> None:
        self.tallies: dict[tuple[Outcome, Served], Tally] = {}
        self.refusals: Counter[str] = Counter()
        self.probes: Counter[str] = Counter()
        self.moves: Counter[tuple[State, State]] = Counter()
        self.backend_calls = 0
        self.transitions: deque[TransitionEvent] = deque(maxlen=KEPT_TRANSITIONS)

    def on_call(self, call: Call) -> None:
        """Count and time a call."""
        tally = self.tallies.get((call.outcome, call.served))
        if tally is None:
            tally = self.tallies[call.outcome, call.served] = Tally()
        tally.calls += 1
        tally.sum_s += call.duration_s
        tally.buckets[bisect_left(BUCKETS_S, call.duration_s)] += 1
        self.backend_calls += call.backend_calls
        if call.refused is not None:
            self.refusals[call.refused] += 1
        elif call.state is HALF_OPEN:
            self.probes[call.outcome] += 1

    def on_transition(self, event: TransitionEvent) -> None:
        """Count and keep a transition."""
        self.moves[event.before, event.after] += 1
        self.transitions.append(event)

    def snapshot(self) -> dict[str, Any]:
        """JSON: requests, and how many of each outcome, served, refusal cause and probe outcome."""
        outcomes = {name.value: 0 for name in Outcome}
        served = {name.value: 0 for name in Served}
        for (ended, got), tally in self.tallies.items():
            outcomes[ended] += tally.calls
            served[got] += tally.calls
        return {
            "requests": sum(outcomes.values()),
            "outcomes": outcomes,
            "served": served,
            "refusals": dict(self.refusals),
            "probes": dict(self.probes),
            "backend_calls": self.backend_calls,
        }

    def transitions_json(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the latest transitions whose number is above `after`, oldest first."""
        return [asdict(event) for event in self.transitions if event.seq > after]
