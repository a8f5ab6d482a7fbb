"""How late the event loop runs: what a call waits for in the client itself, and not for the backend."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

# Seconds between two looks, while there are calls under way and while there are none. A stall is noticed up to so much
# shorter than it was.
LOOK_EVERY_S, IDLE_EVERY_S = 0.005, 0.05
# From the one on a look is late at all, from the other on the loop has stalled: what lies between is everyday work.
LATE_S, STALL_S = 0.005, 0.05
# Shares of the time that a call has. A call takes about ten turns of the loop, so that delays below the first cannot
# make it fail; beyond the others, by which its deadline fires late and which the loop wastes in all, its timeout is no
# longer the backend's doing.
SHARE_FELT, SHARE_LATE, SHARE_WASTED = 0.05, 0.1, 1 / 3
KEPT_DELAYS, KEPT_STALLS = 2_000, 20


class LoopDelay(NamedTuple):
    """The loop came to what was due `lag_s` seconds late, at `at` of the client's clock."""

    at: float
    lag_s: float


class LoopLag:
    """Looks at the loop by a timer that is due every few milliseconds: as late as it runs, everything else does.

    `is_busy` tells whether there are calls under way. `stalled_s` sums up the stalls since the start, and `stalls` has
    the latest.
    """

    def __init__(self, clock: Callable[[], float], is_busy: Callable[[], bool] = lambda: True) -> None:
        self._clock = clock
        self._is_busy = is_busy
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._delays: deque[LoopDelay] = deque(maxlen=KEPT_DELAYS)
        self.stalled_s = 0.0
        self.stalls: deque[LoopDelay] = deque(maxlen=KEPT_STALLS)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look from now on, until `close`."""
        wait_s = LOOK_EVERY_S if self._is_busy() else IDLE_EVERY_S
        self._due = self._clock() + wait_s
        self._timer = loop.call_later(wait_s, self._look, loop)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._due = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self.look()
        self.start(loop)

    def look(self) -> None:
        """Take note of how late it is."""
        now = self._clock()
        lag_s = self._present_lag_s(now)
        if lag_s >= LATE_S:
            self._delays.append(LoopDelay(now, lag_s))
        if lag_s >= STALL_S:
            self.stalled_s += lag_s
            self.stalls.append(LoopDelay(now, lag_s))

    def _present_lag_s(self, now: float) -> float:
        return 0.0 if self._due is None else max(0.0, now - self._due)

    def longest_s(self, since: float) -> float:
        """Return the longest delay after `since`, the one that nobody has looked at yet included."""
        return max(self._delays_after(since))

    def wasted_s(self, since: float, least_s: float) -> float:
        """Return the sum of the delays after `since`, without those below `least_s`."""
        return sum(lag_s for lag_s in self._delays_after(since) if lag_s >= least_s)

    def _delays_after(self, since: float) -> Iterator[float]:
        now = self._clock()
        yield min(self._present_lag_s(now), now - since)
        for delay in reversed(self._delays):
            if delay.at <= since:
                break
            yield min(delay.lag_s, delay.at - since)


def allowed_lag_s(timeout_s: float) -> float:
    """Return how late a deadline may fire and still say something of the backend."""
    return max(STALL_S, SHARE_LATE * timeout_s)


def is_own_delay(timeout_s: float, late_s: float, lag: LoopLag | None, since: float) -> bool:
    """Whether a timeout says more of the client's loop than of the backend.

    Its deadline fired `late_s` seconds late, more than the loop's usual lag explains; or, since the call began, the
    loop has wasted more than a third of its time, although each time by a little.
    """
    if late_s > allowed_lag_s(timeout_s):
        return True
    return lag is not None and lag.wasted_s(since, SHARE_FELT * timeout_s) > SHARE_WASTED * timeout_s
