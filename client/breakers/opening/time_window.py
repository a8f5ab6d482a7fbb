"""The policy `time_window`: a failure rate and a slow-call rate over a number of seconds."""

from __future__ import annotations

from typing import Literal

from client.breakers.opening.windowed import RateSettings, WindowedBreaker
from client.breakers.window import TimeWindow, WindowSeconds


class TimeWindowSettings(WindowSeconds, RateSettings):
    """A window of seconds."""

    policy: Literal["time_window"] = "time_window"


class TimeWindowBreaker(WindowedBreaker):
    """Opens when the failure rate or slow-call rate of the last `window_s` seconds reaches its threshold."""

    settings_type = TimeWindowSettings

    settings: TimeWindowSettings

    def _new_window(self) -> TimeWindow:
        return TimeWindow(self.settings.window_s)
