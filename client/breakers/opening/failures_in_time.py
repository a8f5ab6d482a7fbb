"""Opens on so many failures in so many seconds, whatever the traffic."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from client.breakers.interface import CLOSED, OPEN, SUCCESS, Cause, Counted, Move
from client.breakers.opening.machine import OpeningBreaker
from client.breakers.opening.settings import OpeningSettings
from client.breakers.window import WindowSeconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from client.breakers.interface import Permit, Results, Transition, Verdict


class FailuresTripCause(Counted):
    """Why it trips."""

    FAILURES = "failures in time"


class FailuresInTimeSettings(WindowSeconds, OpeningSettings):
    """A number of failures in a time."""

    policy: Literal["failures_in_time"] = "failures_in_time"
    max_failures: int = Field(5, ge=1, le=100_000, description="failures within `window_s` that trip the breaker")


class FailuresInTimeBreaker(OpeningBreaker):
    """Opens once the last `max_failures` failures lie within `window_s` seconds; successes between them do not matter.

    The window slides exactly: it looks at the time of each failure. Where `slow_call_s` is set, a slow call is a
    failure.
    """

    settings_type = FailuresInTimeSettings
    moves = (Move(CLOSED, OPEN, FailuresTripCause.FAILURES), *OpeningBreaker.moves)
    settings: FailuresInTimeSettings

    def __init__(
        self, settings: FailuresInTimeSettings, now: float, on_transition: Callable[[Transition], None]
    ) -> None:
        self._times: deque[float] = deque(maxlen=settings.max_failures)  # of the failures in the window
        super().__init__(settings, now, on_transition)

    @classmethod
    def explain_no_refusal(cls, settings: FailuresInTimeSettings, runs: Iterable[Results]) -> str | None:
        """Say how many failures there were in that time."""
        most = 0
        for results in runs:
            times: deque[float] = deque()
            for at in (at for at, failed, slow in results if failed or slow):
                times.append(at)
                while at - times[0] >= settings.window_s:
                    times.popleft()
                most = max(most, len(times))
        failures = f"{most} failure{'s' * (most > 1)} in {settings.window_s:g} s"
        return f"at most {failures}, max_failures {settings.max_failures}" if most else None

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Count the result, unless its permit is of an earlier state."""
        # The one case that matters for speed, and in which nothing would change.
        if verdict is SUCCESS and permit is self.shared_permit and not self.fail_count:
            return
        super().report(permit, verdict, now, retry_after_s)

    def _count_call(self, permit: Permit, now: float, *, failed: bool, slow: bool) -> Cause | None:  # noqa: ARG002
        times = self._times
        if failed or slow:
            times.append(now)
        self._forget_old_failures(now)
        self.fail_count = len(times)
        if len(times) < self.settings.max_failures:
            return None
        return Cause(FailuresTripCause.FAILURES, f"{len(times)} failures in {now - times[0]:.3g} s")

    def _count_late_failure(self, permit: Permit, now: float, *, failed: bool) -> None:
        """Count nothing: being slow was the failure."""

    def _forget_old_failures(self, now: float) -> None:
        while self._times and now - self._times[0] >= self.settings.window_s:
            self._times.popleft()

    def _adopt_counts(self, before: FailuresInTimeBreaker, now: float) -> bool:
        same = before.settings.slow_call_s in (None, self.settings.slow_call_s)
        if not same or before.settings.window_s < self.settings.window_s:  # the older ones are not known any more
            return False
        before._forget_old_failures(now)
        self._times.extend(before._times)
        self.fail_count = len(self._times)
        return True

    def _reset_counts(self, now: float) -> None:  # noqa: ARG002
        self._times.clear()
        self.fail_count = 0

    def details(self, now: float) -> dict[str, Any]:
        """Give the count as of now, not as of the last call."""
        found = super().details(now)
        if self.state is CLOSED:
            self._forget_old_failures(now)
            found["fail_count"] = len(self._times)
        return found
