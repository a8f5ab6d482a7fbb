"""Client-side throttling: refuse a share of the calls that grows as the backend accepts fewer.

From "Handling Overload", chapter 21 of Beyer et al., Site Reliability Engineering (O'Reilly, 2016): a request is
refused with probability max(0, (requests - K x accepts) / (requests + 1)), both counted over a window. Refused requests
count as requests; failed ones are not accepted.

The book counts a request when it is made. Here it counts when it ends: otherwise calls under way would count as not
accepted, and a burst of first calls would be refused before a single answer is known.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from client.breakers.interface import (
    CLOSED,
    FAILURE,
    NEUTRAL,
    SUCCESS,
    Breaker,
    Counted,
    Kept,
    NoBreakerError,
    Permit,
    Refusal,
    State,
    Verdict,
)
from client.breakers.window import TimeWindow, WindowSeconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import StrEnum

    from client.breakers.interface import Results, Transition


class ThrottleRefusalCause(Counted):
    """Why it refuses a call."""

    THROTTLED = "throttled"


class ThrottleSettings(WindowSeconds):
    """Client-side throttling."""

    policy: Literal["throttle"] = "throttle"
    throttle_k: float = Field(
        2.0, ge=1, le=100, description="refuse calls above this ratio of requests to accepted requests"
    )


class ThrottleBreaker(Breaker):
    """Refuses a share of the calls that grows as fewer are accepted.

    Never opens. `fail_count`: requests in the window that were not accepted, including refused ones.
    """

    settings_type = ThrottleSettings
    refusals = tuple(ThrottleRefusalCause)
    settings: ThrottleSettings

    def __init__(self, settings: ThrottleSettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        super().__init__(settings, now, on_transition)
        self._window = TimeWindow(settings.window_s)
        self._late_results = 0
        self.shared_permit = self._permit = Permit(CLOSED, 0, now)

    @classmethod
    def explain_no_refusal(cls, settings: ThrottleSettings, runs: Iterable[Results]) -> str | None:
        """Say how many requests there were for each accepted one."""
        most = 0.0
        for results in runs:
            window = TimeWindow(settings.window_s)
            for at, failed, _ in results:
                window.add(at, failed=failed, slow=False)
                if window.failures:
                    accepts = window.calls - window.failures
                    most = max(most, window.calls / accepts if accepts else math.inf)
        if not 0 < most <= settings.throttle_k:
            return None
        return f"at most {most:.3g} requests for each accepted one, throttle_k {settings.throttle_k:g}"

    def admit(self, now: float) -> Permit | Refusal:
        """Refuse with the probability that follows from the window."""
        self._window.roll(now)
        if self._window.failures and self._uniform() < self._refused_share():
            self._count_request(now, failed=True)
            return Refusal(CLOSED, ThrottleRefusalCause.THROTTLED, 0.0, self.since)
        return self._permit

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Count the request."""
        if permit is self.shared_permit and verdict is SUCCESS:
            self._window.succeed(now)
        elif self._successor is not None:
            self._successor.report(permit, verdict, now, retry_after_s)
        elif permit is not self._permit:
            self._late_results += 1
        elif verdict is not NEUTRAL:
            self._count_request(now, failed=verdict is FAILURE)

    def _count_request(self, now: float, *, failed: bool) -> None:
        window = self._window
        window.add(now, failed=failed, slow=False)
        self.fail_count = window.failures
        # Without a failure in the window the probability is zero, and calls need not ask.
        self.shared_permit = None if window.failures else self._permit

    def _refused_share(self) -> float:
        requests = self._window.calls
        accepts = requests - self._window.failures
        return max(0.0, (requests - self.settings.throttle_k * accepts) / (requests + 1))

    def adopt(self, before: Breaker, now: float) -> tuple[Kept, ...]:
        """Take over from the same policy: the requests, where the window is as long, and the calls under way."""
        found = before.in_charge
        return self._adopt_window(found, now) if isinstance(found, ThrottleBreaker) else ()

    def _adopt_window(self, before: ThrottleBreaker, now: float) -> tuple[Kept, ...]:
        self._take_over_from(before)
        self.since, self._late_results = before.since, before._late_results
        self._permit, before._permit = before._permit, Permit(CLOSED, -1, now)
        counted = self._window.adopt(before._window)
        self.fail_count = self._window.failures
        self.shared_permit = None if self._window.failures else self._permit
        return (Kept.STATE, Kept.CALLS, Kept.COUNTS) if counted else (Kept.STATE, Kept.CALLS)

    def force(self, state: State, now: float, kind: StrEnum, for_s: float | None = None) -> None:  # noqa: ARG002
        """Forget the window. Raises NoBreakerError for any other state than closed."""
        if state is not CLOSED:
            raise NoBreakerError("there is nothing to open: the current policy is 'throttle', which never opens")
        self._window.clear()
        self.fail_count = 0
        self.since = now
        self.shared_permit = self._permit = Permit(CLOSED, self._permit.generation + 1, now)

    def details(self, now: float) -> dict[str, Any]:
        """Return the window's requests and accepts, and the share let through."""
        window = self._window
        window.roll(now)
        counts = {"requests": window.calls, "accepts": window.calls - window.failures}
        return {
            "fail_count": window.failures,
            "window": counts,
            "let_through": 1 - self._refused_share(),
            "late_results": self._late_results,
        }
