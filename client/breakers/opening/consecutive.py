"""pybreaker's state machine, adapted to asyncio.

pybreaker counts and decides: when to trip, and how many probes close. This adapter keeps what pybreaker 1.4 cannot
know when the call itself runs elsewhere: the permits (a bounded number of probes), their generation (a late result
changes nothing), and the monotonic time at which the breaker opened. The protected call runs outside pybreaker and
outside its lock. pybreaker gets only its result, through a call that does nothing. A success with no failure before it
would change nothing, and is not passed on at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import pybreaker
from pydantic import Field

from client.breakers.interface import CLOSED, HALF_OPEN, OPEN, SUCCESS, Cause, Counted, Move, Permit, State, Verdict
from client.breakers.opening.machine import OpeningBreaker
from client.breakers.opening.settings import AgingSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from client.breakers.interface import Results, Transition


class _ReportedError(Exception):
    """A failure in the form that pybreaker takes."""


def _succeed() -> None:
    pass


def _fail() -> None:
    raise _ReportedError


class ConsecutiveTripCause(Counted):
    """Why it trips."""

    FAIL_MAX = "fail_max reached"


class ConsecutiveSettings(AgingSettings):
    """Failures in a row. `fail_max`, `reset_timeout`, `success_threshold` as in pybreaker."""

    policy: Literal["consecutive"] = "consecutive"
    fail_max: int = Field(5, ge=1, le=1_000_000, description="consecutive failures that trip the breaker")


class ConsecutiveBreaker(OpeningBreaker):
    """Opens after `fail_max` consecutive failures; probes after `reset_timeout` seconds.

    Closes after `success_threshold` probes have succeeded; opens again at the first that fails. With `slow_call_s`, a
    slow call is a failure. A pause of `forget_after_s` after a failure forgets those in the row.
    """

    settings_type = ConsecutiveSettings
    moves = (Move(CLOSED, OPEN, ConsecutiveTripCause.FAIL_MAX), *OpeningBreaker.moves)

    def __init__(self, settings: ConsecutiveSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        self._machine = pybreaker.CircuitBreaker(
            fail_max=settings.fail_max,
            reset_timeout=settings.reset_timeout,
            success_threshold=settings.success_threshold,
            name=settings.name,
            throw_new_error_on_trip=False,
        )
        self._failed_at = math.inf  # when the last failure in closed was counted; none yet
        self._forget_after_s = math.inf if settings.forget_after_s is None else settings.forget_after_s
        super().__init__(settings, now, on_transition)

    @classmethod
    def explain_no_refusal(cls, settings: ConsecutiveSettings, runs: Iterable[Results]) -> str | None:
        """Say how many failures in a row there were."""
        pause_s = math.inf if settings.forget_after_s is None else settings.forget_after_s
        longest = 0
        for results in runs:
            row, last = 0, -math.inf
            for at, failed, slow in results:
                counts = failed or slow
                if not counts or at - last >= pause_s:
                    row = 0
                if counts:
                    row, last = row + 1, at
                    longest = max(longest, row)
        if not longest:
            return None
        near = "" if pause_s == math.inf else f" with less than {pause_s:g} s between them"
        return f"at most {longest} failure{'s' * (longest > 1)} in a row{near}, fail_max {settings.fail_max}"

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Count the result, unless its permit is of an earlier state."""
        # The most frequent case, in which nothing would change.
        if verdict is SUCCESS and permit is self.shared_permit and self.fail_count == 0:
            return
        super().report(permit, verdict, now, retry_after_s)

    def _count_call(self, permit: Permit, now: float, *, failed: bool, slow: bool) -> Cause | None:  # noqa: ARG002
        if self._forget_after_s < math.inf and self._has_aged(now):
            self._machine.close()  # alone sets pybreaker's failure count to zero
        if failed or slow:
            self._failed_at = now
        self._feed_machine(succeeded=not (failed or slow))
        return Cause(ConsecutiveTripCause.FAIL_MAX) if self._machine.current_state == pybreaker.STATE_OPEN else None

    def _has_aged(self, now: float) -> bool:
        """Whether what was counted in closed is too long ago."""
        return now - self._failed_at >= self._forget_after_s

    def _count_late_failure(self, permit: Permit, now: float, *, failed: bool) -> None:
        """Count nothing: the slowness has already been counted as the failure."""

    def _feed_machine(self, *, succeeded: bool) -> None:
        try:
            self._machine.call(_succeed if succeeded else _fail)
        except _ReportedError as reported:
            # The frame in which pybreaker raises it also holds it: a cycle that would keep the failed call in memory
            # until the next garbage collection.
            reported.__traceback__ = None
        self.fail_count = self._machine.fail_counter

    def _judge_probes(self, *, succeeded: bool) -> State:
        if self.settings.probe_success_rate is not None:  # pybreaker has no such setting
            return super()._judge_probes(succeeded=succeeded)
        self._feed_machine(succeeded=succeeded)
        return State(self._machine.current_state)

    def _adopt_counts(self, before: ConsecutiveBreaker, now: float) -> bool:
        if before.settings.slow_call_s not in (None, self.settings.slow_call_s):
            return False
        if before.state is CLOSED and before._has_aged(now):
            before._reset_counts(now)
        self._machine = before._machine
        self._machine.fail_max = self.settings.fail_max
        self._machine.reset_timeout = self.settings.reset_timeout
        self._machine.success_threshold = self.settings.success_threshold
        self.fail_count, self._failed_at = before.fail_count, before._failed_at
        return True

    def _restore_probe_successes(self) -> None:
        if self.settings.probe_success_rate is None:
            self._machine.half_open()  # alone sets pybreaker's count of successes to zero
            # Of more than are needed, as after a change of settings, the next one closes.
            for _ in range(min(self._probes.successes, self.settings.success_threshold - 1)):
                self._feed_machine(succeeded=True)

    def _reset_counts(self, now: float) -> None:  # noqa: ARG002
        self._machine.close()  # the only way to reset pybreaker's failure count
        self.fail_count = 0

    def details(self, now: float) -> dict[str, Any]:
        """Give the count as of now, not as of the last result."""
        found = super().details(now)
        return {**found, "fail_count": 0} if self.state is CLOSED and self._has_aged(now) else found

    def _follow_state(self, state: State) -> None:
        if self._machine.current_state != state:
            {
                CLOSED: self._machine.close,
                OPEN: self._machine.open,
                HALF_OPEN: self._machine.half_open,
            }[state]()
