"""A controller that refuses a share of the calls, which grows with the errors above the usual rate.

Built on the adaptive circuit breaker of Shopify's semian (github.com/Shopify/semian, pull request 760, and 875 and 899
on its tuning). Taken from there: the share r moves by gain x P with P = D - (1 - D) x r, where D is the error rate of
the calls let through minus the usual one. It settles at r = D / (1 - D): 25 % for 20 % more errors than usual, all
calls from 50 % on. The usual rate is learnt by exponential smoothing, slowly upwards and quickly downwards. A rate that
would refuse every call is not learnt from, just as semian ignores an observation that is obviously too high.

Different here: no integral and no derivative part (875 found that they hardly matter). A few calls count for less, as
if `min_calls` more calls had been seen at the usual rate. r is at most `max_refused`, so some calls always probe.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from client.breakers.interface import (
    CLOSED,
    FAILURE,
    SUCCESS,
    Breaker,
    Counted,
    NoBreakerError,
    Permit,
    Refusal,
    State,
    Verdict,
)
from client.breakers.policy import Seconds  # noqa: TC001 - pydantic reads the annotation
from client.breakers.window import BUCKETS, MinCalls, TimeWindow, WindowSeconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from client.breakers.interface import Transition

# A lower error rate becomes usual this many times faster than a higher one.
_FASTER_DOWN = 10
# This many more errors than usual refuse every call: that is an outage, and must not become usual.
_OUTAGE = 0.5
# A smaller share counts as zero; otherwise it would halve for ever.
_NOTHING = 1e-3


class AdaptiveRefusalCause(Counted):
    """Why it refuses a call."""

    SHARE = "share refused"


class AdaptiveSettings(MinCalls, WindowSeconds):
    """A controller of the share that is refused."""

    policy: Literal["adaptive"] = "adaptive"
    adaptive_gain: float = Field(
        0.5, gt=0, le=1, description="step size: share of the distance to the target that each step covers"
    )
    usual_error_rate: float = Field(0.01, ge=0, lt=1, description="first guess at the backend's usual error rate")
    usual_s: Seconds = Field(600.0, description="time constant at which a higher error rate becomes usual, seconds")
    max_refused: float = Field(0.95, gt=0, lt=1, description="largest share of calls that `adaptive` refuses")


class AdaptiveBreaker(Breaker):
    """Refuses a share of the calls that grows with errors above the usual rate.

    Never opens. Takes a step every tenth of `window_s`. `fail_count`: failures in the window.
    """

    settings_type = AdaptiveSettings
    refusals = tuple(AdaptiveRefusalCause)
    settings: AdaptiveSettings

    def __init__(self, settings: AdaptiveSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        super().__init__(settings, now, on_transition)
        self._window = TimeWindow(settings.window_s)
        self._generation = 0
        self._late_results = 0
        self._reset_control(now)

    def _reset_control(self, now: float) -> None:
        self._usual = self.settings.usual_error_rate
        self._refused_share = 0.0
        self._next_step = now + self._window.step_s
        self.fail_count = 0
        self.shared_permit = self._permit = Permit(CLOSED, self._generation, now)

    def admit(self, now: float) -> Permit | Refusal:
        """Refuse the share that the controller has arrived at."""
        if now >= self._next_step:
            self._take_due_steps(now)
        if self._refused_share and self._uniform() < self._refused_share:
            return Refusal(CLOSED, AdaptiveRefusalCause.SHARE, 0.0, self.since)
        return self._permit

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:  # noqa: ARG002
        """Count the call."""
        if permit is not self._permit:
            self._late_results += 1
            return
        if now >= self._next_step:
            self._take_due_steps(now)
        if verdict is SUCCESS:
            self._window.succeed(now)
        elif verdict is FAILURE:
            self._window.add(now, failed=True, slow=False)
            self.fail_count = self._window.failures

    def _take_due_steps(self, now: float) -> None:
        """Take the steps that are due, each at its time; after a long silence, as many as it takes to settle."""
        step_s = self._window.step_s
        due = 1 + int((now - self._next_step) / step_s)
        for step in range(min(due, 100 * BUCKETS)):
            self._window.roll(self._next_step + step * step_s)
            self._take_step()
        self._next_step += due * step_s
        self.fail_count = self._window.failures
        self.shared_permit = None if self._refused_share else self._permit

    def _take_step(self) -> None:
        chosen, window = self.settings, self._window
        doubt = chosen.min_calls
        seen = (window.failures + doubt * self._usual) / (window.calls + doubt)
        excess = max(0.0, seen - self._usual)
        moved = self._refused_share + chosen.adaptive_gain * (excess - (1 - excess) * self._refused_share)
        self._refused_share = min(moved, chosen.max_refused) if moved > _NOTHING else 0.0
        rate = window.failures / window.calls if window.calls else self._usual
        if window.calls and rate - self._usual < _OUTAGE:
            constant_s = chosen.usual_s if rate > self._usual else chosen.usual_s / _FASTER_DOWN
            weight = window.calls / (window.calls + doubt)
            self._usual += (rate - self._usual) * weight * -math.expm1(-window.step_s / constant_s)

    def force(self, state: State, now: float, kind: StrEnum) -> None:  # noqa: ARG002
        """Forget everything learnt. Raises NoBreakerError for a state other than closed."""
        if state is not CLOSED:
            raise NoBreakerError("there is nothing to open: the current policy is 'adaptive', which never opens")
        self._generation += 1
        self._window.clear()
        self.since = now
        self._reset_control(now)

    def details(self, now: float) -> dict[str, Any]:
        """Return the window, the usual error rate, and the share let through."""
        if now >= self._next_step:
            self._take_due_steps(now)
        self._window.roll(now)
        counts = {"calls": self._window.calls, "failures": self._window.failures}
        return {
            "fail_count": self._window.failures,
            "window": counts,
            "usual_error_rate_seen": self._usual,
            "let_through": 1 - self._refused_share,
            "late_results": self._late_results,
        }
