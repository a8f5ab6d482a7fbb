"""Opens on the failure rate and the slow-call rate of the last `window_s` seconds."""

from __future__ import annotations

from typing import Literal

from client.breakers.opening.windowed import RateSettings, WindowedBreaker
from client.breakers.window import TimeWindow, WindowSeconds


class TimeWindowSettings(WindowSeconds, RateSettings):
    """A window of seconds."""

    policy: Literal["time_window"] = "time_window"


class TimeWindowBreaker(WindowedBreaker):
    """Looks back on time, however many calls it held."""

    settings_type = TimeWindowSettings

    settings: TimeWindowSettings

    def _new_window(self) -> TimeWindow:
        return TimeWindow(self.settings.window_s)
