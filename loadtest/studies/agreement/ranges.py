"""Do live runs lie where virtual runs of the same weather lie that are sent as late? Figure by figure. Pure.

Where requests wait for each other, two runs of one weather are not the same: milliseconds decide who is answered. Then
no request is compared, but each figure of a live run with the range of the same figure over many virtual runs, which
differ in their jitter alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from client.breakers.interface import State
from client.pipeline.call import Outcome
from loadtest.figures.summary import fold, state_bands
from loadtest.scenario.arm_figures import figure_at
from loadtest.studies.agreement.compare import HTTP_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.records.measured import Measured

# What is compared, by its path in a summary, and how far beyond its range it may lie: the time that HTTP takes, which
# virtual time does not have, makes a request's time longer, and lets a few requests end beyond their timeout.
RACES = 2
TIME_OPEN = f"time_in_state_s.{State.OPEN}"
FIGURES = {
    **{f"outcomes.{each}": RACES for each in Outcome},
    "trips": 0,
    "backend_calls": RACES,
    "mean_response_s": HTTP_S,
    "latency_s.all.p95": HTTP_S,
    TIME_OPEN: HTTP_S,
}
# So often sound runs have no more figures outside than are allowed.
_SURE = 0.99

# Of a run: arm, then figure.
Figures = dict[str, dict[str, float]]


class RunOutline(NamedTuple):
    """What is kept of a run: its figures, and how each request ended, arm by arm in the order of the ids."""

    figures: Figures
    outcomes: dict[str, tuple[str, ...]]


def outline_run(arms: Sequence[Measured]) -> RunOutline:
    """Return what is kept of a run, of one seed, from what its arms left behind."""
    return RunOutline(
        {arm.arm: _figures_of(arm) for arm in arms},
        {arm.arm: tuple(row.outcome for row in arm.rows) for arm in arms},
    )


def _figures_of(arm: Measured) -> dict[str, float]:
    folded = fold(arm)
    values = {path: figure_at(folded, path) for path in FIGURES}
    values[TIME_OPEN] = _time_open_s(arm)
    return {path: round(value, 6) for path, value in values.items() if value is not None}


def _time_open_s(arm: Measured) -> float:
    """Return how long the breaker was open up to the last answer: a live run ends only with its next sample."""
    last_s = max((row.end_s for row in arm.rows), default=0.0)
    bands = [band for seed in arm.seeds for band in state_bands(arm, seed) if band[0] == State.OPEN]
    return sum(max(0.0, min(end, last_s) - start) for _, start, end in bands)


@dataclass(frozen=True)
class LiveRuns:
    """The live runs of a scenario: their figures, and how much of them is the same, as a mean share of the requests.

    `lateness_s`: within which time after their own 50, 95, 99 and 100 % of the requests were sent. `broken`: checks of
    these runs that failed.
    """

    seed: int
    scenario_sha256: str
    figures: list[Figures]
    lateness_s: list[float]
    same_as_virtual: dict[str, float]
    same_as_each_other: dict[str, float]
    broken: list[str]


@dataclass(frozen=True)
class FigureRange:
    """A figure of one arm: its range over the virtual runs, and the values of the live ones."""

    arm: str
    figure: str
    low: float
    high: float
    live: list[float]

    @property
    def outside(self) -> list[float]:
        """Values of live runs beyond the range."""
        return [value for value in self.live if lies_outside(self.figure, value, self.low, self.high)]


@dataclass(frozen=True)
class RangeAgreement:
    """One scenario. `same`: the mean share of requests that end alike in two virtual runs, by arm.

    `most_outside`: so many figures of the live runs may be outside: the larger of what chance gives in 99 % of the
    cases where each figure falls outside by itself, and where those of a run do so together, as in the virtual runs.
    """

    live: LiveRuns
    jitter_s: float
    streams: int
    same: dict[str, float]
    ranges: list[FigureRange]
    most_outside: int

    @property
    def checked(self) -> int:
        """How many figures were held against a range."""
        return sum(len(each.live) for each in self.ranges)

    @property
    def outside(self) -> int:
        """How many of them lie outside."""
        return sum(len(each.outside) for each in self.ranges)

    @property
    def outside_by_chance(self) -> float:
        """How many of them would at most lie outside by chance, on average, if both engines told the same."""
        return self.checked * 2 / (self.streams + 1)

    @property
    def ok(self) -> bool:
        """Whether the live runs are as the virtual ones."""
        return bool(self.ranges) and not self.live.broken and self.outside <= self.most_outside


def lies_outside(figure: str, value: float, low: float, high: float) -> bool:
    """Say whether a value lies outside a range by more than what HTTP may do to it."""
    return value < low - FIGURES[figure] or value > high + FIGURES[figure]


def compare_ranges(live: LiveRuns, jitter_s: float, virtual: Sequence[RunOutline]) -> RangeAgreement:
    """Hold figures of live runs against those of virtual runs with jitter. A figure that is 0 in all is left out."""
    ranges = [
        FigureRange(arm, path, min(values), max(values), measured)
        for arm in live.figures[0]
        for path in FIGURES
        for values in [_values_of(arm, path, [run.figures for run in virtual])]
        for measured in [_values_of(arm, path, live.figures)]
        if values and measured and any((*values, *measured))
    ]
    return RangeAgreement(
        live,
        jitter_s,
        len(virtual),
        {arm: share_of_pairs(arm, virtual) for arm in live.figures[0]},
        ranges,
        max(
            _most_alone(sum(len(each.live) for each in ranges), 2 / (len(virtual) + 1)),
            _most_together([run.figures for run in virtual], len(live.figures)),
        ),
    )


def _values_of(arm: str, path: str, runs: Sequence[Figures]) -> list[float]:
    return [run[arm][path] for run in runs if path in run.get(arm, {})]


def share_of_pairs(arm: str, runs: Sequence[RunOutline]) -> float:
    """Return the share of requests that end alike in two runs, a mean: of neighbours, or of all pairs of a few runs."""
    few = len(runs) <= 10
    pairs = list(combinations(runs, 2)) if few else list(zip(runs[::2], runs[1::2], strict=False))
    return fmean(share_alike(first.outcomes[arm], second.outcomes[arm]) for first, second in pairs) if pairs else 1.0


def share_alike(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of requests that ended alike."""
    return fmean(one == other for one, other in zip(first, second, strict=True)) if first else 1.0


def _most_alone(checked: int, chance: float) -> int:
    """Return how many of so many figures lie outside, at most, in 99 % of the cases: each by its own chance."""
    return _most_in_sum([1 - chance, chance], checked)


def _most_together(runs: Sequence[Figures], drawn: int) -> int:
    """Return how many figures of `drawn` runs lie outside the range of all the others, at most, in 99 % of the draws.

    Figures of one run go together, so no formula says it: each virtual run stands once for a live one.
    """
    counts = _count_outside_others(runs)
    return _most_in_sum((np.bincount(counts) / len(counts)).tolist(), drawn)


def _most_in_sum(once: Sequence[float], times: int) -> int:
    """Return the 99 % quantile of a sum of counts; `once`: how likely one of them is to be 0, 1, 2, ..."""
    chance = np.ones(1)
    for _ in range(times):
        chance = np.convolve(chance, once)
    return int(np.searchsorted(np.cumsum(chance), _SURE - 1e-12))


def _count_outside_others(runs: Sequence[Figures]) -> list[int]:
    """Return of each run how many figures lie outside the range of the other runs."""
    counts = [0] * len(runs)
    for arm in runs[0]:
        for path in FIGURES:
            values = _values_of(arm, path, runs)
            if len(values) < max(3, len(runs)):
                continue
            ordered = sorted(values)
            for place, value in enumerate(values):
                low = ordered[1] if value == ordered[0] else ordered[0]
                high = ordered[-2] if value == ordered[-1] else ordered[-1]
                counts[place] += lies_outside(path, value, low, high)
    return counts


def measure_lateness(arms: Sequence[Measured]) -> list[float]:
    """Return how late each request was sent, seconds; one that was early, by the clock's grain, was on time."""
    return [max(0.0, row.sent_s - row.intended_s) for arm in arms for row in arm.rows]


def summarize_lateness(late: Sequence[float]) -> list[float]:
    """Return within which time 50, 95, 99 and 100 % of the requests were sent, to the tenth of a millisecond."""
    return [round(float(each), 4) for each in np.quantile(late, [0.5, 0.95, 0.99, 1.0])]
