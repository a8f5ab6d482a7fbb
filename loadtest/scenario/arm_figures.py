"""The figures of an arm, which every summary contains and a scenario may bound."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from client.breakers.interface import State  # noqa: TC001 - it is read when the shapes are walked
from client.pipeline.call import Outcome, Served
from loadtest.scenario.quantities import SHARE, describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Requests = Annotated[int, describe("requests that ended", "requests")]
Outcomes = Annotated[dict[Outcome, int], describe("how many requests ended in each way", "requests")]
Answered4xx = Annotated[
    int,
    describe("errors that were an answer with 4xx, passed on to the caller; absent where none was", "requests"),
]
SuccessRate = Annotated[float | None, describe("share of the requests that got what they asked for", SHARE)]
BackendCalls = Annotated[int, describe("calls that reached the backend", "calls")]
FastFailRate = Annotated[float | None, describe("share of the requests that were refused", SHARE)]
TimeoutRate = Annotated[float | None, describe("share of the requests that timed out", SHARE)]
MeanResponse = Annotated[float | None, describe("mean time to the end of a request, refusals included", "s")]
InFlight = Annotated[float, describe("request-seconds held: the sum of all response times", "s")]


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Quantiles of response times, by linear interpolation."""

    p50: Annotated[float, describe("the median", "s")]
    p90: Annotated[float | None, describe("the 90th percentile; absent in a run of an older version", "s")] = None
    p95: Annotated[float, describe("the 95th percentile", "s")]
    p99: Annotated[float, describe("the 99th percentile", "s")]
    max: Annotated[float, describe("the longest", "s")]


@dataclass(frozen=True)
class ProbeFigures:
    """Calls let through in half-open."""

    probes: Annotated[int, describe("calls let through in half-open", "calls")]
    successes: Annotated[int, describe("those of them that succeeded", "calls")]


@dataclass(frozen=True)
class WrongRefusals:
    """Refusals of calls that the backend would have answered."""

    fast_fails: Annotated[int, describe("refusals of calls that the backend would have answered", "requests")]


@dataclass(frozen=True)
class FalsePositives(WrongRefusals):
    """What a breaker did without need."""

    trips: Annotated[int, describe("trips of which most refusals were wrong", "trips")]


@dataclass(frozen=True)
class TransitionFigure:
    """A change of the breaker's state, in one seed's time."""

    seed: Annotated[int, describe("the run's seed")]
    at_s: Annotated[float, describe("when, from the start of the arm", "s")]
    before: Annotated[str, describe("the state that was left")]
    after: Annotated[str, describe("the state that was entered")]
    cause: Annotated[str, describe("why")]
    fail_count: Annotated[int, describe("what the breaker had counted by then", "failures")]


@dataclass(frozen=True, kw_only=True)
class PhaseFigures:
    """What became of the requests of one group of phases. A share or mean of no requests is null."""

    requests: Requests
    outcomes: Outcomes
    answered_4xx: Answered4xx = 0
    success_rate: SuccessRate
    backend_calls: BackendCalls
    fast_fail_rate: FastFailRate
    timeout_rate: TimeoutRate
    mean_response_s: MeanResponse
    in_flight_s: InFlight
    false_positives: Annotated[WrongRefusals, describe("what was refused without need")]


@dataclass(frozen=True, kw_only=True)
class RequestFigures:
    """What became of some requests. A share or mean of no requests is null."""

    requests: Requests
    outcomes: Outcomes
    answered_4xx: Answered4xx = 0
    success_rate: SuccessRate
    backend_calls: BackendCalls
    backend_success_rate: Annotated[float | None, describe("successes as a share of the backend calls", SHARE)]
    fast_fail_rate: FastFailRate
    timeout_rate: TimeoutRate
    mean_response_s: MeanResponse
    mean_backend_response_s: Annotated[
        float | None, describe("mean time to the end of a request that reached the backend", "s")
    ]
    in_flight_s: InFlight


@dataclass(frozen=True, kw_only=True)
class TotalFigures(RequestFigures):
    """The main figures, of one run or of all. Those that services report at an arm's end are null if it was cut off."""

    backend_busy_s: Annotated[float | None, describe("worker-seconds that the backend used", "s")]
    client_cpu_s: Annotated[float | None, describe("CPU time of the client's process", "s")]
    trips: Annotated[int, describe("changes from closed to open", "trips")]


@dataclass(frozen=True, kw_only=True)
class ArmFigures(TotalFigures):
    """Every figure of an arm that a scenario may bound."""

    served: Annotated[dict[Served, int], describe("how many requests were given what", "requests")]
    latency_s: Annotated[
        dict[Literal["all"] | Outcome, Quantiles],
        describe("time from sending to the end: of each outcome that occurred, and of all requests", "s"),
    ]
    intended_latency_s: Annotated[
        dict[Literal["all"] | Outcome, Quantiles],
        describe("the same from the time at which the request should have been sent", "s"),
    ]
    transitions: Annotated[
        list[TransitionFigure],
        describe("changes of the breaker's state, seed by seed; absent in a reference without its rows"),
    ] = field(default_factory=list)
    time_in_state_s: Annotated[dict[State, float], describe("time in each state, over all seeds", "s")]
    half_open: Annotated[ProbeFigures, describe("how probes went")]
    false_positives: Annotated[FalsePositives, describe("what was refused without need")]
    recovery_delay_s: Annotated[
        float | None, describe("mean time from the backend's recovery to the breaker's closing", "s")
    ]
    phases: Annotated[
        dict[str, PhaseFigures] | None,
        describe("the requests of each group of phases; absent where no phase has a name"),
    ] = None


def figure_names(phases: Sequence[str] = ()) -> list[str]:
    """Return every figure of an arm as a dotted path; `transitions` is their number.

    `phases`: the groups of the arm's faults, which have their own figures.
    """
    return list(_paths(ArmFigures, tuple(phases)))


def figure_at(figures: ArmFigures, path: str) -> float | None:
    """Follow a dotted path; a list gives its length. None if there is no such figure."""
    reached: Any = figures
    for part in path.split("."):
        if isinstance(reached, dict):
            reached = reached.get(part)
        else:
            reached = getattr(reached, part, None) if is_dataclass(reached) else None
    if isinstance(reached, list):
        return float(len(reached))
    is_number = isinstance(reached, (int, float)) and not isinstance(reached, bool)
    return float(reached) if is_number else None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _paths(kind: Any, phases: tuple[str, ...]) -> Iterator[str]:
    """Yield the path of each number in a shape; keys that may be any text are the phases."""
    if is_dataclass(kind) and isinstance(kind, type):
        groups = {field.name: _hints(kind)[field.name] for field in fields(kind)}
    elif get_origin(kind) is dict:
        keys, value = get_args(kind)
        groups = dict.fromkeys(phases if keys is str else _words(keys), value)
    elif get_origin(kind) in (Union, UnionType):
        [one] = [each for each in get_args(kind) if each is not NoneType]
        yield from _paths(one, phases)
        return
    else:
        yield ""
        return
    for name, below in groups.items():
        yield from (f"{name}.{rest}" if rest else name for rest in _paths(below, phases))


def _words(keys: Any) -> list[str]:
    """Return the keys that a dict may have: an enum's values, literals, or several of these."""
    if isinstance(keys, type) and issubclass(keys, Enum):
        return [str(each.value) for each in keys]
    if get_origin(keys) is Literal:
        return list(get_args(keys))
    return [word for each in get_args(keys) for word in _words(each)]
