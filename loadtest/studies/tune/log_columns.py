"""The columns of an access log: which there are, and how a line gives them. CSV with a header, or JSON lines."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from inputs.wrong_input import WrongInputError, closest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loadtest.studies.tune.durations import Unit

    # Of a line: its time, status and duration as the file has them.
    Fields = tuple[Any, Any, Any]

_TIMES = {"time": 1.0, "timestamp": 1.0, "ts": 1.0, "time_s": 1.0, "@timestamp": 1.0, "start_time": 1.0}
_TIMES |= {"time_ms": 1e-3, "timestamp_ms": 1e-3}
# Columns whose name says that they are the end of a request.
_ENDS = {"end_time": 1.0, "time_end": 1.0, "ended_at": 1.0, "finished_at": 1.0, "completed_at": 1.0}
_ENDS |= {"end_time_ms": 1e-3, "endtime": 1.0, "end_timestamp": 1.0}
_STATUSES = ("status", "status_code", "code", "outcome", "result", "response_code", "grpc_status", "grpc_code")
# None: the name does not say which unit.
_DURATIONS: dict[str, Unit | None] = {"duration": None, "duration_s": "s", "latency": None, "latency_s": "s"}
_DURATIONS |= {"request_time": None, "response_time": None, "duration_ms": "ms", "latency_ms": "ms"}
_DURATIONS |= {"duration_us": "us", "duration_ns": "ns", "latency_us": "us", "latency_ns": "ns"}
_LONGEST_LINE = 65_536
# Of JSON lines so many are looked through for a duration, which failures may not have.
_LOOKED_THROUGH = 1000


class BadLineError(ValueError):
    """This line is none; its text says why."""


class Columns(NamedTuple):
    """How to split a line, and what the names of the columns say. `ends`: its times are those of ends."""

    split: Callable[[str], Fields]
    time_scale: float
    unit: Unit | None
    ends: bool


def wrong_log(path: Path, message: str) -> WrongInputError:
    """Return the error of a log that is none as a whole."""
    return WrongInputError([{"field": "log", "value": str(path), "detail": f"log {path}: {message}"}])


def numbered_lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Yield lines that are not blank, with their numbers; of one that is far too long only its beginning."""
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        rest = line
        while rest and not rest.endswith("\n") and len(rest) == _LONGEST_LINE:
            rest = file.readline(_LONGEST_LINE)
        if not line.isspace():
            yield number, line


def read_columns(path: Path, numbered: Iterator[tuple[int, str]]) -> tuple[Columns, list[tuple[int, str]]]:
    """Take the columns from the first lines, and return lines of requests that were read for it. WrongInputError."""
    number, first = next(numbered, (0, ""))
    if not first:
        raise wrong_log(path, "is empty; allowed: a line for each request")
    if not first.lstrip().startswith("{"):
        return _csv_columns(path, first), []
    pending = [(number, first)]
    names = _json_names(path, number, first)
    while not set(_named(names, _DURATIONS)) and len(pending) < _LOOKED_THROUGH:
        following = next(numbered, None)
        if following is None:
            break
        pending.append(following)
        try:
            names += [each for each in _json_names(path, *following) if each not in names]
        except WrongInputError:
            continue
    return _json_columns(path, names), pending


def _csv_columns(path: Path, header: str) -> Columns:
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter))]
    time, status, duration = (_column(path, names, wanted) for wanted in ("time", "status", "duration"))
    width = len(names)

    def split(line: str) -> Fields:
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
        except (csv.Error, StopIteration) as error:
            raise BadLineError(f"not CSV: {error}") from error
        if len(cells) != width:
            raise BadLineError(f"got {len(cells)} cells; allowed: {width}, as in the header")
        return cells[time], cells[status], cells[duration]

    return _columns(split, names[time], names[duration])


def _json_names(path: Path, number: int, line: str) -> list[str]:
    try:
        return list(json.loads(line))
    except (ValueError, RecursionError, TypeError):
        raise wrong_log(
            path, f"line {number}: begins like JSON but is not valid; the first line must be whole"
        ) from None


def _json_columns(path: Path, names: list[str]) -> Columns:
    lower = [name.strip().lower() for name in names]
    time, status, duration = (names[_column(path, lower, wanted)] for wanted in ("time", "status", "duration"))

    def split(line: str) -> Fields:
        try:
            found = json.loads(line)
            return found[time], found[status], found.get(duration)
        except (ValueError, RecursionError):
            raise BadLineError("not JSON") from None
        except KeyError as error:
            raise BadLineError(f"{error.args[0]}: missing") from None
        except (TypeError, IndexError, AttributeError):
            raise BadLineError("not a JSON object") from None

    return _columns(split, time.strip().lower(), duration.strip().lower())


def _columns(split: Callable[[str], Fields], time: str, duration: str) -> Columns:
    return Columns(split, (_TIMES | _ENDS)[time], _DURATIONS[duration], time in _ENDS)


_KNOWN: dict[str, tuple[str, ...]] = {
    "time": (*_TIMES, *_ENDS),
    "status": _STATUSES,
    "duration": tuple(_DURATIONS),
}
# Where a log has columns of both, the second is left out: a start is worth more than an end, HTTP's status more than
# gRPC's, which is nothing for a call that is none of gRPC.
_SECOND = frozenset({*_ENDS, "grpc_status", "grpc_code"})


def _named(names: list[str], known: Any) -> list[int]:
    return [index for index, name in enumerate(names) if name.strip().lower() in known]


def _column(path: Path, names: list[str], wanted: str) -> int:
    found = _named(names, _KNOWN[wanted])
    if len(found) > 1:
        found = [index for index in found if names[index] not in _SECOND] or found
    if len(found) == 1:
        return found[0]
    known = ", ".join(_KNOWN[wanted])
    if found:
        raise wrong_log(path, f"{wanted}: got {len(found)} columns for it; allowed: one of {known}")
    near = next((message for name in names if (message := closest(name, _KNOWN[wanted]))), "")
    raise wrong_log(path, f"{wanted}: no such column in the header{near}; allowed: {known}")
