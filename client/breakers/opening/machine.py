"""The three states, common to every policy that opens: open time, probes, generations, the ramp after closing.

A policy adds only one decision: whether to trip after a result.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from client.breakers.interface import (
    CLOSED,
    FAILURE,
    HALF_OPEN,
    NEUTRAL,
    OPEN,
    SUCCESS,
    Breaker,
    Cause,
    Move,
    Permit,
    Refusal,
    State,
    Transition,
    Verdict,
)
from client.breakers.opening.settings import OpeningCause, OpeningRefusalCause, OpeningSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum


class OpeningBreaker(Breaker):
    """Closed until the policy trips it; open for a time; half-open with a bounded number of probes."""

    moves = (
        Move(OPEN, HALF_OPEN, OpeningCause.WAITED),
        *(
            Move(HALF_OPEN, OPEN, kind)
            for kind in (OpeningCause.PROBE_FAILED, OpeningCause.PROBE_SLOW, OpeningCause.PROBE_OUT)
        ),
        Move(HALF_OPEN, CLOSED, OpeningCause.PROBE_SUCCEEDED),
    )
    refusals = tuple(OpeningRefusalCause)
    settings: OpeningSettings

    def __init__(self, settings: OpeningSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        super().__init__(settings, now, on_transition)
        self._generation = 0
        self._open_for_s = 0.0
        self._failed_recoveries = 0  # in a row
        self._probes: dict[Permit, bool] = {}  # under way, oldest first; whether counted as slow already
        self._probes_ended = 0
        self._probe_successes = 0
        self._ramping = False
        self._late_results = 0
        self._slow_s = math.inf if settings.slow_call_s is None else settings.slow_call_s
        # Calls under way in closed, oldest first, that are not yet counted as slow; none if they do not count.
        self._under_way: OrderedDict[Permit, None] | None = OrderedDict() if settings.slow_in_flight else None
        self._renew_shared_permit(now)

    @abstractmethod
    def _count_call(self, permit: Permit, now: float, *, failed: bool, slow: bool) -> Cause | None:
        """Count a call in closed; return the cause if it is time to trip."""

    @abstractmethod
    def _count_late_failure(self, permit: Permit, now: float, *, failed: bool) -> Cause | None:
        """Count the end of a call that was already counted as slow while it was under way: see `_count_call`."""

    @abstractmethod
    def _reset_counts(self, now: float) -> None:
        """Reset all counts of the closed state, including `fail_count`."""

    def admit(self, now: float) -> Permit | Refusal:
        """Let calls through in closed, after the open time, and in half-open up to `max_probes` at once."""
        if self.state is CLOSED:
            return self._admit_closed(now)
        if self.state is OPEN:
            left = self._open_time_left(now)
            if left > 0:
                return Refusal(OPEN, OpeningRefusalCause.OPEN, left, self.since)
            self._enter_state(HALF_OPEN, now, Cause(OpeningCause.WAITED))
        return self._admit_probe(now)

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Count the result, unless its permit is of an earlier state."""
        if permit.generation != self._generation:
            self._late_results += 1
        elif permit.state is CLOSED:
            self._report_closed(permit, verdict, now, retry_after_s)
        else:
            self._report_probe(permit, verdict, now, retry_after_s)

    def force(self, state: State, now: float, kind: StrEnum) -> None:
        """Open (for `reset_timeout`), or close and forget the failures."""
        self._failed_recoveries = 0
        self._reset_counts(now)
        self._open_for_s = self.settings.reset_timeout
        self._enter_state(state, now, Cause(kind))

    def details(self, now: float) -> dict[str, Any]:
        """Time to the probe, probes under way, their successes, dropped late results, the share let through."""
        return {
            "retry_after_s": max(0.0, self._open_time_left(now)) if self.state is OPEN else 0.0,
            "open_for_s": self._open_for_s if self.state is OPEN else 0.0,
            "probes_out": len(self._probes),
            "probe_successes": self._probe_successes,
            "late_results": self._late_results,
            "let_through": {CLOSED: self._ramp_share(now), OPEN: 0.0}.get(self.state),
        }

    def _open_time_left(self, now: float) -> float:
        return self.since + self._open_for_s - now

    # Closed.

    def _admit_closed(self, now: float) -> Permit | Refusal:
        if self.shared_permit is not None:
            return self.shared_permit
        if self._under_way is not None:
            cause = self._count_overdue_calls(self._under_way, now)
            if cause is not None:
                self._open(now, cause, None)
                return Refusal(OPEN, OpeningRefusalCause.OPEN, self._open_for_s, now)
        if self._ramping:
            if self._uniform() >= self._ramp_share(now):
                return Refusal(CLOSED, OpeningRefusalCause.RAMPING, 0.0, self.since)
            if self._ramp_share(now) >= 1:
                self._ramping = False
                self._renew_shared_permit(now)
        permit = Permit(CLOSED, self._generation, now)
        if self._under_way is not None:
            self._under_way[permit] = None
        return permit

    def _renew_shared_permit(self, now: float) -> None:
        """Hand out one permit for all calls if nothing distinguishes them."""
        alike = self.state is CLOSED and not self._ramping and self._slow_s == math.inf
        self.shared_permit = Permit(CLOSED, self._generation, now) if alike else None

    def _ramp_share(self, now: float) -> float:
        return min(1.0, (now - self.since) / self.settings.ramp_s) if self._ramping else 1.0

    def _report_closed(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        cause = None
        if self._under_way is not None:
            cause = self._count_overdue_calls(self._under_way, now)
            counted = permit not in self._under_way
            self._under_way.pop(permit, None)
            if cause is None and counted:
                cause = self._count_late_failure(permit, now, failed=verdict is FAILURE)
                verdict = NEUTRAL
        if cause is None and verdict is not NEUTRAL:
            slow = now - permit.at >= self._slow_s
            cause = self._count_call(permit, now, failed=verdict is FAILURE, slow=slow)
        if cause is not None:
            self._open(now, cause, retry_after_s)

    def _count_overdue_calls(self, under_way: OrderedDict[Permit, None], now: float) -> Cause | None:
        """Count the calls under way that have become slow: the oldest ones, each once."""
        while under_way:
            permit = next(iter(under_way))
            if now - permit.at < self._slow_s:
                return None
            del under_way[permit]
            cause = self._count_call(permit, now, failed=False, slow=True)
            if cause is not None:
                return cause
        return None

    # Open and half-open.

    def _open(self, now: float, cause: Cause, retry_after_s: float | None) -> None:
        """Open from closed or half-open, for a time given by the settings or by the backend."""
        chosen = self.settings
        self._failed_recoveries = self._failed_recoveries + 1 if self.state is HALF_OPEN else 0
        cap = math.inf if chosen.open_max_s is None else chosen.open_max_s
        if chosen.honour_retry_after and retry_after_s:  # 0 ("at once") is no open time
            self._open_for_s = min(retry_after_s, cap)
        else:
            grown = chosen.reset_timeout * chosen.open_growth ** min(self._failed_recoveries, 100)
            self._open_for_s = min(grown, cap) * (1 - chosen.open_jitter * self._uniform())
        self._enter_state(OPEN, now, cause)

    def _admit_probe(self, now: float) -> Permit | Refusal:
        cause = self._count_overdue_probes(now) if self._probes else None
        if cause is not None:
            self._open(now, cause, None)
            return Refusal(OPEN, OpeningRefusalCause.OPEN, self._open_for_s, now)
        if len(self._probes) >= self.settings.max_probes:
            return Refusal(HALF_OPEN, OpeningRefusalCause.PROBES_OUT, 0.0, self.since)
        permit = Permit(HALF_OPEN, self._generation, now)
        self._probes[permit] = False
        return permit

    def _count_overdue_probes(self, now: float) -> Cause | None:
        """Count the slow probes under way; return a cause to open again if there are too many, or it took too long."""
        longest = self.settings.half_open_max_s
        if longest is not None and now - self.since >= longest:
            return Cause(OpeningCause.PROBE_OUT, f"half-open for {longest:g} s, and a probe still out")
        for probe, counted in self._probes.items() if self.settings.slow_in_flight else ():
            if now - probe.at < self._slow_s:
                break
            if not counted:
                self._probes[probe] = True
                self._probes_ended += 1
                if self._judge_probes(succeeded=False) is OPEN:
                    return Cause(OpeningCause.PROBE_SLOW)
        return None

    def _report_probe(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        counted = self._probes.pop(permit)
        if counted or verdict is NEUTRAL:
            return
        slow = now - permit.at >= self._slow_s
        succeeded = verdict is SUCCESS and not slow
        self._probes_ended += 1
        self._probe_successes += succeeded
        after = self._judge_probes(succeeded=succeeded)
        if after is CLOSED:
            self._reset_counts(now)
            self._failed_recoveries = 0
            self._ramping = self.settings.ramp_s > 0
            self._enter_state(after, now, Cause(OpeningCause.PROBE_SUCCEEDED))
        elif after is OPEN:
            slow_only = slow and verdict is SUCCESS
            self._open(now, Cause(OpeningCause.PROBE_SLOW if slow_only else OpeningCause.PROBE_FAILED), retry_after_s)

    def _judge_probes(self, *, succeeded: bool) -> State:
        """Return the state after a probe's result. By count, the first failure opens; by rate, once it is certain."""
        rate, of = self.settings.probe_success_rate, self.settings.probe_calls
        if rate is None:
            enough, failures_allowed = self.settings.success_threshold, 0
        else:
            enough = max(1, math.ceil(rate * of - 1e-9))  # 0.7 * 10 is a little more than 7
            failures_allowed = of - enough
        if not succeeded and self._probes_ended - self._probe_successes > failures_allowed:
            return OPEN
        return CLOSED if self._probe_successes >= enough else HALF_OPEN

    def _enter_state(self, state: State, now: float, cause: Cause) -> None:
        """Go to `state`, in a new generation."""
        before, self.state = self.state, state
        self.since = now
        self._generation += 1
        self._probes.clear()
        self._probes_ended = self._probe_successes = 0
        if self._under_way is not None:
            self._under_way.clear()
        if state is not CLOSED or before is not HALF_OPEN:
            self._ramping = False
        self._renew_shared_permit(now)
        self._follow_state(state)
        if state is not before:
            self._on_transition(Transition(now, before, state, cause, self.fail_count))

    def _follow_state(self, state: State) -> None:
        """Bring the policy's own state machine, if it has one, to `state`."""
