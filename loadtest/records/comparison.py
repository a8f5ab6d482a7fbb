"""The shape of a comparison: the arms of a scenario beside its baseline, paired by seed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from loadtest.scenario.quantities import SHARE, describe

Interval = Annotated[
    list[float] | None, describe("95 % interval over seeds by Student's t, [low, high]; null below two seeds")
]


@dataclass(frozen=True)
class PairedFigure:
    """One figure of an arm and of the baseline, on the same weather; in the figure's own unit, null without a pair."""

    baseline: Annotated[float | None, describe("mean over seeds of the baseline")]
    value: Annotated[float | None, describe("mean over seeds of the arm")]
    difference: Annotated[float | None, describe("mean over seeds of value minus baseline")]
    ratio: Annotated[float | None, describe("value as a share of the baseline; null where that is 0", SHARE)]
    interval: Interval


@dataclass(frozen=True)
class ComparedArm:
    """The figures that are compared, in the order of the report."""

    success_rate: Annotated[PairedFigure, describe("share of the requests that got what they asked for", SHARE)]
    fast_fail_rate: Annotated[PairedFigure, describe("share of the requests that were refused", SHARE)]
    timeout_rate: Annotated[PairedFigure, describe("share of the requests that timed out", SHARE)]
    mean_response_s: Annotated[PairedFigure, describe("mean time to the end of a request", "s")]
    backend_calls: Annotated[PairedFigure, describe("calls that reached the backend", "calls")]
    in_flight_s: Annotated[PairedFigure, describe("request-seconds held", "s")]
    backend_busy_s: Annotated[PairedFigure, describe("worker-seconds that the backend used", "s")]
    client_cpu_s: Annotated[PairedFigure, describe("CPU time of the client's process", "s")]


@dataclass(frozen=True)
class Comparison:
    """The arms that met the baseline's weather, beside it."""

    baseline: Annotated[str, describe("the arm that the others are compared with")]
    arms: Annotated[dict[str, ComparedArm], describe("each other arm, by its name")]


class Judgement(StrEnum):
    """Whether an arm helped or harmed."""

    HELPED = "helped"
    HARMED = "harmed"
    TRADE_UP = "a trade, more saved than lost"
    TRADE_DOWN = "a trade, more lost than saved"
    SAME = "no difference"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class BothSides:
    """A figure of the baseline and of the arm: means over seeds, in the figure's own unit."""

    baseline: Annotated[float, describe("the baseline's")]
    value: Annotated[float, describe("the arm's")]


@dataclass(frozen=True)
class Gain:
    """What an arm gained, as a share of what the baseline has, over all seeds together."""

    share: Annotated[float, describe("over all seeds together", SHARE)]
    interval: Interval


Answers = Annotated[BothSides, describe("requests that got what they asked for", "requests")]
HeldSeconds = Annotated[BothSides, describe("request-seconds held", "s")]
Calls = Annotated[BothSides, describe("calls that reached the backend", "calls")]
OfBaseline = Annotated[float, describe("requests of the baseline, mean over seeds", "requests")]


@dataclass(frozen=True)
class Stretch:
    """What baseline and arm got and spent in one stretch of time."""

    requests: OfBaseline
    ok: Answers
    seconds: HeldSeconds
    calls: Calls


@dataclass(frozen=True, kw_only=True)
class RandomYardstick:
    """What refusing as many requests at random would have done, simulated on the same weather.

    In a disturbance they are spread over it and the quiet time after it, in the whole over the whole. Shares of what
    the baseline has, as of the arm itself; means over seeds.
    """

    runs: Annotated[int, describe("simulated runs that refused at random", "runs")]
    lost: Annotated[Gain, describe("answers that it loses, as a share of the baseline's", SHARE)]
    seconds_saved: Annotated[Gain, describe("request-seconds that it saves", SHARE)]
    seconds_beyond: Annotated[Gain, describe("request-seconds that it saves beyond the answers it loses", SHARE)]
    calls_saved: Annotated[Gain, describe("backend calls that it saves", SHARE)]
    calls_beyond: Annotated[Gain, describe("backend calls that it saves beyond the answers it loses", SHARE)]
    seconds_lead: Annotated[Gain, describe("the arm's `seconds_beyond` minus this one's: what counts as saved", SHARE)]
    calls_lead: Annotated[Gain, describe("the arm's `calls_beyond` minus this one's: what counts as saved", SHARE)]


@dataclass(frozen=True, kw_only=True)
class VerdictCell:
    """The verdict on one arm in one disturbance, or overall, and the figures behind it."""

    verdict: Annotated[Judgement, describe("whether the arm helped or harmed")]
    requests: OfBaseline
    ok: Answers
    seconds: HeldSeconds
    calls: Calls
    answers: Annotated[Gain, describe("answers won, as a share of the requests", SHARE)]
    lost: Annotated[Gain, describe("answers lost, as a share of the baseline's", SHARE)]
    seconds_saved: Annotated[Gain, describe("request-seconds saved", SHARE)]
    seconds_beyond: Annotated[Gain, describe("request-seconds saved beyond the answers lost", SHARE)]
    calls_saved: Annotated[Gain, describe("backend calls saved", SHARE)]
    calls_beyond: Annotated[Gain, describe("backend calls saved beyond the answers lost", SHARE)]
    random_yardstick: Annotated[
        RandomYardstick | None,
        describe("what refusing as many requests at random would have done; absent where that was not simulated"),
    ] = None
    balance: Annotated[
        float, describe("the mean of both savings, less the answers lost, as a share of the baseline's", SHARE)
    ] = 0.0
    parts: Annotated[
        dict[str, Stretch] | None,
        describe("the disturbance and the quiet time after it by themselves; absent from the whole"),
    ] = None


@dataclass(frozen=True)
class Verdicts:
    """Which arm helped and which harmed, disturbance by disturbance and overall."""

    baseline: Annotated[str, describe("the arm that the others are compared with")]
    runs: Annotated[int, describe("how many runs the baseline has", "runs")]
    arms: Annotated[dict[str, dict[str, VerdictCell]], describe("arm, then disturbance or `overall`")]
