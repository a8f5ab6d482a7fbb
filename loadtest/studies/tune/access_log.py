"""Read an access log: CSV with a header, or JSON lines; one request a line.

Columns: `time` (seconds, or ISO 8601), `status` (see `statuses`), `duration` (see `durations`); other names of them
stand in `log_columns`. A line that cannot be read is counted and named; what is wrong with the whole is an error.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, TextIO

import numpy as np

from client.pipeline.classification import DEFAULT
from loadtest.studies.tune.durations import (
    SECONDS,
    SECONDS_AS_SAID,
    UnitFound,
    UnknownUnitError,
    duration_number,
    fill_durations,
    find_unit,
)
from loadtest.studies.tune.log_columns import BadLineError, numbered_lines, read_columns, wrong_log
from loadtest.studies.tune.log_times import LogClock, put_in_order
from loadtest.studies.tune.statuses import ASIDE, read_outcomes, status_number

if TYPE_CHECKING:
    from pathlib import Path

    from client.pipeline.classification import ClassificationSettings
    from loadtest.studies.tune.durations import Floats, Unit
    from loadtest.studies.tune.log_columns import Columns
    from loadtest.studies.tune.log_times import LineOrder
    from loadtest.studies.tune.statuses import Codes, Flags

LONGEST_S = 7 * 86_400
LONGEST_CALL_S = 3600
_NAMED_BAD = 5
_HTTP_FROM = 100
# Up to so many bad lines, the rest of a log is counted in any case.
_COUNTED_BAD = 10_000
# Bytes of a line such as 1,0,1 with its end.
_SHORTEST_LINE = 6


@dataclass(frozen=True)
class Reading:
    """How a log was read, where that was not plain from it.

    `grpc`: its statuses are gRPC's; `stray`: lines that stand after a later one; `ends`: its times are those of ends.
    """

    unit: UnitFound = SECONDS_AS_SAID
    grpc: bool = False
    stray: int = 0
    lines_by: LineOrder = "time"
    ends: bool = False


@dataclass(frozen=True)
class AccessLog:
    """The requests of an access log, in order. `start_s` from the first on; `outcome` OK, ERROR, TIMEOUT or ASIDE.

    `guessed`: which have a duration that is not in the log; `redirects`: which are OK and say nothing of the backend.
    """

    name: str
    began: str
    start_s: Floats
    outcome: Codes
    duration_s: Floats
    lines: int
    bad: int
    bad_named: tuple[str, ...]
    guessed: Flags | None = None
    redirects: Flags | None = None
    reading: Reading = Reading()

    @property
    def length_s(self) -> float:
        """Seconds from the first request to the last."""
        return float(self.start_s[-1])

    @property
    def aside(self) -> int:
        """How many requests say nothing of the backend, and lose nothing if they are refused."""
        return int(np.sum(self.outcome == ASIDE))

    @property
    def without_duration(self) -> int:
        """How many requests have no duration in the log."""
        return 0 if self.guessed is None else int(np.sum(self.guessed))

    def between(self, start_s: float, end_s: float) -> AccessLog:
        """Return the requests that begin in [start_s, end_s), with their times from `start_s` on."""
        found = self.only((self.start_s >= start_s) & (self.start_s < end_s))
        return replace(found, start_s=found.start_s - start_s)

    def only(self, chosen: Flags) -> AccessLog:
        """Return the chosen requests, at their times."""
        return replace(
            self,
            start_s=self.start_s[chosen],
            outcome=self.outcome[chosen],
            duration_s=self.duration_s[chosen],
            guessed=None if self.guessed is None else self.guessed[chosen],
            redirects=None if self.redirects is None else self.redirects[chosen],
        )


def read(
    path: Path,
    bad_share: float = 0.05,
    *,
    ends: bool = False,
    unit: Unit | None = None,
    classification: ClassificationSettings = DEFAULT,
) -> AccessLog:
    """Read an access log. `ends`: its times are those at which requests ended; `unit`: of its durations, where known.

    `classification` says which statuses are failures.

    Raises WrongInputError.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise wrong_log(path, "is not a regular file; save its content to one")
        with path.open("rb") as raw:
            if b"\0" in raw.read(4096):
                raise wrong_log(path, "not a text file in UTF-8; allowed: CSV or JSON lines")
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return _read(file, path, bad_share, ends=ends, unit=unit, classification=classification)
    except OSError as error:
        raise wrong_log(path, f"cannot be read: {error.strerror}") from error


class _Lines:
    """What the lines gave, column by column, and which are none."""

    def __init__(self) -> None:
        self.count = 0
        self.times, self.statuses, self.durations = array("d"), array("h"), array("d")
        self.numbers = array("Q")
        self.http = self.words = False
        self.bad: list[tuple[int, str]] = []
        self.bad_count = 0

    def add(self, columns: Columns, clock: LogClock, number: int, line: str) -> None:
        self.count += 1
        try:
            time, given, took = columns.split(line)
            duration = duration_number(took)
            if duration is None:
                raise _bad_duration(took)
            status = status_number(given)
            if status is None:
                raise _bad_status(given)
            self.times.append(clock.read(time, number))
        except BadLineError as error:
            self.leave_out(number, str(error))
            return
        self.statuses.append(status)
        self.durations.append(duration)
        self.numbers.append(number)
        if status >= _HTTP_FROM:
            is_number = str(given).strip().isdigit()
            self.http, self.words = self.http or is_number, self.words or not is_number

    def leave_out(self, number: int, why: str) -> None:
        self.bad_count += 1
        if len(self.bad) < _NAMED_BAD or number < self.bad[-1][0]:
            self.bad = sorted([*self.bad, (number, why)])[:_NAMED_BAD]

    def named(self) -> tuple[str, ...]:
        return tuple(f"line {number}: {why}" for number, why in self.bad)


def _read(
    file: TextIO,
    path: Path,
    bad_share: float,
    *,
    ends: bool,
    unit: Unit | None,
    classification: ClassificationSettings,
) -> AccessLog:
    numbered = numbered_lines(file)
    columns, pending = read_columns(path, numbered)
    clock, lines = LogClock(path, columns.time_scale), _Lines()
    hopeless = max(_COUNTED_BAD, bad_share * path.stat().st_size / _SHORTEST_LINE)
    for number, line in chain(pending, numbered):
        lines.add(columns, clock, number, line)
        if lines.bad_count > hopeless:  # whatever comes, so that a long file of something else is told at once
            break
    raw = np.array(lines.durations)
    found = _unit(path, raw, columns.unit, unit)
    statuses = np.array(lines.statuses, dtype=np.int16)
    outcomes = read_outcomes(statuses, http=lines.http, words=lines.words, classification=classification)
    duration_s = raw * SECONDS[found.unit]
    too_long = duration_s > LONGEST_CALL_S
    for index in np.flatnonzero(outcomes.bad | too_long).tolist():
        why = _bad_status(str(lines.statuses[index])) if outcomes.bad[index] else _bad_duration(f"{raw[index]:g}")
        lines.leave_out(lines.numbers[index], str(why))
    _check_bad(path, lines, bad_share)
    fine = ~(outcomes.bad | too_long)
    if not fine.any():
        raise wrong_log(path, "has a header but no requests; allowed: a line for each request")
    outcome = outcomes.outcome[fine]
    duration_s, guessed = fill_durations(duration_s[fine], outcome)
    times = put_in_order(np.array(lines.times)[fine], duration_s, ends=ends or columns.ends)
    if times.start_s[-1] > LONGEST_S:
        raise wrong_log(path, f"spans {times.start_s[-1] / 86_400:.3g} days; allowed: at most {LONGEST_S // 86_400}")
    return AccessLog(
        path.name,
        clock.first_text,
        times.start_s,
        outcome[times.order],
        duration_s[times.order],
        lines.count,
        lines.bad_count,
        lines.named(),
        guessed[times.order],
        outcomes.redirects[fine][times.order],
        Reading(found, outcomes.grpc, times.stray, times.lines_by, times.ends),
    )


def _unit(path: Path, durations: Floats, named: Unit | None, given: Unit | None) -> UnitFound:
    """Return the unit that is given, else that of the column's name, else what the durations say."""
    if given or named:
        return UnitFound(given or named or "s")
    try:
        return find_unit(durations[~np.isnan(durations)])
    except UnknownUnitError as error:
        allowed = "a column whose name has the unit (duration_s, duration_ms, duration_us), or --duration-is s|ms|us|ns"
        raise wrong_log(path, f"duration: got {error}, which may be seconds or not; allowed: {allowed}") from None


def _check_bad(path: Path, lines: _Lines, bad_share: float) -> None:
    bad_count, count = lines.bad_count, lines.count
    if bad_count > bad_share * count:
        share = f"{bad_count:,} of {count:,} lines ({100 * bad_count / count:.3g} %) cannot be read"
        allowed = f"at most {100 * bad_share:.3g} % (--bad-share)"
        raise wrong_log(path, f"{share}; allowed: {allowed}. {'; '.join(lines.named())}")


def _bad_status(value: object) -> BadLineError:
    return BadLineError(f"status: got {value!r:.40}; allowed: an HTTP code, a code of gRPC, or ok, error, timeout")


def _bad_duration(value: object) -> BadLineError:
    return BadLineError(
        f"duration: got {value!r:.40}; allowed: seconds, 0 to {LONGEST_CALL_S}, or - where there is none"
    )
