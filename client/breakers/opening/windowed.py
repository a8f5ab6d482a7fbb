"""Opens on rates in a window: the part that is the same for calls and for seconds."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from client.breakers.interface import CLOSED, SUCCESS
from client.breakers.opening.machine import OPENING, OpeningBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.breakers.interface import Permit, Transition, Verdict
    from client.breakers.settings import PolicySettings
    from client.breakers.window import Window

RATES = OPENING | {"failure_rate", "min_calls", "slow_call_rate"}


class WindowedBreaker(OpeningBreaker):
    """Opens when, of at least `min_calls` calls, the share that failed or was slow reaches its threshold.

    The thresholds are those of resilience4j: a rate that is equal to its threshold trips.
    """

    reads = RATES

    def __init__(self, settings: PolicySettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        self._window = self._new_window(settings)
        self._places: dict[Permit, int] = {}  # of the calls that were counted under way
        super().__init__(settings, now, on_transition)

    @abstractmethod
    def _new_window(self, settings: PolicySettings) -> Window:
        """Return the policy's window."""

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Count the result, unless its permit is of an earlier state."""
        # A short way for nearly every call: nothing to look back on, and nothing that could trip.
        if verdict is SUCCESS and permit is self.standing and not self.fail_count:
            self._window.succeed(now)
        else:
            super().report(permit, verdict, now, retry_after_s)

    def _count(self, permit: Permit, now: float, *, failed: bool, slow: bool) -> str | None:
        window = self._window
        place = window.add(now, failed=failed, slow=slow)
        if self._under_way is not None and slow and not failed:
            self._places[permit] = place
        if window.failures or window.slow:
            return self._cause()
        self.fail_count = 0
        return None

    def _amend(self, permit: Permit, now: float, *, failed: bool) -> str | None:
        place = self._places.pop(permit)
        if not failed:
            return None
        self._window.amend(place, now)
        return self._cause()

    def _cause(self) -> str | None:
        """Say why to trip, where it is time to."""
        window, chosen = self._window, self.settings
        self.fail_count = window.failures
        if window.calls < chosen.min_calls:
            return None
        # Divided, since 0.1 * 30 is more than 3.
        if window.failures / window.calls >= chosen.failure_rate:
            return f"failure rate {window.failures / window.calls:.0%}: {window.failures} of {window.calls} calls"
        if chosen.slow_call_rate is not None and window.slow / window.calls >= chosen.slow_call_rate:
            return f"slow-call rate {window.slow / window.calls:.0%}: {window.slow} of {window.calls} calls"
        return None

    def _forget(self, now: float) -> None:  # noqa: ARG002
        self._window.clear()
        self._places.clear()
        self.fail_count = 0

    def details(self, now: float) -> dict[str, Any]:
        """Add the window: calls, failed and slow ones."""
        window = self._window
        window.roll(now)
        counts = {"calls": window.calls, "failures": window.failures, "slow": window.slow}
        found = {**super().details(now), "window": counts}
        if self.state is CLOSED:  # the count as of now, not as of the last call
            found["fail_count"] = window.failures
        return found
