"""Opens on the failure rate and the slow-call rate of the last `window_calls` calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.opening.windowed import RATES, WindowedBreaker
from client.breakers.window import CountWindow

if TYPE_CHECKING:
    from client.breakers.settings import PolicySettings


class CountWindowBreaker(WindowedBreaker):
    """Looks back on calls, however long ago they were."""

    reads = RATES | {"window_calls"}

    def _new_window(self, settings: PolicySettings) -> CountWindow:
        return CountWindow(settings.window_calls)
