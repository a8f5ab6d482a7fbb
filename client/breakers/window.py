"""The calls that a policy looks back on, in constant time for each call and bounded memory.

A window counts calls, and how many of them failed and were slow. `add` returns the place of the call, so that a call
that was counted while under way can be marked as failed if it fails later.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Protocol

from pydantic import Field

from client.breakers.policy import PolicySettings

_FAILED, _SLOW = 1, 2
BUCKETS = 10


class MinCalls(PolicySettings):
    """For a policy that uses a rate only after a number of calls."""

    min_calls: int = Field(20, ge=1, le=100_000, description="calls needed in the window before its rate counts")


class WindowSeconds(PolicySettings):
    """For a policy that looks back on time."""

    window_s: float = Field(10.0, ge=0.1, le=86_400, description="seconds that a time window looks back on")


class Window(Protocol):
    """The calls that a policy looks back on."""

    calls: int
    failures: int
    slow: int

    @property
    def most_calls(self) -> int:
        """The most calls that it has held at once since it was empty."""

    def roll(self, now: float) -> None:
        """Forget what is too old at `now`."""

    def add(self, now: float, *, failed: bool, slow: bool) -> int:
        """Count a call that ended at `now`; return its place."""

    def succeed(self, now: float) -> None:
        """Count a call that neither failed nor was slow; the same as `add`, in less time."""

    def mark_failed(self, place: int, now: float) -> None:
        """Count a call that `add` did not count as failed as a failure, unless it has left the window."""

    def adopt(self, before: Any) -> bool:
        """Take over what another window of the same kind looks back on; return False where it cannot be known."""

    def clear(self) -> None:
        """Forget everything."""


class CountWindow:
    """The last `size` calls, a byte for each."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._ring = bytearray(self._size)
        self._added = 0
        self.calls = self.failures = self.slow = 0

    @property
    def most_calls(self) -> int:
        """The most calls that it has held at once since it was empty."""
        return self.calls

    def adopt(self, before: CountWindow) -> bool:
        """Take over the newest calls, each under its number."""
        self.clear()
        self._added = before._added
        self.calls = min(before.calls, self._size)
        for place in range(self._added - self.calls, self._added):
            seen = before._ring[place % before._size]
            self._ring[place % self._size] = seen
            self.failures += seen & _FAILED
            self.slow += seen >> 1
        return True

    def roll(self, now: float) -> None:
        """Do nothing: these calls do not age."""

    def add(self, now: float, *, failed: bool, slow: bool) -> int:  # noqa: ARG002
        """Put the call in the place of the one that is `size` calls old."""
        place = self._added
        self._added = place + 1
        ring, index = self._ring, place % self._size
        old, new = ring[index], failed * _FAILED + slow * _SLOW
        if old != new:
            ring[index] = new
            self.failures += failed - (old & _FAILED)
            self.slow += slow - (old >> 1)
        if self.calls < self._size:
            self.calls += 1
        return place

    def succeed(self, now: float) -> None:
        """Put the call in the place of the one that is `size` calls old."""
        place = self._added
        if self.calls < self._size:
            self._added = place + 1
            self.calls += 1
        elif self._ring[place % self._size]:
            self.add(now, failed=False, slow=False)
        else:
            self._added = place + 1

    def mark_failed(self, place: int, now: float) -> None:  # noqa: ARG002
        """Count the call at `place` as failed if it is still in the window."""
        index = place % self._size
        if self._added - place <= self.calls and not self._ring[index] & _FAILED:
            self._ring[index] |= _FAILED
            self.failures += 1


class AgingCountWindow(CountWindow):
    """The last `size` calls, of which those that are `age_s` seconds old are forgotten."""

    def __init__(self, size: int, age_s: float) -> None:
        self._age_s = age_s
        self._times: deque[float] = deque(maxlen=size)  # of the calls in the window, oldest first
        self._most_calls = 0
        super().__init__(size)

    def clear(self) -> None:
        """Forget everything."""
        self._times.clear()
        self._most_calls = 0
        super().clear()

    @property
    def most_calls(self) -> int:
        """The most calls that it has held at once since it was empty."""
        return self._most_calls

    def adopt(self, before: CountWindow) -> bool:
        """Take over the newest calls, where it is known when they were."""
        return isinstance(before, AgingCountWindow) and self._adopt_aging(before)

    def _adopt_aging(self, before: AgingCountWindow) -> bool:
        if before._age_s < self._age_s:
            return False
        super().adopt(before)
        self._times.extend(before._times)
        return True

    def roll(self, now: float) -> None:
        """Forget the calls that are too old."""
        times = self._times
        while times and now - times[0] >= self._age_s:
            times.popleft()
            index = (self._added - self.calls) % self._size
            self.failures -= self._ring[index] & _FAILED
            self.slow -= self._ring[index] >> 1
            self._ring[index] = 0
            self.calls -= 1

    def add(self, now: float, *, failed: bool, slow: bool) -> int:
        """Put the call in the place of the one that is `size` calls old."""
        self.roll(now)
        self._times.append(now)
        place = super().add(now, failed=failed, slow=slow)
        self._most_calls = max(self._most_calls, self.calls)
        return place

    def succeed(self, now: float) -> None:
        """Put the call in the place of the one that is `size` calls old."""
        self.add(now, failed=False, slow=False)

    def mark_failed(self, place: int, now: float) -> None:
        """Count the call at `place` as failed, too, if it is still in the window."""
        self.roll(now)
        super().mark_failed(place, now)


class TimeWindow:
    """The last `span_s` seconds in BUCKETS buckets: a call stays in the window for 9 to 10 tenths of the span.

    Calls go into the total at once, and into their bucket only when its time is over: until then their number is the
    difference.
    """

    def __init__(self, span_s: float) -> None:
        self.step_s = span_s / BUCKETS
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.calls = self.failures = self.slow = 0
        self._columns = [0] * BUCKETS, [0] * BUCKETS, [0] * BUCKETS
        self._newest = 0  # number of the newest bucket, counted from time 0
        self._ends = -math.inf  # when it is full
        self._others = 0  # calls in the window that are not in the newest bucket
        self._most_calls = 0  # when a bucket was full

    @property
    def most_calls(self) -> int:
        """The most calls that it has held at once since it was empty."""
        return max(self._most_calls, self.calls)

    def adopt(self, before: TimeWindow) -> bool:
        """Take over the buckets, where they are of the same length."""
        if before.step_s != self.step_s:
            return False
        vars(self).update(vars(before))
        self._most_calls = 0
        return True

    def roll(self, now: float) -> None:
        """Empty the buckets whose time has passed."""
        if now < self._ends:
            return
        number = math.floor(now / self.step_s)
        if self._ends == -math.inf:
            self._newest = number
        else:
            # A time at the very end of a bucket may divide to a little less than the number of the next one.
            self._empty_until(max(number, self._newest + 1))
        self._ends = (self._newest + 1) * self.step_s

    def _empty_until(self, number: int) -> None:
        calls, failures, slow = self._columns
        calls[self._newest % BUCKETS] = self.calls - self._others
        self._most_calls = self.most_calls
        for each in range(max(self._newest + 1, number - BUCKETS + 1), number + 1):
            index = each % BUCKETS
            self.calls -= calls[index]
            self.failures -= failures[index]
            self.slow -= slow[index]
            calls[index] = failures[index] = slow[index] = 0
        self._others = self.calls
        self._newest = number

    def succeed(self, now: float) -> None:
        """Put the call into the newest bucket."""
        if now >= self._ends:
            self.roll(now)
        self.calls += 1

    def add(self, now: float, *, failed: bool, slow: bool) -> int:
        """Put the call into the newest bucket."""
        self.succeed(now)
        index = self._newest % BUCKETS
        if failed:
            self._columns[1][index] += 1
            self.failures += 1
        if slow:
            self._columns[2][index] += 1
            self.slow += 1
        return self._newest

    def mark_failed(self, place: int, now: float) -> None:
        """Count a call of bucket `place` as failed if the bucket is still in the window."""
        self.roll(now)
        if self._newest - place < BUCKETS:
            self._columns[1][place % BUCKETS] += 1
            self.failures += 1
