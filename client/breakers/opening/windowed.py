"""What windows of calls and of seconds have in common: they open when a rate reaches its threshold."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from client.breakers.interface import CLOSED, OPEN, OUT_OF_REACH, SUCCESS, Cause, Counted, Move
from client.breakers.opening.machine import OpeningBreaker
from client.breakers.opening.settings import OpeningSettings
from client.breakers.policy import Share  # noqa: TC001 - pydantic reads the annotation
from client.breakers.window import MinCalls
from inputs.model import OrNone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from client.breakers.interface import Permit, Results, Transition, Verdict
    from client.breakers.window import Window


class RateTripCause(Counted):
    """Why it trips."""

    FAILURES = "failure rate"
    SLOW_CALLS = "slow-call rate"


class RateSettings(MinCalls, OpeningSettings):
    """What all windows have: the rates that trip."""

    failure_rate: Share = Field(0.5, description="share of failed calls in the window that trips the breaker")
    slow_call_rate: Annotated[Share | None, OrNone] = Field(
        None, description="share of slow calls in the window that trips the breaker"
    )

    @model_validator(mode="after")
    def _slow_calls_are_known(self) -> Self:
        if self.slow_call_s is None and self.slow_call_rate is not None:
            raise ValueError(
                f"slow_call_s: missing; slow_call_rate = {self.slow_call_rate:g} needs it to know a slow call"
            )
        if self.slow_call_s is not None and self.slow_call_rate is None:
            raise ValueError(f"slow_call_rate: missing; slow_call_s = {self.slow_call_s:g} has no effect without it")
        return self


class WindowedBreaker(OpeningBreaker):
    """Opens when, of at least `min_calls` calls, the share that failed or was slow reaches its threshold.

    The thresholds are those of resilience4j: a rate that is equal to its threshold trips.
    """

    settings: RateSettings
    moves = (*(Move(CLOSED, OPEN, kind) for kind in RateTripCause), *OpeningBreaker.moves)

    def __init__(self, settings: RateSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        self.settings = settings
        self._window = self._new_window(settings)
        self._watched_since = now
        self._trouble_seen = False  # a call that failed or was slow
        self._places: dict[Permit, int] = {}  # of the calls that were counted under way
        super().__init__(settings, now, on_transition)

    @staticmethod
    @abstractmethod
    def _new_window(settings: Any) -> Window:
        """Return the policy's window."""

    @staticmethod
    @abstractmethod
    def _span_s(settings: Any) -> float | None:
        """Return the seconds that the window looks back on; none where that depends on the calls."""

    @classmethod
    def explain_no_refusal(cls, settings: RateSettings, runs: Iterable[Results]) -> str | None:
        """Say that `min_calls` is out of reach, or how high the rates were."""
        any_failed, any_slow, most, worst, slowest = False, False, 0, 0.0, 0.0
        for results in runs:
            window = cls._new_window(settings)
            for at, failed, slow in results:
                window.add(at, failed=failed, slow=slow)
                any_failed, any_slow = any_failed or failed, any_slow or slow
                if window.calls >= settings.min_calls:
                    worst = max(worst, window.failures / window.calls)
                    slowest = max(slowest, window.slow / window.calls)
            most = max(most, window.most_calls)
        if few := cls._explain_few_calls(settings, most) if any_failed or any_slow else None:
            return few
        said = []
        if any_failed:
            said.append(f"{worst:.0%} of the calls in the window failed, failure_rate {settings.failure_rate:.0%}")
        if any_slow and settings.slow_call_rate is not None:
            said.append(
                f"{slowest:.0%} of the calls in the window were slow, slow_call_rate {settings.slow_call_rate:.0%}"
            )
        return f"at most {'; at most '.join(said)}" if said else None

    @classmethod
    def _explain_few_calls(cls, settings: RateSettings, most: int) -> str | None:
        """Say so, where the window never held enough calls for a rate."""
        span_s = cls._span_s(settings)
        within = "" if span_s is None else f" in {span_s:g} s"
        calls = f"{most} call{'s' * (most != 1)}{within}"
        return f"at most {calls}, min_calls {settings.min_calls} {OUT_OF_REACH}" if most < settings.min_calls else None

    def _diagnose(self, now: float) -> str | None:
        """Say why it cannot open, once a whole window of time with failed or slow calls has passed."""
        span_s = self._span_s(self.settings)
        known = span_s is not None and self._trouble_seen and now - self._watched_since >= span_s
        return self._explain_few_calls(self.settings, self._window.most_calls) if known else None

    def _adopt_counts(self, before: WindowedBreaker, now: float) -> bool:
        before._window.roll(now)
        same = before.settings.slow_call_s == self.settings.slow_call_s
        if not (same and self._window.adopt(before._window)):
            return False
        self._places, self._trouble_seen = before._places, bool(self._window.failures or self._window.slow)
        self.fail_count = self._window.failures
        return True

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Count the result, unless its permit is of an earlier state."""
        # A short cut for nearly every call: without a failure in the window nothing can trip.
        if verdict is SUCCESS and permit is self.shared_permit and not self.fail_count:
            self._window.succeed(now)
        else:
            super().report(permit, verdict, now, retry_after_s)

    def _count_call(self, permit: Permit, now: float, *, failed: bool, slow: bool) -> Cause | None:
        window = self._window
        place = window.add(now, failed=failed, slow=slow)
        if self._under_way is not None and slow and not failed:
            self._places[permit] = place
        if window.failures or window.slow:
            if failed or slow:
                self._trouble_seen = True
            return self._find_trip_cause()
        self.fail_count = 0
        return None

    def _count_late_failure(self, permit: Permit, now: float, *, failed: bool) -> Cause | None:
        place = self._places.pop(permit)
        if not failed:
            return None
        self._window.mark_failed(place, now)
        return self._find_trip_cause()

    def _find_trip_cause(self) -> Cause | None:
        """Return the cause if it is time to trip."""
        window, chosen = self._window, self.settings
        self.fail_count = window.failures
        if window.calls < chosen.min_calls:
            return None
        # A division, since 0.1 * 30 is more than 3.
        if window.failures / window.calls >= chosen.failure_rate:
            return _rate_cause(RateTripCause.FAILURES, window.failures, window.calls)
        if chosen.slow_call_rate is not None and window.slow / window.calls >= chosen.slow_call_rate:
            return _rate_cause(RateTripCause.SLOW_CALLS, window.slow, window.calls)
        return None

    def _reset_counts(self, now: float) -> None:
        self._window.clear()
        self._watched_since, self._trouble_seen = now, False
        self._places.clear()
        self.fail_count = 0

    def details(self, now: float) -> dict[str, Any]:
        """Add the window's counts: all calls, failed calls and slow calls."""
        window = self._window
        window.roll(now)
        counts = {"calls": window.calls, "failures": window.failures, "slow": window.slow}
        found = {**super().details(now), "window": counts}
        if self.state is CLOSED:  # the count as of now, not as of the last call
            found["fail_count"] = window.failures
            found["diagnosis"] = self._diagnose(now)
        return found


def _rate_cause(kind: RateTripCause, part: int, calls: int) -> Cause:
    return Cause(kind, f"{kind} {part / calls:.0%}: {part} of {calls} calls")
