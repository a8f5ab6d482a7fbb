"""One request of a run as a row, one change of state as a row, and their files of JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from inputs.wrong_input import WrongInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from pydantic_core import ErrorDetails


def _one_of(*allowed: str) -> AfterValidator:
    """Check text of a file: a Literal, but for the type checker, since the services' headers are any text."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"allowed: {', '.join(map(repr, allowed))}")
        return value

    return AfterValidator(check)


# Bounded, so that no sum overflows.
Seconds = Annotated[float, Field(ge=-1e9, le=1e9)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
State = Annotated[str, _one_of("closed", "open", "half-open")]
NO_OTHER = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(slots=True)  # frozen would cost 1.6 us of 16 us a request
class Row:
    """One request. Times in seconds from the start of its arm; `status` 0 and `state` '' mean no answer at all.

    `would_have` is what the backend would have answered had the call been let through (ok, error or timeout), known
    from the weather; a wait for a worker is not in it.
    """

    __pydantic_config__ = NO_OTHER

    arm: str
    seed: Whole
    id: Whole
    intended_s: Seconds
    sent_s: Seconds
    duration_s: Seconds
    status: Whole
    outcome: str
    served: str
    state: Annotated[str, _one_of("", "closed", "open", "half-open")]
    fail_count: Whole
    attempts: Whole
    backend_calls: Whole
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

    __pydantic_config__ = NO_OTHER

    arm: str
    seed: Whole
    at_s: Seconds
    before: State
    after: State
    cause: str
    fail_count: Whole


@dataclass(frozen=True, slots=True)
class Sample:
    """Both services at one moment: the breaker's state, and what the backend has received since the arm began."""

    __pydantic_config__ = NO_OTHER

    arm: str
    seed: Whole
    at_s: Seconds
    state: Annotated[str, _one_of("closed", "open", "half-open", "changing")]
    backend_received: Whole
    in_flight: Whole


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """One arm with one seed, as both services counted it; differences between its end and its start.

    `shadow`: calls that a policy tried in the shadow would have refused, by their results; empty where none was.
    """

    __pydantic_config__ = NO_OTHER

    arm: str
    seed: Whole
    planned: Whole
    duration_s: Seconds
    weather: str
    client_requests: Whole
    client_outcomes: dict[str, Whole]
    client_backend_calls: Whole
    client_cpu_s: Seconds
    backend_received: Whole
    backend_outcomes: dict[str, Whole]
    backend_busy_s: Seconds
    transitions_seen: Whole
    transitions_made: Whole
    foreign_changes: Whole = 0  # the first runs did not look for any
    shadow: dict[str, Whole] = field(default_factory=dict)


Record = Row | StateChange | Sample | ArmRecord
AnyRecord = TypeVar("AnyRecord", Row, StateChange, Sample, ArmRecord)


_NAMES = {kind: [each.name for each in fields(kind)] for kind in (Row, StateChange, Sample, ArmRecord)}


def write(file: TextIO, record: Record) -> None:
    """Append one line and hand it to the system, so that a crash loses at most the line being written."""
    file.write(json.dumps({name: getattr(record, name) for name in _NAMES[type(record)]}) + "\n")
    file.flush()


def read(path: Path, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """Yield the records of a file, none where it is missing; a last line that was cut off is left out.

    Raises WrongInputError: the file, the line, and what is wrong with it.
    """
    validate = TypeAdapter(kind).validate_json
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield validate(line)
                except ValidationError as error:
                    raise _wrong(f"{path.name}, line {number}", kind, error) from error
    except FileNotFoundError:
        return
    except OSError as error:
        detail = f"{path.name}: cannot be read: {error.strerror}"
        raise WrongInputError([{"field": path.name, "value": str(path), "detail": detail}]) from error


def _wrong(place: str, kind: type[Record], error: ValidationError) -> WrongInputError:
    """Say what is wrong with a line: not JSON, not these fields, or else the first field that is wrong."""
    found = error.errors(include_url=False)
    differ = {str(each["loc"][0]) for each in found if each["type"] in ("missing", "unexpected_keyword_argument")}
    if found[0]["type"] == "json_invalid":
        said = "not JSON"
    elif found[0]["type"] == "dataclass_type":
        said = "fields differ: no object"
    elif differ:
        order = [field.name for field in fields(kind)]
        said = f"fields differ: {sorted(differ, key=lambda name: (name not in order, name))}; "
        said += "if another version of the lab wrote it, `git_revision` in manifest.json is the one that reads it"
    else:
        said = _said(found[0])
    return WrongInputError([{"field": place, "value": None, "detail": f"{place}: {said}"}])


def _said(details: ErrorDetails) -> str:
    field = ".".join(map(str, details["loc"]))
    message = details["msg"].removeprefix("Value error, ")
    return f"{field}: got {details['input']!r:.80}; {message[:1].lower()}{message[1:]}"
