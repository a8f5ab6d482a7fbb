"""The calls that a policy looks back on, in constant time for each call and bounded memory.

A window counts calls, and how many of them failed and were slow. `add` returns the place of the call, so that a call
that was counted while under way can be marked as failed if it fails later.
"""

from __future__ import annotations

import math
from typing import Protocol

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

    def roll(self, now: float) -> None:
        """Forget what is too old at `now`."""

    def add(self, now: float, *, failed: bool, slow: bool) -> int:
        """Count a call that ended at `now`; return its place."""

    def succeed(self, now: float) -> None:
        """Count a call that neither failed nor was slow; the same as `add`, in less time."""

    def mark_failed(self, place: int, now: float) -> None:
        """Count a call that `add` did not count as failed as a failure, unless it has left the window."""

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
        if place < self._size:
            self.calls = place + 1
        return place

    def succeed(self, now: float) -> None:
        """Put the call in the place of the one that is `size` calls old."""
        place = self._added
        if place < self._size:
            self._added = self.calls = place + 1
        elif self._ring[place % self._size]:
            self.add(now, failed=False, slow=False)
        else:
            self._added = place + 1

    def mark_failed(self, place: int, now: float) -> None:  # noqa: ARG002
        """Count the call at `place` as failed if it is still in the window."""
        index = place % self._size
        if self._added - place <= self._size and not self._ring[index] & _FAILED:
            self._ring[index] |= _FAILED
            self.failures += 1


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
