"""The figures that answer a question: each exact, or simulated with its 95 % interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from inputs.extra import require
from loadtest.probability.chains import FillingChain, StreakChain, WindowChain
from loadtest.probability.channel import Channel
from loadtest.probability.law import first_calls, first_trip
from loadtest.probability.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadtest.probability.law import Law
    from loadtest.probability.question import TripQuestion
    from loadtest.probability.simulation import SimulatedTrip

    Counts = np.ndarray[Any, np.dtype[np.int64]]

SHARES = 0.1, 0.5, 0.9
_CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class TripFigure:
    """A value, with its interval where it was simulated. Not a number: it is not known, or there is none.

    The interval has no upper end where too few of the runs came to a trip to see one.
    """

    value: float
    interval: tuple[float, float | None] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return value and how it was found; null where it is infinite or unknown."""
        value = self.value if math.isfinite(self.value) else None
        if self.interval is None:
            return {"value": value, "how": "exact"}
        return {"value": value, "how": "simulated", "low": self.interval[0], "high": self.interval[1]}


@dataclass(frozen=True, slots=True)
class TripFigures:
    """What becomes of a fresh breaker.

    `trips`: chance of a trip within `requests` calls. `calls`: mean number of calls up to the first trip, the call that
    trips included; infinite where there is none. `tenth`, `half`, `most`: number of calls by which 10, 50 and 90 % have
    tripped. `recovers`: chance that after a trip the first `success_threshold` probes succeed. `cycle`: chance that
    within `requests` requests at `rate` the breaker trips, refuses at least one request, and closes with its first
    probes.
    """

    trips: TripFigure
    calls: TripFigure
    tenth: TripFigure
    half: TripFigure
    most: TripFigure
    recovers: TripFigure
    cycle: TripFigure


@dataclass(frozen=True, slots=True)
class TripAnswer:
    """The figures; where some were simulated, in how many runs, and how many of those ended without a trip."""

    question: TripQuestion
    figures: TripFigures
    runs: int = 0
    given_up: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return everything, for scripts."""
        question, figures = self.question, self.figures
        by_call = zip(SHARES, (figures.tenth, figures.half, figures.most), strict=True)
        simulation = {"runs": self.runs, "seed": question.seed, "runs_without_trip": self.given_up}
        return {
            "breaker": _setting_json(question),
            **{name: getattr(question, name) for name in ("error_rate", "burst_length", "requests", "rate")},
            **(simulation if self.runs else {}),
            "trip_within_requests": figures.trips.as_json(),
            "mean_calls_to_trip": figures.calls.as_json(),
            "calls_to_trip": {f"{share:g}": each.as_json() for share, each in by_call},
            "refused_while_open": question.refused,
            "first_probes_succeed_after_trip": figures.recovers.as_json(),
            "whole_cycle_within_requests": figures.cycle.as_json(),
        }


def _setting_json(question: TripQuestion) -> dict[str, Any]:
    counts = {
        "consecutive": ("fail_max",),
        "count_window": ("failure_rate", "min_calls", "window_calls"),
        "time_window": ("failure_rate", "min_calls", "window_s"),
    }
    return {
        name: getattr(question, name)
        for name in ("policy", *counts[question.policy], "reset_timeout", "success_threshold")
    }


def answer_question(question: TripQuestion, on_progress: Callable[[int], None] = lambda _: None) -> TripAnswer:
    """Follow the chain where there is one, and simulate the rest; `on_progress` gets the number of runs done."""
    channel = Channel.of(question.error_rate, question.burst_length)
    law = _first_trip_law(question, channel)
    exact = _exact_figures(question, channel, law) if law else {}
    known = {name: TripFigure(value) for name, value in exact.items() if value is not None}
    if question.is_exact:
        return TripAnswer(question, TripFigures(**known))
    require("scipy", "a simulated answer", "make .venv/.lab")
    runs = simulate(question, on_progress)
    given_up = sum(run.trip is None for run in runs)
    return TripAnswer(
        question, TripFigures(**{**_simulated_figures(question, runs, given_up), **known}), len(runs), given_up
    )


def _first_trip_law(question: TripQuestion, channel: Channel) -> Law | None:
    """Return the law of the first trip, or of its first calls, where the policy has a chain that can be followed."""
    if question.simulate or question.policy == "time_window":
        return None
    if question.policy == "consecutive":
        return first_trip(StreakChain(channel, question.fail_max))
    window = question.window_calls, question.failure_rate, question.min_calls
    if question.is_exact:
        return first_trip(WindowChain(channel, *window))
    filling = FillingChain(channel, *window)
    return first_calls(filling, filling.calls)


def _exact_figures(question: TripQuestion, channel: Channel, law: Law) -> dict[str, float | None]:
    """Return each figure that the law knows.

    The chances of the probes sum over the fate of the call that tripped. The backend's weather goes on while the
    breaker refuses: the first probe is `refused` + 1 calls after the trip, and the others follow call by call.
    """
    more = (1 - channel.failing(after=False)) ** (question.success_threshold - 1)
    after_failure, after_success = (
        more * (1 - channel.failing(after, question.refused + 1)) for after in (True, False)
    )

    def closing_chance(calls: int) -> float | None:
        trips, on_success = law.within(calls), law.on_success_within(calls)
        return None if trips is None else (trips - on_success) * after_failure + on_success * after_success

    tenth, half, most = (law.quantile(share) for share in SHARES)
    recovers = None
    if not question.error_rate:
        recovers = math.nan  # there is no trip
    elif question.policy == "consecutive" or len(law.on_success) >= question.min_calls:
        on_success = float(law.on_success.sum())  # all there are: later than `min_calls` only a failure trips
        recovers = (1 - on_success) * after_failure + on_success * after_success
    return {
        "trips": law.within(question.requests),
        "calls": law.mean(),
        "tenth": tenth,
        "half": half,
        "most": most,
        "recovers": recovers,
        "cycle": closing_chance(question.latest_trip) if question.latest_trip else 0.0,
    }


def _simulated_figures(question: TripQuestion, runs: Sequence[SimulatedTrip], given_up: int) -> dict[str, TripFigure]:
    calls = np.sort([run.calls for run in runs])  # those that were given up come last: they are all as long
    in_time = sum(run.trip is not None and run.trip <= question.latest_trip for run in runs)
    closed = sum(run.closed is not None for run in runs)
    tenth, half, most = (_quantile(calls, share, given_up) for share in SHARES)
    return {
        "trips": _share(sum(run.trip is not None and run.trip <= question.requests for run in runs), len(runs)),
        "calls": _mean(calls, given_up),
        "tenth": tenth,
        "half": half,
        "most": most,
        "recovers": _share(closed, in_time),
        "cycle": _share(closed, len(runs)),
    }


def _share(hits: int, of: int) -> TripFigure:
    """Return a share with its Clopper-Pearson interval (Biometrika 26 (1934) 404); of nothing, anything."""
    if not of:
        return TripFigure(math.nan, (0.0, 1.0))
    from scipy import stats  # noqa: PLC0415 - half a second's work, which an exact answer can do without

    interval = stats.binomtest(hits, of).proportion_ci(_CONFIDENCE, "exact")
    return TripFigure(hits / of, (float(interval.low), float(interval.high)))


def _mean(calls: Counts, given_up: int) -> TripFigure:
    """Return the mean with its normal interval; its lower end alone where runs were given up, which makes it small."""
    mean = float(calls.mean())
    margin = _Z * float(calls.std(ddof=1)) / math.sqrt(len(calls))
    return TripFigure(math.nan, (mean - margin, None)) if given_up else TripFigure(mean, (mean - margin, mean + margin))


def _quantile(calls: Counts, share: float, given_up: int) -> TripFigure:
    """Return an order statistic with the interval of the two whose ranks lie a binomial margin beside it.

    Conover, Practical Nonparametric Statistics, chapter 3.2.
    """
    runs = len(calls)
    margin = _Z * math.sqrt(runs * share * (1 - share))
    ranks = runs * share - margin, runs * share, runs * share + margin
    low, middle, high = (min(runs, max(1, math.ceil(rank))) for rank in ranks)
    known = runs - given_up
    value = float(calls[middle - 1]) if middle <= known else math.nan
    return TripFigure(value, (float(calls[low - 1]), float(calls[high - 1]) if high <= known else None))
