"""One request of a run as a row, one change of state as a row, and their files of JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from client.breakers.interface import State
from client.pipeline.call import Outcome, Served
from inputs.files import UnreadableFileError, check_regular
from inputs.limits import LONGEST_ROW, LONGEST_VALUE, MOST_PROBLEMS
from inputs.shown import show_value
from inputs.wrong_input import WrongInputError
from loadtest.scenario.quantities import BoundedFloat, BoundedInt, describe

# The state of a sample that fell into a change.
CHANGING = "changing"

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

    # Any text for the type checker, since the services' headers are; one of the words for who reads a file.
    OutcomeWord = str
    ServedWord = str
    StateWord = str
    StateOrNone = str
    SampledState = str
    Fate = str
else:
    OutcomeWord = Literal[tuple(each.value for each in Outcome)]
    ServedWord = Literal[tuple(each.value for each in Served)]
    StateWord = Literal[tuple(each.value for each in State)]
    StateOrNone = Literal[("", *(each.value for each in State))]
    SampledState = Literal[(*(each.value for each in State), CHANGING)]
    Fate = Literal[tuple(each.value for each in (Outcome.OK, Outcome.ERROR, Outcome.TIMEOUT))]

# Marks a field that a line has only where it says something: the lines of all other runs stay as they were.
ABSENT = {"absent": True}
NO_OTHER = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

ArmName = Annotated[str, describe("name of the arm")]
Seed = Annotated[BoundedInt, describe("seed of load and weather")]


@dataclass(slots=True)  # frozen would cost 1.6 us of 16 us a request
class Row:
    """One request. Times are from the start of its arm; `status` 0 and `state` '' mean no answer at all."""

    __pydantic_config__ = NO_OTHER

    arm: ArmName
    seed: Seed
    id: Annotated[BoundedInt, describe("number of the request in its arm, from 1")]
    intended_s: Annotated[BoundedFloat, describe("when it was to be sent", "s")]
    sent_s: Annotated[BoundedFloat, describe("when it was sent", "s")]
    duration_s: Annotated[BoundedFloat, describe("how long it took until it had ended", "s")]
    status: Annotated[BoundedInt, describe("HTTP status of the client's answer; 0: none came")]
    outcome: Annotated[OutcomeWord, describe("how the protected call ended")]
    served: Annotated[ServedWord, describe("what the caller got")]
    state: Annotated[StateOrNone, describe("the breaker's state when it decided; '': no answer came")]
    fail_count: Annotated[BoundedInt, describe("what the breaker had counted after the result", "failures")]
    attempts: Annotated[BoundedInt, describe("tries of the call at the backend", "attempts")]
    backend_calls: Annotated[BoundedInt, describe("tries that reached the backend", "calls")]
    would_have: Annotated[
        Fate,
        describe(
            "what the backend would have answered had the call been let through, known from the weather; "
            "a wait for a worker is not in it"
        ),
    ]
    blameless: Annotated[
        bool,
        describe(
            "whether that is an answer that does not count as a failure of the backend, such as a 404; absent if not"
        ),
    ] = field(default=False, metadata=ABSENT)

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
    """A transition of the client's breaker during an arm."""

    __pydantic_config__ = NO_OTHER

    arm: ArmName
    seed: Seed
    at_s: Annotated[BoundedFloat, describe("when, from the start of the arm", "s")]
    before: Annotated[StateWord, describe("the state that was left")]
    after: Annotated[StateWord, describe("the state that was entered")]
    cause: Annotated[str, describe("why, with the figures that decided")]
    fail_count: Annotated[BoundedInt, describe("what the breaker had counted by then", "failures")]
    loop_lag_s: Annotated[
        BoundedFloat, describe("how late the client's own event loop was just before; absent below 50 ms", "s")
    ] = field(default=0.0, metadata=ABSENT)

    @property
    def is_trip(self) -> bool:
        """Whether the breaker opened from closed: a probe that fails is no new trip."""
        return self.before == State.CLOSED and self.after == State.OPEN


@dataclass(frozen=True, slots=True)
class Sample:
    """Both services at one moment of a live run."""

    __pydantic_config__ = NO_OTHER

    arm: ArmName
    seed: Seed
    at_s: Annotated[BoundedFloat, describe("when, from the start of the arm", "s")]
    state: Annotated[SampledState, describe("the breaker's state; changing: it was not the same all the time")]
    backend_received: Annotated[BoundedInt, describe("what the backend received since the arm began", "calls")]
    in_flight: Annotated[BoundedInt, describe("requests inside the client", "requests")]


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """One arm with one seed, as both services counted it; differences between its end and its start."""

    __pydantic_config__ = NO_OTHER

    arm: ArmName
    seed: Seed
    planned: Annotated[BoundedInt, describe("requests that the load has", "requests")]
    duration_s: Annotated[BoundedFloat, describe("from its start to the end of its last request", "s")]
    weather: Annotated[str, describe("hash of all that the arm met from outside")]
    client_requests: Annotated[BoundedInt, describe("requests, as the client counts them", "requests")]
    client_outcomes: Annotated[dict[str, BoundedInt], describe("the same by outcome", "requests")]
    client_backend_calls: Annotated[BoundedInt, describe("backend calls, as the client counts them", "calls")]
    client_cpu_s: Annotated[BoundedFloat, describe("CPU time of the client's process", "s")]
    backend_received: Annotated[BoundedInt, describe("calls, as the backend counts them", "calls")]
    backend_outcomes: Annotated[dict[str, BoundedInt], describe("the same by what became of them", "calls")]
    backend_busy_s: Annotated[BoundedFloat, describe("worker-seconds that the backend used", "s")]
    transitions_seen: Annotated[BoundedInt, describe("changes of state that were recorded", "transitions")]
    transitions_made: Annotated[BoundedInt, describe("changes of state, as the client counts them", "transitions")]
    foreign_changes: Annotated[BoundedInt, describe("changes by anybody but the run itself", "changes")] = 0
    shadow: Annotated[
        dict[str, BoundedInt],
        describe("calls that a policy tried in the shadow would have refused, by their results", "calls"),
    ] = field(default_factory=dict)
    late_deadlines: Annotated[
        BoundedInt,
        describe("timeouts that the client's own event loop was too late for, neutral; absent where none was", "calls"),
    ] = field(default=0, metadata=ABSENT)
    longest_stall_s: Annotated[
        BoundedFloat,
        describe("longest time for which the client's own event loop stood still; absent below 50 ms", "s"),
    ] = field(default=0.0, metadata=ABSENT)


Record = Row | StateChange | Sample | ArmRecord
AnyRecord = TypeVar("AnyRecord", Row, StateChange, Sample, ArmRecord)


KINDS: tuple[type[Record], ...] = (Row, StateChange, Sample, ArmRecord)
_NAMES = {kind: [each.name for each in fields(kind) if not each.metadata] for kind in KINDS}
_RARE = {kind: [(each.name, each.default) for each in fields(kind) if each.metadata] for kind in KINDS}


class Growing(Protocol):
    """A file to which lines are added."""

    def write(self, lines: str, /) -> object: ...
    def flush(self) -> object: ...


def write(file: Growing, record: Record) -> None:
    """Append one line and hand it to the system, so that a crash loses at most the line being written."""
    kind = type(record)
    line = {name: getattr(record, name) for name in _NAMES[kind]}
    for name, default in _RARE[kind]:
        value = getattr(record, name)
        if value != default:
            line[name] = value
    file.write(json.dumps(line) + "\n")
    file.flush()


def read(path: Path, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """Yield the records of a file, none where it is missing; a last line that was cut off is left out.

    Raises WrongInputError: the file, the line, and what is wrong with it.
    """
    validate = TypeAdapter(kind).validate_json
    try:
        check_regular(path)
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_ROW), b""), start=1):
                if not line.endswith(b"\n"):
                    if len(line) == LONGEST_ROW:
                        raise _wrong_record(f"{path.name}, line {number}", f"longer than {LONGEST_ROW:,} bytes")
                    return
                try:
                    yield validate(line)
                except ValidationError as error:
                    raise _wrong_line(f"{path.name}, line {number}", kind, error) from error
    except UnreadableFileError as error:
        if path.exists():
            raise _wrong_record(path.name, f"cannot be read: {error}") from error
    except OSError as error:
        detail = f"{path.name}: cannot be read: {error.strerror}"
        raise WrongInputError([{"field": path.name, "value": str(path), "detail": detail}]) from error


def _wrong_line(place: str, kind: type[Record], error: ValidationError) -> WrongInputError:
    """Say what is wrong with a line: not JSON, not these fields, or else the first field that is wrong."""
    errors = error.errors(include_url=False)
    others = [each for each in errors if each["type"] in ("missing", "unexpected_keyword_argument")]
    differ = {str(each["loc"][0])[:LONGEST_VALUE] for each in others}
    if errors[0]["type"] == "json_invalid":
        reason = "not JSON"
    elif errors[0]["type"] == "dataclass_type":
        reason = "fields differ: no object"
    elif differ:
        order = [field.name for field in fields(kind)]
        reason = f"fields differ: {sorted(differ, key=lambda name: (name not in order, name))[:MOST_PROBLEMS]}; "
        reason += "if another version of the lab wrote it, `git_revision` in manifest.json is the one that reads it"
    else:
        reason = _describe_error(errors[0])
    return _wrong_record(place, reason)


def _wrong_record(place: str, reason: str) -> WrongInputError:
    return WrongInputError([{"field": place, "value": None, "detail": f"{place}: {reason}"}])


def _describe_error(details: ErrorDetails) -> str:
    field = ".".join(str(part)[:LONGEST_VALUE] for part in details["loc"])
    message = details["msg"]
    if details["type"] == "literal_error":
        message = f"allowed: {details['ctx']['expected'].replace(' or ', ', ')}"
    return f"{field}: got {show_value(details['input'])}; {message[:1].lower()}{message[1:]}"
