"""Opens on the failure rate and the slow-call rate of the last `window_s` seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.opening.windowed import RATES, WindowedBreaker
from client.breakers.window import TimeWindow

if TYPE_CHECKING:
    from client.breakers.settings import PolicySettings


class TimeWindowBreaker(WindowedBreaker):
    """Looks back on time, however many calls it held."""

    reads = RATES | {"window_s"}

    def _new_window(self, settings: PolicySettings) -> TimeWindow:
        return TimeWindow(settings.window_s)
