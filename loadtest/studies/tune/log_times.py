"""The times of an access log: read in one kind, and put in order, however the lines stand."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from loadtest.studies.tune.log_columns import BadLineError, wrong_log

if TYPE_CHECKING:
    from pathlib import Path

    from loadtest.studies.tune.durations import Floats

    Order = np.ndarray[tuple[int], np.dtype[np.intp]]

LineOrder = Literal["time", "start", "end", "none"]
# Seconds since 1970 have ten digits; what is far beyond is in another unit.
_MOST_SECONDS = 1e11
# Lines are in the order of starts or ends but for so many of those that are not in the order of time.
_STRAY = 0.05


class LogClock:
    """Reads times, all of one kind. `first_text`: the earliest."""

    def __init__(self, path: Path, scale: float) -> None:
        self._path, self._scale = path, scale
        self._kind, self._kind_line = "", 0
        self._first_s = math.inf
        self.first_text = ""

    def read(self, value: Any, number: int) -> float:
        """Return the seconds of a time in the line with this number. Raises BadLineError and WrongInputError."""
        seconds, kind = self._seconds(value)
        text = str(value).strip()
        if not self._kind:
            self._kind, self._kind_line = kind, number
        if kind != self._kind:
            message = f"line {number}: got time {text!r:.40}, {kind}, but line {self._kind_line} has {self._kind}"
            raise wrong_log(self._path, f"{message}; allowed: one kind of time in all lines")
        if seconds < self._first_s:
            self._first_s, self.first_text = seconds, text
        return seconds

    def _seconds(self, value: Any) -> tuple[float, str]:
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            return self._iso(value)
        except OverflowError:
            seconds = math.inf
        if isinstance(value, bool) or not 0 <= seconds < math.inf:  # -1 often stands for a time that is missing
            raise BadLineError(f"time: got {value!r:.40}; allowed: seconds >= 0, or ISO 8601")
        seconds *= self._scale
        if abs(seconds) > _MOST_SECONDS:
            if self._kind:  # others were fine, so it is not the unit
                raise BadLineError(f"time: got {value!r:.40}; allowed: seconds or ISO 8601")
            raise wrong_log(self._path, f"time: got {value!r:.40} seconds; if it has milliseconds, name it time_ms")
        return seconds, "a number"

    def _iso(self, value: Any) -> tuple[float, str]:
        try:
            moment = datetime.fromisoformat(value.strip())
        except (AttributeError, ValueError):
            raise BadLineError(f"time: got {value!r:.40}; allowed: seconds or ISO 8601") from None
        if moment.tzinfo is None:
            # Without a zone there is no other way than to count days as if all had 24 hours.
            return (moment - datetime(1970, 1, 1)).total_seconds(), "a time without a zone"  # noqa: DTZ001
        return moment.timestamp(), "a time with a zone"


class TimesInOrder(NamedTuple):
    """Starts from 0 on, and which request has which.

    `stray`: lines that stand after a later one; `ends`: the log's times are those at which requests ended.
    """

    start_s: Floats
    order: Order
    stray: int
    lines_by: LineOrder
    ends: bool


def put_in_order(times_s: Floats, duration_s: Floats, *, ends: bool) -> TimesInOrder:
    """Return the starts in order. `ends`: `times_s` are those at which requests ended.

    A server writes its line when a request ends, whichever time it writes: such lines are in the order of their ends.
    Where they are not in the order of their times, and would be if those were ends, they are ends.
    """
    # As far apart as rounding may bring them.
    near_s = 1.0 if _whole_seconds(times_s) else 0.0015
    stray = _count_stray(times_s)
    lines_by: LineOrder = "time"
    if stray:
        lines_by = "none"
        if _count_stray(times_s + duration_s, near_s) <= _STRAY * stray:
            lines_by = "end"
        elif _count_stray(times_s - duration_s, near_s) <= _STRAY * stray:
            lines_by, ends = "start", True
    times_s = _spread_ties(times_s)
    start_s = times_s - duration_s if ends else times_s
    order = np.argsort(start_s, kind="stable")
    start_s = start_s[order]
    return TimesInOrder(start_s - start_s[0], order, stray, lines_by, ends)


def _count_stray(times_s: Floats, near_s: float = 0.0) -> int:
    """Count the lines that stand after one that is later by more than `near_s`."""
    return int(np.sum(times_s < np.maximum.accumulate(times_s) - near_s))


def _whole_seconds(times_s: Floats) -> bool:
    return bool(np.all(times_s == np.floor(times_s)))


def _spread_ties(times_s: Floats) -> Floats:
    """Spread the requests of a second over it, in the order of their lines, where times have no parts of seconds."""
    if not _whole_seconds(times_s):
        return times_s
    order = np.argsort(times_s, kind="stable")
    _, first, counts = np.unique(times_s[order], return_index=True, return_counts=True)
    place = np.arange(len(times_s)) - np.repeat(first, counts)
    spread = times_s.copy()
    spread[order] += place / np.repeat(counts, counts)
    return spread
