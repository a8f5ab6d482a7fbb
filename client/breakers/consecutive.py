"""pybreaker's state machine, made right for asyncio.

pybreaker decides on counts and transitions. This adapter keeps what pybreaker 1.4 cannot know when the call itself
runs elsewhere: the permits (a bounded number of probes), their generation (a late result changes nothing), and the
monotonic time at which the breaker opened. The protected call runs outside pybreaker and outside its lock; only its
result is told, with a call that does nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pybreaker

from client.breakers.interface import Breaker, Permit, Refusal, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.breakers.interface import Transition
    from client.settings import BreakerSettings


class _ReportedError(Exception):
    """The failure that pybreaker is told of."""


def _succeed() -> None:
    pass


def _fail() -> None:
    raise _ReportedError


class ConsecutiveBreaker(Breaker):
    """Opens after `fail_max` consecutive failures; probes after `reset_timeout` seconds.

    Closes after `success_threshold` probes have succeeded; opens again at the first that fails.
    """

    def __init__(self, settings: BreakerSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        super().__init__(settings, now, on_transition)
        self._machine = pybreaker.CircuitBreaker(
            fail_max=settings.fail_max,
            reset_timeout=settings.reset_timeout,
            success_threshold=settings.success_threshold,
            name=settings.name,
            throw_new_error_on_trip=False,
        )
        self._generation = 0
        self._probes_out = 0
        self._late = 0

    @property
    def state(self) -> State:
        """Where pybreaker stands."""
        return State(self._machine.current_state)

    @property
    def fail_count(self) -> int:
        """Consecutive failures."""
        return self._machine.fail_counter

    def admit(self, now: float) -> Permit | Refusal:
        """Let through when closed; when open, once its time is over; in half-open, up to `max_probes` at once."""
        state = self.state
        if state is State.CLOSED:
            return Permit(state, self._generation)
        if state is State.OPEN:
            left = self.since + self.settings.reset_timeout - now
            if left > 0:
                return Refusal(state, "open", left, self.since)
            self._machine.half_open()
            self._enter(state, now, "reset_timeout elapsed")
        if self._probes_out >= self.settings.max_probes:
            return Refusal(State.HALF_OPEN, "all probes are out", 0.0, self.since)
        self._probes_out += 1
        return Permit(State.HALF_OPEN, self._generation)

    def report(self, permit: Permit, verdict: Verdict, now: float) -> None:
        """Tell pybreaker, unless the permit is of an earlier state."""
        if permit.generation != self._generation:
            self._late += 1
            return
        before = permit.state
        if before is State.HALF_OPEN:
            self._probes_out -= 1
        if verdict is Verdict.SUCCESS:
            self._machine.call(_succeed)
            if self.state is not before:
                self._enter(before, now, "probe succeeded")
        elif verdict is Verdict.FAILURE:
            with suppress(_ReportedError):
                self._machine.call(_fail)
            if self.state is not before:
                self._enter(before, now, "fail_max reached" if before is State.CLOSED else "probe failed")

    def force(self, state: State, now: float, cause: str) -> None:
        """Open (for `reset_timeout`), or close and forget the failures."""
        before = self.state
        self._machine.close()  # alone sets pybreaker's failure count to zero
        if state is State.OPEN:
            self._machine.open()
        self._enter(before, now, cause)

    def details(self, now: float) -> dict[str, Any]:
        """Time to the probe, probes under way, successes of `success_threshold`, dropped late results."""
        left = self.since + self.settings.reset_timeout - now if self.state is State.OPEN else 0.0
        return {
            "retry_after_s": max(0.0, left),
            "probes_out": self._probes_out,
            "probe_successes": self._machine.success_counter,
            "late_results": self._late,
        }

    def _enter(self, before: State, now: float, cause: str) -> None:
        self._generation += 1
        self._probes_out = 0
        self._moved(before, now, cause)
