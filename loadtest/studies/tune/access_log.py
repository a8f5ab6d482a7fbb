"""Read an access log: CSV with a header, or JSON lines; one request on each line, sorted by time.

Columns: `time` (seconds, or ISO 8601), `status` (an HTTP code, or ok, error, timeout), `duration` (seconds). Aliases
and units are in `_NAMES`. A line that cannot be read is counted and named; a problem of the whole file is an error.
"""

from __future__ import annotations

import csv
import json
import math
from array import array
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from inputs.wrong_input import WrongInputError, closest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Codes = np.ndarray[tuple[int], np.dtype[np.int8]]
    # The time, status and duration of a line, as they are in the file.
    Fields = tuple[Any, Any, Any]

OK, ERROR, TIMEOUT = 0, 1, 2
LONGEST_S = 7 * 86_400
LONGEST_CALL_S = 3600
_NAMES = {
    "time": {"time": 1.0, "timestamp": 1.0, "ts": 1.0, "time_s": 1.0, "@timestamp": 1.0, "start_time": 1.0}
    | {"time_ms": 1e-3, "timestamp_ms": 1e-3},
    "status": {"status": 1.0, "status_code": 1.0, "code": 1.0, "outcome": 1.0, "result": 1.0, "response_code": 1.0},
    "duration": {"duration": 1.0, "duration_s": 1.0, "latency": 1.0, "latency_s": 1.0, "request_time": 1.0}
    | {"response_time": 1.0, "duration_ms": 1e-3, "latency_ms": 1e-3, "duration_us": 1e-6},
}
_WORDS = {"ok": OK, "success": OK, "error": ERROR, "failure": ERROR, "timeout": TIMEOUT}
# Codes that a proxy sends or logs if a call took too long for the proxy, the server or the caller.
_TIMED_OUT = frozenset({408, 499, 504})
_LONGEST_LINE = 65_536
_NAMED_BAD = 5
# Seconds since 1970 have ten digits; much larger numbers are in another unit.
_MOST_SECONDS = 1e11


@dataclass(frozen=True)
class AccessLog:
    """The requests of an access log, in order. `start_s` counts from the first; `outcome` is OK, ERROR or TIMEOUT."""

    name: str
    began: str
    start_s: Floats
    outcome: Codes
    duration_s: Floats
    lines: int
    bad: int
    bad_named: tuple[str, ...]

    @property
    def length_s(self) -> float:
        """Seconds from the first request to the last."""
        return float(self.start_s[-1])

    def between(self, start_s: float, end_s: float) -> AccessLog:
        """Return the requests that begin in [start_s, end_s), with times relative to `start_s`."""
        chosen = (self.start_s >= start_s) & (self.start_s < end_s)
        return AccessLog(
            self.name,
            self.began,
            self.start_s[chosen] - start_s,
            self.outcome[chosen],
            self.duration_s[chosen],
            self.lines,
            self.bad,
            self.bad_named,
        )


class _BadLineError(ValueError):
    """A line that cannot be read; the text says why."""


def read(path: Path, bad_share: float = 0.05, *, ends: bool = False) -> AccessLog:
    """Read an access log. `ends`: its times are those at which requests ended. Raises WrongInputError."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise _wrong_input(path, "is not a regular file; save its content to one")
        with path.open("rb") as raw:
            if b"\0" in raw.read(4096):
                raise _wrong_input(path, "not a text file in UTF-8; allowed: CSV or JSON lines")
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return _read(file, path, bad_share, ends=ends)
    except OSError as error:
        raise _wrong_input(path, f"cannot be read: {error.strerror}") from error


def _read(file: TextIO, path: Path, bad_share: float, *, ends: bool) -> AccessLog:
    numbered = _lines(file)
    first_number, first = next(numbered, (0, ""))
    if not first:
        raise _wrong_input(path, "is empty; allowed: a line for each request")
    if first.lstrip().startswith("{"):
        split, scale = _json_lines(path, first_number, first)
        pending = [(first_number, first)]
    else:
        split, scale = _csv(path, first)
        pending = []
    clock = _Clock(path, scale[0])
    starts, outcomes, durations = array("d"), array("b"), array("d")
    bad: list[str] = []
    bad_count = lines = 0
    for source in (pending, numbered):
        for number, line in source:
            lines += 1
            try:
                time, status, duration = split(line)
                duration_s = _duration(duration, scale[1])
                outcome = _outcome(status)
                starts.append(clock.read(time, number))
            except _BadLineError as error:
                bad_count += 1
                if len(bad) < _NAMED_BAD:
                    bad.append(f"line {number}: {error}")
                continue
            outcomes.append(outcome)
            durations.append(duration_s)
    if bad_count > bad_share * lines:
        share = f"{bad_count:,} of {lines:,} lines ({100 * bad_count / lines:.3g} %) cannot be read"
        raise _wrong_input(path, f"{share}; allowed: at most {100 * bad_share:.3g} % (--bad-share). {'; '.join(bad)}")
    if not starts:
        raise _wrong_input(path, "has a header but no requests; allowed: a line for each request")
    return _sort_requests(path, clock, (starts, outcomes, durations), (lines, bad_count, bad), ends=ends)


def _sort_requests(
    path: Path,
    clock: _Clock,
    columns: tuple[array[float], array[int], array[float]],
    counted: tuple[int, int, list[str]],
    *,
    ends: bool,
) -> AccessLog:
    start_s, duration_s = np.array(columns[0]), np.array(columns[2])
    outcome = np.array(columns[1], dtype=np.int8)
    if ends:
        start_s = start_s - duration_s
        order = np.argsort(start_s, kind="stable")
        start_s, outcome, duration_s = start_s[order], outcome[order], duration_s[order]
    start_s = start_s - start_s[0]
    if start_s[-1] > LONGEST_S:
        raise _wrong_input(path, f"spans {start_s[-1] / 86_400:.3g} days; allowed: at most {LONGEST_S // 86_400}")
    lines, bad_count, bad = counted
    return AccessLog(path.name, clock.first_text, start_s, outcome, duration_s, lines, bad_count, tuple(bad))


class _Clock:
    """Reads times, which must be all of one kind and in order."""

    def __init__(self, path: Path, scale: float) -> None:
        self._path, self._scale = path, scale
        self._kind, self._kind_line = "", 0
        self._last, self._last_text, self._last_line = -math.inf, "", 0
        self.first_text = ""

    def read(self, value: Any, number: int) -> float:
        seconds, kind = self._seconds(value)
        text = str(value).strip()
        if not self._kind:
            self._kind, self._kind_line, self.first_text = kind, number, text
        if kind != self._kind:
            message = f"line {number}: got time {text!r:.40}, {kind}, but line {self._kind_line} has {self._kind}"
            raise _wrong_input(self._path, f"{message}; allowed: one kind of time in all lines")
        if seconds < self._last:
            message = f"is not sorted by time: line {number} has {text!r:.40}, after {self._last_text!r:.40} in line"
            raise _wrong_input(self._path, f"{message} {self._last_line}; sort it by time")
        self._last, self._last_text, self._last_line = seconds, text, number
        return seconds

    def _seconds(self, value: Any) -> tuple[float, str]:
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            return self._iso(value)
        except OverflowError:
            seconds = math.inf
        if isinstance(value, bool) or not 0 <= seconds < math.inf:  # -1 often means that the time is missing
            raise _BadLineError(f"time: got {value!r:.40}; allowed: seconds >= 0, or ISO 8601")
        seconds *= self._scale
        if abs(seconds) > _MOST_SECONDS:
            if self._kind:  # other times were fine, so the unit is not the problem
                raise _BadLineError(f"time: got {value!r:.40}; allowed: seconds or ISO 8601")
            raise _wrong_input(
                self._path, f"time: got {value!r:.40} seconds; if the column has milliseconds, name it time_ms"
            )
        return seconds, "a number"

    def _iso(self, value: Any) -> tuple[float, str]:
        try:
            moment = datetime.fromisoformat(value.strip())
        except (AttributeError, ValueError):
            raise _BadLineError(f"time: got {value!r:.40}; allowed: seconds or ISO 8601") from None
        if moment.tzinfo is None:
            # Without a zone, every day has to count as 24 hours.
            return (moment - datetime(1970, 1, 1)).total_seconds(), "a time without a zone"  # noqa: DTZ001
        return moment.timestamp(), "a time with a zone"


def _lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Yield lines that are not blank, with their numbers; of a line that is far too long, only the beginning."""
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        rest = line
        while rest and not rest.endswith("\n") and len(rest) == _LONGEST_LINE:
            rest = file.readline(_LONGEST_LINE)
        if not line.isspace():
            yield number, line


def _csv(path: Path, header: str) -> tuple[Callable[[str], Fields], tuple[float, float]]:
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter))]
    time, status, duration = (_column(path, names, wanted) for wanted in _NAMES)
    width = len(names)

    def split(line: str) -> Fields:
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
        except (csv.Error, StopIteration) as error:
            raise _BadLineError(f"not CSV: {error}") from error
        if len(cells) != width:
            raise _BadLineError(f"got {len(cells)} cells; allowed: {width}, as in the header")
        return cells[time], cells[status], cells[duration]

    return split, (_NAMES["time"][names[time]], _NAMES["duration"][names[duration]])


def _column(path: Path, names: list[str], wanted: str) -> int:
    found = [index for index, name in enumerate(names) if name in _NAMES[wanted]]
    if len(found) == 1:
        return found[0]
    known = ", ".join(_NAMES[wanted])
    if found:
        raise _wrong_input(path, f"{wanted}: got {len(found)} columns for it; allowed: one of {known}")
    near = next((message for name in names if (message := closest(name, _NAMES[wanted]))), "")
    raise _wrong_input(path, f"{wanted}: no such column in the header{near}; allowed: {known}")


def _json_lines(path: Path, number: int, first: str) -> tuple[Callable[[str], Fields], tuple[float, float]]:
    """Take the column names from the first line, which must be an object; all lines have the same."""
    try:
        head = json.loads(first)
    except (ValueError, RecursionError):
        raise _wrong_input(
            path, f"line {number}: begins like JSON but is not valid; the first line must be complete"
        ) from None
    names = list(head)
    time, status, duration = (
        names[_column(path, [name.strip().lower() for name in names], wanted)] for wanted in _NAMES
    )

    def split(line: str) -> Fields:
        try:
            found = json.loads(line)
            return found[time], found[status], found[duration]
        except (ValueError, RecursionError):
            raise _BadLineError("not JSON") from None
        except KeyError as error:
            raise _BadLineError(f"{error.args[0]}: missing") from None
        except (TypeError, IndexError):
            raise _BadLineError("not a JSON object") from None

    return split, (_NAMES["time"][time.strip().lower()], _NAMES["duration"][duration.strip().lower()])


def _outcome(value: Any) -> int:
    text = str(value).strip().lower()
    word = _WORDS.get(text)
    if word is not None:
        return word
    if len(text) == 3 and text.isascii() and text.isdigit() and not isinstance(value, bool):
        code = int(text)
        if code in _TIMED_OUT:
            return TIMEOUT
        if 100 <= code <= 599:
            return ERROR if code >= 500 else OK
    if text in ("0", "000", "-"):  # no answer at all, as proxies write it
        return ERROR
    raise _BadLineError(f"status: got {value!r:.40}; allowed: an HTTP code, or ok, error, timeout")


def _duration(value: Any, scale: float) -> float:
    try:
        seconds = float(value) * scale
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(value, bool) or not 0 <= seconds <= LONGEST_CALL_S:  # NaN is neither
        raise _BadLineError(f"duration: got {value!r:.40}; allowed: seconds, 0 to {LONGEST_CALL_S}")
    return seconds


def _wrong_input(path: Path, message: str) -> WrongInputError:
    return WrongInputError([{"field": "log", "value": str(path), "detail": f"log {path}: {message}"}])
