"""The policy `count_window`: a failure rate and a slow-call rate over a number of calls."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from client.breakers.opening.settings import AgingSettings
from client.breakers.opening.windowed import RateSettings, WindowedBreaker
from client.breakers.window import AgingCountWindow, CountWindow


class CountWindowSettings(AgingSettings, RateSettings):
    """A window of calls."""

    policy: Literal["count_window"] = "count_window"
    window_calls: int = Field(100, ge=1, le=100_000, description="calls that a count window looks back on")

    @model_validator(mode="after")
    def _window_holds_enough(self) -> Self:
        if self.min_calls > self.window_calls:
            raise ValueError(
                f"min_calls: got {self.min_calls}; allowed: a number <= window_calls = {self.window_calls}"
            )
        return self


class CountWindowBreaker(WindowedBreaker):
    """Opens when the failure rate or slow-call rate of the last `window_calls` calls reaches its threshold.

    With `forget_after_s`, only the calls of the last so many seconds count.
    """

    settings_type = CountWindowSettings

    settings: CountWindowSettings

    @staticmethod
    def _new_window(settings: CountWindowSettings) -> CountWindow:
        size, age_s = settings.window_calls, settings.forget_after_s
        return CountWindow(size) if age_s is None else AgingCountWindow(size, age_s)

    @staticmethod
    def _span_s(settings: CountWindowSettings) -> float | None:
        return settings.forget_after_s
