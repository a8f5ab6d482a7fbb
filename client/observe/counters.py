"""Counts, times and the latest transitions: the source of every figure that the client reports."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

from client.breakers.interface import HALF_OPEN, Move, State
from client.pipeline.call import Outcome, Served
from service.observe.tally import Tally

if TYPE_CHECKING:
    from client.events import TransitionEvent
    from client.pipeline.call import Call

KEPT_TRANSITIONS = 1000


class Counters:
    """A hook that counts. `now`: when the client was made, in seconds of its clock."""

    def __init__(self, now: float = 0.0) -> None:
        self.tallies: defaultdict[tuple[Outcome, Served], Tally] = defaultdict(Tally)
        self.refusals: Counter[str] = Counter()
        self.probes: Counter[str] = Counter()
        self.moves: Counter[Move] = Counter()
        self._in_state_s = dict.fromkeys(State, 0.0)  # of periods that have ended
        self._since = now
        self.backend_calls = 0
        self.transitions: deque[TransitionEvent] = deque(maxlen=KEPT_TRANSITIONS)

    def on_call(self, call: Call) -> None:
        """Count and time a call."""
        self.tallies[call.outcome, call.served].add(call.duration_s)
        self.backend_calls += call.backend_calls
        if call.refused is not None:
            self.refusals[call.refused] += 1
        elif call.state is HALF_OPEN:
            self.probes[call.outcome] += 1

    def on_transition(self, event: TransitionEvent) -> None:
        """Count and keep a transition."""
        self.moves[Move(event.before, event.after, event.cause.kind)] += 1
        self._in_state_s[event.before] += event.at - self._since
        self._since = event.at
        self.transitions.append(event)

    def in_state_s(self, state: State, now: float) -> dict[State, float]:
        """Return the seconds spent in each state, up to now; `state` is the current one."""
        return {**self._in_state_s, state: self._in_state_s[state] + now - self._since}

    def snapshot(self) -> dict[str, Any]:
        """Return the counts as JSON: all requests, and by outcome, by served, by refusal cause and by probe outcome."""
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
        return [event.as_json() for event in self.transitions if event.seq > after]
