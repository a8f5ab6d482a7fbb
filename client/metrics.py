"""Prometheus metrics of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from client.breakers.interface import State

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from client.events import CallEvent, TransitionEvent

# From below a fast-fail to a reset_timeout.
BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """A hook that exports; every label has a small, fixed set of values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter("client_calls", "Protected calls that ended.", ["outcome", "served"], registry=registry)
        self._duration = Histogram(
            "client_call_duration_seconds",
            "Time to the answer.",
            ["outcome"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._backend_calls = Counter("client_backend_calls", "Calls sent to the backend.", registry=registry)
        self._refusals = Counter("breaker_refusals", "Calls refused, by cause.", ["cause"], registry=registry)
        self._transitions = Counter("breaker_transitions", "Changes of state.", ["before", "after"], registry=registry)
        self._state = Gauge("breaker_state", "1 for the state the breaker is in.", ["state"], registry=registry)
        self._show(State.CLOSED)

    def on_call(self, event: CallEvent) -> None:
        """Count and time a call."""
        self._calls.labels(event.outcome, event.served).inc()
        self._duration.labels(event.outcome).observe(event.duration_s)
        self._backend_calls.inc(event.backend_calls)
        if event.refused is not None:
            self._refusals.labels(event.refused).inc()

    def on_transition(self, event: TransitionEvent) -> None:
        """Count a transition and show the new state."""
        self._transitions.labels(event.before, event.after).inc()
        self._show(event.after)

    def _show(self, now: State) -> None:
        for state in State:
            self._state.labels(state).set(state is now)
