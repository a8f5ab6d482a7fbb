"""One request of a run as a row, one change of state as a row, and their files of JSON lines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from service.wrong_input import WrongInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO


@dataclass(frozen=True, slots=True)
class Row:
    """One request. Times in seconds from the start of its arm; `status` 0 and `state` '' mean no answer at all.

    `would_have` is what the backend would have answered had the call been let through (ok, error or timeout), known
    from the weather; a wait for a worker is not in it.
    """

    arm: str
    seed: int
    id: int
    intended_s: float
    sent_s: float
    duration_s: float
    status: int
    outcome: str
    served: str
    state: str
    fail_count: int
    attempts: int
    backend_calls: int
    would_have: str

    @property
    def end_s(self) -> float:
        """When the answer was there."""
        return self.sent_s + self.duration_s

    @property
    def intended_latency_s(self) -> float:
        """Latency from the time at which the request should have been sent."""
        return self.end_s - self.intended_s


@dataclass(frozen=True, slots=True)
class StateChange:
    """A transition of the client's breaker during an arm; `at_s` in seconds from the start of the arm."""

    arm: str
    seed: int
    at_s: float
    before: str
    after: str
    cause: str
    fail_count: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Both services at one moment: the breaker's state, and what the backend has received since the arm began."""

    arm: str
    seed: int
    at_s: float
    state: str
    backend_received: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """One arm with one seed, as both services counted it; differences between its end and its start."""

    arm: str
    seed: int
    planned: int
    duration_s: float
    weather: str
    client_requests: int
    client_outcomes: dict[str, int]
    client_backend_calls: int
    client_cpu_s: float
    backend_received: int
    backend_outcomes: dict[str, int]
    backend_busy_s: float
    transitions_seen: int
    transitions_made: int
    foreign_changes: int


Record = Row | StateChange | Sample | ArmRecord
AnyRecord = TypeVar("AnyRecord", Row, StateChange, Sample, ArmRecord)


def write(file: TextIO, record: Record) -> None:
    """Append one line and hand it to the system, so that a crash loses at most the line being written."""
    file.write(json.dumps(asdict(record)) + "\n")
    file.flush()


def read(path: Path, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """Yield the records of a file, none where it is missing; a last line that was cut off is left out.

    Raises WrongInputError: the file, the line, and what is wrong with it.
    """
    if not path.exists():
        return
    names = {field.name for field in fields(kind)}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            yield kind(**_checked(line, names, f"{path.name}, line {number}"))


def _checked(line: str, names: set[str], place: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise WrongInputError([{"field": place, "value": line[:80], "detail": f"{place}: not JSON"}]) from error
    if not isinstance(values, dict) or set(values) != names:
        found = sorted(set(values) ^ names) if isinstance(values, dict) else "no object"
        raise WrongInputError([{"field": place, "value": None, "detail": f"{place}: fields differ: {found}"}])
    return values
