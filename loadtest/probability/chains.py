"""Breakers as Markov chains: what they keep of the last calls, call by call, up to the trip.

The rules are those of `client.breakers`: `consecutive` trips at the `fail_max`-th failure in a row; `count_window` as
soon as, of at least `min_calls` calls among the last `window_calls`, the share that failed reaches `failure_rate`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from loadtest.probability.channel import Channel
    from loadtest.probability.law import Vector

# A step of so many states takes some milliseconds.
MOST_STATES = 500_000
_BITS = 62
# Following it for so many calls takes a tenth of a second.
_LONGEST_FILL = 5000


class StreakChain:
    """The current run of failures, 0 to fail_max - 1."""

    constant = True

    def __init__(self, channel: Channel, fail_max: int) -> None:
        self._after_success = channel.rate  # the first call's chance; then the channel's
        self._channel = channel
        self.alive: Vector = np.zeros(fail_max)
        self.alive[0] = 1.0

    def step(self) -> tuple[float, float]:
        """Go one call on; only a failure trips."""
        begins, goes_on = self._after_success, self._channel.failing(after=True)
        self._after_success = self._channel.failing(after=False)
        was = self.alive
        now = np.empty_like(was)
        now[2:] = was[1:-1] * goes_on
        now[1:2] = was[0] * begins
        now[0] = was[0] * (1 - begins) + was[1:].sum() * (1 - goes_on)
        self.alive = now
        return float(was[-1] * (goes_on if len(was) > 1 else begins)), 0.0


def trips_at(calls: int, failure_rate: float) -> int:
    """Return the least number of failures among `calls` calls that reaches the rate, divided as the breaker does."""
    least = max(0, math.floor(calls * failure_rate) - 1)
    return next(failures for failures in range(least, calls + 1) if failures / calls >= failure_rate)


def window_states(window_calls: int, failure_rate: float) -> int:
    """Return how many patterns of outcomes a full window may hold without a trip."""
    return sum(math.comb(window_calls, failures) for failures in range(trips_at(window_calls, failure_rate)))


def is_feasible(window_calls: int, failure_rate: float) -> bool:
    """Whether a window has few enough states to be followed one by one."""
    return window_calls <= _BITS and window_states(window_calls, failure_rate) <= MOST_STATES


class FillingChain:
    """A count window until it is full: the number of failures so far, and the fate of the last call.

    As long as no call has left the window it does not matter which ones failed, so this can be followed for any window.
    """

    constant = False

    def __init__(self, channel: Channel, window_calls: int, failure_rate: float, min_calls: int) -> None:
        self._channel, self._failure_rate, self._min_calls = channel, failure_rate, min_calls
        self.calls = min(window_calls, _LONGEST_FILL)
        self._made = 0
        self.alive: Vector = np.zeros((2, self.calls + 1))  # by the last call's fate: success, failure
        self.alive[0, 0] = 1.0

    def step(self) -> tuple[float, float]:
        """Go one call on; at call `min_calls` a success may trip, too."""
        failing = [self._channel.failing(after) for after in (False, True)] if self._made else [self._channel.rate] * 2
        self._made += 1
        now = np.zeros_like(self.alive)
        now[0] = self.alive[0] * (1 - failing[0]) + self.alive[1] * (1 - failing[1])
        now[1, 1:] = (self.alive[0] * failing[0] + self.alive[1] * failing[1])[:-1]
        self.alive = now
        if self._made < self._min_calls:
            return 0.0, 0.0
        limit = trips_at(self._made, self._failure_rate)
        succeeded, failed = now[:, limit:].sum(axis=1)
        now[:, limit:] = 0.0
        return float(failed), float(succeeded)


class WindowChain:
    """The outcomes in the window as bits, the newest lowest; 1 is a failure.

    While it fills, one bit more a call. Before `min_calls` a breaker with failures enough is bound to trip at that
    call, since none of them can have left the window: of those only the last outcome is kept.
    """

    def __init__(self, channel: Channel, window_calls: int, failure_rate: float, min_calls: int) -> None:
        self._channel = channel
        self._size, self._min_calls = window_calls, min_calls
        self._limits = [trips_at(max(calls, min_calls), failure_rate) for calls in range(1, window_calls + 1)]
        self._patterns = np.zeros(1, np.int64)
        self._calls = 0
        self._doomed = 0.0, 0.0  # by last outcome: failure, success
        self.alive: Vector = np.ones(1)
        self.constant = False

    def step(self) -> tuple[float, float]:
        """Go one call on. A success trips only at call `min_calls`: later it lowers the share that failed."""
        return self._slide() if self.constant else self._fill()

    def _fill(self) -> tuple[float, float]:
        channel, limit = self._channel, self._limits[self._calls]
        failing = self._failing(self._patterns) if self._calls else np.full(1, channel.rate)
        patterns = np.repeat(self._patterns << 1, 2)
        patterns[1::2] += 1
        chances = np.repeat(self.alive, 2)
        chances[::2] *= 1 - failing
        chances[1::2] *= failing
        failures = np.bitwise_count(patterns)
        over = failures >= limit
        failed, succeeded = self._doomed
        after_failure, after_success = channel.failing(after=True), channel.failing(after=False)
        now_failing = failed * after_failure + succeeded * after_success
        doomed = (
            now_failing + float(chances[1::2][over[1::2]].sum()),
            failed * (1 - after_failure) + succeeded * (1 - after_success) + float(chances[::2][over[::2]].sum()),
        )
        chances[over] = 0.0
        possible = failures < self._limits[-1]  # if not now, then once the window has moved on
        self._patterns, self.alive = patterns[possible], chances[possible]
        self._calls += 1
        if self._calls == self._size:
            self._prepare()
        if self._calls < self._min_calls:
            self._doomed = doomed
            return 0.0, 0.0
        self._doomed = 0.0, 0.0
        return doomed

    def _failing(self, patterns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Vector:
        by_last = np.array([self._channel.failing(after=False), self._channel.failing(after=True)])
        return np.take(by_last, patterns & 1)

    def _prepare(self) -> None:
        """Sort out the patterns of the full window, once its oldest call has left: each may have been either.

        In order, those whose oldest call succeeded come first; without that call they are all that can be left.
        """
        patterns, most = self._patterns, self._limits[-1] - 1
        self._succeeded = int(np.searchsorted(patterns, 1 << (self._size - 1)))  # how many begin with a success
        left = patterns[: self._succeeded]
        self._room = np.flatnonzero(np.bitwise_count(left) < most)  # another failure does not trip
        self._full = np.flatnonzero(np.bitwise_count(left) == most)
        self._chance = self._failing(left)
        self._successes, self._failures = np.flatnonzero(patterns & 1 == 0), np.flatnonzero(patterns & 1)
        self.constant = True

    def _slide(self) -> tuple[float, float]:
        left = self.alive[: self._succeeded].copy()
        left[self._room] += self.alive[self._succeeded :]
        failed = left * self._chance
        self.alive = np.empty_like(self.alive)
        self.alive[self._successes] = left * (1 - self._chance)
        self.alive[self._failures] = failed[self._room]
        return float(failed[self._full].sum()), 0.0
