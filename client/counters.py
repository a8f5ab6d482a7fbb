"""Counts of what happened, and the latest transitions."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from client.breakers.interface import State
from client.call import Outcome, Served

if TYPE_CHECKING:
    from client.events import CallEvent, TransitionEvent

KEPT_TRANSITIONS = 1000


class Counters:
    """A hook that counts."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.probes: Counter[str] = Counter()
        self.backend_calls = 0
        self.transitions: deque[TransitionEvent] = deque(maxlen=KEPT_TRANSITIONS)

    def on_call(self, event: CallEvent) -> None:
        """Count a call."""
        self.outcomes[event.outcome] += 1
        self.served[event.served] += 1
        self.backend_calls += event.backend_calls
        if event.refused is not None:
            self.refusals[event.refused] += 1
        elif event.state is State.HALF_OPEN:
            self.probes[event.outcome] += 1

    def on_transition(self, event: TransitionEvent) -> None:
        """Keep a transition."""
        self.transitions.append(event)

    def snapshot(self) -> dict[str, Any]:
        """JSON: requests, and how many of each outcome, served, refusal cause and probe outcome."""
        return {
            "requests": self.outcomes.total(),
            "outcomes": {name.value: self.outcomes[name] for name in Outcome},
            "served": {name.value: self.served[name] for name in Served},
            "refusals": dict(self.refusals),
            "probes": dict(self.probes),
            "backend_calls": self.backend_calls,
        }

    def transitions_json(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the latest transitions whose number is above `after`, oldest first."""
        return [asdict(event) for event in self.transitions if event.seq > after]
