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
    Kept,
    Move,
    Permit,
    Refusal,
    State,
    Transition,
    Verdict,
)
from client.breakers.opening.probes import Probes
from client.breakers.opening.settings import OpeningCause, OpeningRefusalCause, OpeningSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum


class OpeningBreaker(Breaker):
    """Closed until the policy trips it; open for a time; half-open with a bounded number of probes."""

    moves = (
        *(Move(OPEN, HALF_OPEN, kind) for kind in (OpeningCause.WAITED, OpeningCause.OVERDUE_SUCCEEDED)),
        *(
            Move(HALF_OPEN, OPEN, kind)
            for kind in (OpeningCause.PROBE_FAILED, OpeningCause.PROBE_SLOW, OpeningCause.PROBE_OUT)
        ),
        Move(HALF_OPEN, CLOSED, OpeningCause.PROBE_SUCCEEDED),
        *(Move(before, OPEN, OpeningCause.ASKED) for before in (CLOSED, HALF_OPEN)),
    )
    refusals = tuple(OpeningRefusalCause)
    settings: OpeningSettings

    def __init__(self, settings: OpeningSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        super().__init__(settings, now, on_transition)
        self._generation = 0
        self._open_for_s = 0.0
        self._growth_steps = 0  # failed recoveries in a row, and trips soon after one that succeeded
        self._recovered_at = -math.inf  # when probes closed it
        self._probes = Probes()
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
            self._report_late(permit, verdict, now, retry_after_s)
        elif permit.state is CLOSED:
            self._report_closed(permit, verdict, now, retry_after_s)
        else:
            self._report_probe(permit, verdict, now, retry_after_s)

    def adopt(self, before: Breaker, now: float) -> tuple[Kept, ...]:
        """Take over from any policy that opens: its state until the time that it announced, its probes, its calls.

        Counts, and calls that were counted while under way, are only those of the same policy.
        """
        found = before.in_charge
        return self._adopt_machine(found, now) if isinstance(found, OpeningBreaker) else ()

    def _adopt_machine(self, before: OpeningBreaker, now: float) -> tuple[Kept, ...]:
        shared = before.shared_permit
        if shared is not None:
            shared.at = math.inf  # no call's own, so nobody can tell from it how long one took
        self._take_over_from(before)
        self.state, self.since = before.state, before.since
        self._open_for_s = before._open_for_s
        self._growth_steps, self._recovered_at = before._growth_steps, before._recovered_at
        self._probes, self._late_results = before._probes, before._late_results
        self._ramping = before._ramping and self.settings.ramp_s > 0
        counted = type(before) is type(self) and self._adopt_counts(before, now)
        self._generation = before._generation
        called = self._adopt_calls(before, counted=counted)
        if not called:
            self._generation += 1
        before._generation = -1  # so that every result it gets is late there, and passed on
        self._follow_state(self.state)
        if self.state is HALF_OPEN:
            self._restore_probe_successes()
        self._renew_shared_permit(now)
        return tuple(each for each in Kept if (each, False) not in ((Kept.CALLS, called), (Kept.COUNTS, counted)))

    def _adopt_calls(self, before: OpeningBreaker, *, counted: bool) -> bool:
        """Take over the calls under way in closed; say whether nothing is counted twice or missed by that."""
        if self.state is not CLOSED or (self._under_way is None and before._under_way is None):
            return True
        if self._under_way is None or before._under_way is None or not counted:
            return False
        self._under_way = before._under_way
        return True

    @abstractmethod
    def _adopt_counts(self, before: Any, now: float) -> bool:
        """Take over what a breaker of the same policy has counted in closed; say whether it means the same here."""

    def force(self, state: State, now: float, kind: StrEnum, for_s: float | None = None) -> None:
        """Open, for `for_s` seconds or until somebody closes it, or close; forget the failures."""
        self._growth_steps, self._recovered_at = 0, -math.inf
        self._reset_counts(now)
        self._open_for_s = math.inf if for_s is None else for_s
        self._enter_state(state, now, Cause(kind))

    def details(self, now: float) -> dict[str, Any]:
        """Time to the probe, probes under way, their successes, dropped late results, the share let through."""
        held = self.state is OPEN and self._open_for_s == math.inf
        timed = self.state is OPEN and not held
        return {
            "held_open": held,
            "next_call_probes": timed and self._open_time_left(now) <= 0,
            "retry_after_s": max(0.0, self._open_time_left(now)) if timed else 0.0,
            "open_for_s": self._open_for_s if timed else 0.0,
            "probes_out": len(self._probes.under_way),
            "probe_successes": self._probes.successes,
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
        cause = self._find_wish(retry_after_s) if verdict is NEUTRAL else None
        if self._under_way is not None:
            cause = cause or self._count_overdue_calls(self._under_way, now)
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

    def _find_wish(self, retry_after_s: float | None) -> Cause | None:
        """Say whether the backend, by an answer that is no failure (429), asks to be left alone for a time."""
        asks = self.settings.honour_retry_after and (retry_after_s or 0) > 0
        return Cause(OpeningCause.ASKED) if asks else None

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
        if cause.kind is not OpeningCause.ASKED:  # which says nothing about a recovery
            soon = now - self._recovered_at < chosen.growth_forget_s
            self._growth_steps = self._growth_steps + 1 if self.state is HALF_OPEN or soon else 0
        cap = math.inf if chosen.open_max_s is None else chosen.open_max_s
        if chosen.honour_retry_after and retry_after_s and retry_after_s > 0:  # 0 ("at once") is no open time
            self._open_for_s = min(retry_after_s, cap)
        else:
            grown = chosen.reset_timeout * chosen.open_growth ** min(self._growth_steps, 100)
            self._open_for_s = min(grown, cap) * (1 - chosen.open_jitter * self._uniform())
        self._enter_state(OPEN, now, cause)

    def _admit_probe(self, now: float) -> Permit | Refusal:
        cause = self._count_overdue_probes(now) if self._probes.under_way else None
        if cause is not None:
            self._open(now, cause, None)
            return Refusal(OPEN, OpeningRefusalCause.OPEN, self._open_for_s, now)
        if len(self._probes.under_way) >= self.settings.max_probes:
            return Refusal(HALF_OPEN, OpeningRefusalCause.PROBES_OUT, 0.0, self.since)
        permit = Permit(HALF_OPEN, self._generation, now)
        self._probes.add(permit, self._timeout_s)
        return permit

    def _count_overdue_probes(self, now: float) -> Cause | None:
        """Count the probes that are slow or out for too long; return why to open again, once too many are."""
        probes = self._probes
        given_up_s = math.inf if self.settings.half_open_max_s is None else self.settings.half_open_max_s
        slow_s = self._slow_s if self.settings.slow_in_flight else math.inf
        for permit, probe in tuple(probes.under_way.items()):
            out_s = now - permit.at
            if out_s < min(given_up_s, slow_s):  # and those after it are younger
                break
            limit_s = max(given_up_s, probe.timeout_s)
            if out_s >= limit_s:
                probes.give_up(permit)
                if probe.overdue and self._judge_probes(succeeded=False) is OPEN:
                    return Cause(OpeningCause.PROBE_OUT, f"probe still out after {out_s:.4g} s, limit {limit_s:g} s")
            elif out_s >= slow_s and not probe.slow:
                probe.slow = True
                probes.ended += 1
                if self._judge_probes(succeeded=False) is OPEN:
                    return Cause(OpeningCause.PROBE_SLOW)
        return None

    def _report_probe(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        # It may have been given up in this very half-open, which goes on: see `_report_given_up`.
        probe = self._probes.under_way.pop(permit, None)
        if probe is None:
            self._report_late(permit, verdict, now, retry_after_s)
        elif verdict is NEUTRAL:
            wish = self._find_wish(retry_after_s)
            if wish is not None:
                self._open(now, wish, retry_after_s)
        elif not probe.slow:
            self._count_probe(permit, verdict, now, retry_after_s)

    def _report_late(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        """Drop the result, unless it is of a probe that was given up: one that succeeds is never thrown away.

        Where another breaker has taken over, the result is for that one.
        """
        if self._successor is not None:
            self._successor.report(permit, verdict, now, retry_after_s)
            return
        probe = self._probes.given_up.pop(permit, None)
        if probe is None or probe.slow or verdict is NEUTRAL:
            self._late_results += 1
        elif verdict is SUCCESS and now - permit.at < self._slow_s:
            if self.state is OPEN:
                self._growth_steps -= 1  # that recovery had not failed
                self._enter_state(HALF_OPEN, now, Cause(OpeningCause.OVERDUE_SUCCEEDED))
                self._restore_probe_successes()
            if probe.overdue and self._probes.is_of_this_half_open(probe):
                self._probes.ended -= 1  # it has not failed after all
            self._count_probe(permit, verdict, now, retry_after_s)
        elif not self._probes.is_of_this_half_open(probe) or probe.overdue:
            self._late_results += 1
        elif self.state is HALF_OPEN:
            self._count_probe(permit, verdict, now, retry_after_s)
        else:
            self._late_results += 1
            self._probes.ended += 1
            if self._probes.failures > self._probes_needed()[1]:
                self._probes.forget_all()  # it is open for a better reason now

    def _count_probe(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        slow = now - permit.at >= self._slow_s
        succeeded = verdict is SUCCESS and not slow
        self._probes.ended += 1
        self._probes.successes += succeeded
        after = self._judge_probes(succeeded=succeeded)
        if after is CLOSED:
            self._reset_counts(now)
            self._recovered_at = now
            self._ramping = self.settings.ramp_s > 0
            self._enter_state(after, now, Cause(OpeningCause.PROBE_SUCCEEDED))
        elif after is OPEN:
            slow_only = slow and verdict is SUCCESS
            self._open(now, Cause(OpeningCause.PROBE_SLOW if slow_only else OpeningCause.PROBE_FAILED), retry_after_s)

    def _judge_probes(self, *, succeeded: bool) -> State:
        """Return the state after a probe's result. By count, the first failure opens; by rate, once it is certain."""
        enough, failures_allowed = self._probes_needed()
        if not succeeded and self._probes.failures > failures_allowed:
            return OPEN
        return CLOSED if self._probes.successes >= enough else HALF_OPEN

    def _probes_needed(self) -> tuple[int, int]:
        """Return how many probes have to succeed, and how many may fail."""
        rate, of = self.settings.probe_success_rate, self.settings.probe_calls
        if rate is None:
            return self.settings.success_threshold, 0
        enough = max(1, math.ceil(rate * of - 1e-9))  # 0.7 * 10 is a little more than 7
        return enough, of - enough

    def _restore_probe_successes(self) -> None:
        """Follow, where the policy has a machine of its own: half-open goes on with the successes that it had."""

    def _enter_state(self, state: State, now: float, cause: Cause) -> None:
        """Go to `state`, in a new generation."""
        before, self.state = self.state, state
        self.since = now
        self._generation += 1
        match cause.kind:
            case OpeningCause.WAITED:
                self._probes.begin_half_open()
            case OpeningCause.PROBE_OUT:
                self._probes.leave_in_doubt()
            case OpeningCause.OVERDUE_SUCCEEDED:
                pass  # half-open goes on as it was
            case _:
                self._probes.forget_all()
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
