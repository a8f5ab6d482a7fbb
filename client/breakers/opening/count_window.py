"""The policy `count_window`: a failure rate and a slow-call rate over a number of calls."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from client.breakers.opening.windowed import RateSettings, WindowedBreaker
from client.breakers.window import CountWindow


class CountWindowSettings(RateSettings):
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
    """Opens when the failure rate or slow-call rate of the last `window_calls` calls reaches its threshold."""

    settings_type = CountWindowSettings

    settings: CountWindowSettings

    def _new_window(self) -> CountWindow:
        return CountWindow(self.settings.window_calls)
