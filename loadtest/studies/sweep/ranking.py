"""Where each point stands: means with intervals, which is best, and which are on the Pareto front. Pure.

All points met the same weather, so differences are paired. Which point comes out first is asked of resamples of
the seeds, the same ones for all points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from loadtest.figures.comparison import UNSEEN, interval, step_of
from loadtest.studies.many_runs.work import StudyFigures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtest.studies.sweep.plan import Plan

    Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]

RESAMPLES = 2000
# With fewer seeds the best point is as good as drawn by lot.
LEAST_SEEDS = 5
# For whether a point is on the front in a resample, which costs the square of the points each time.
_FRONT_RESAMPLES = 400
_FRONT_POINTS = 1000
# What is to be small, all three: the two ways of being wrong, and what waiting costs.
AIMS = ("false_positives", "bad_calls", "in_flight_s")
# The share of the good requests that is refused, plus the share of the bad calls that is let through, in per cent.
# No breaker has 100, and so has refusing everything. Refusing at random has 100, too, where calls do not wait for each
# other; elsewhere less, which `random_yardstick` simulates. Less than that is better than chance.
MISJUDGED = "misjudged"


class MeanWithInterval(NamedTuple):
    """A mean over seeds with its 95 % interval; without one below LEAST_SEEDS seeds."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ranking:
    """Every point's place among the others. Lists are in the order of the plan's points."""

    figures: dict[str, list[MeanWithInterval]]
    from_default: dict[str, list[MeanWithInterval]]
    order: list[int]
    best: int
    best_share: list[float] | None
    front: list[int]
    front_share: list[float] | None
    ties: int | None
    at_random: float | None = None  # what refusing as many requests as the best point, but at random, misjudges


def rank_points(plan: Plan, measured: Mapping[tuple[int, int], StudyFigures]) -> Ranking:
    """Rank the points of the grid by how much they misjudge, and hold each against the default."""
    runs = _tables(plan, measured)
    weights = _resamples(len(plan.seeds))
    on_grid = plan.on_grid
    means = {name: table.mean(axis=1).round(9) for name, table in runs.items()}
    order = sorted(range(on_grid), key=lambda index: (means[MISJUDGED][index], means["in_flight_s"][index], index))
    best = order[0]
    aims = np.stack([means[name][:on_grid] for name in AIMS], axis=1)
    best_share, front_share, ties = None, None, None
    if weights is not None:
        ranked = (weights @ runs[MISJUDGED][order].T).round(9)  # best first, so that equals count for the better one
        wins = np.zeros(on_grid)
        wins[order] = np.bincount(np.argmin(ranked, axis=1), minlength=on_grid)
        best_share = [float(count) / len(weights) for count in wins]
        front_share = _front_share(runs, weights, on_grid)
        lead = _means_with_intervals(MISJUDGED, runs[MISJUDGED][:on_grid] - runs[MISJUDGED][best])
        ties = sum(each.low is not None and each.low <= 0 for each in lead) - 1
    return Ranking(
        figures={name: _means_with_intervals(name, table) for name, table in runs.items()},
        from_default={name: _from_default(name, table, plan.default) for name, table in runs.items()},
        order=order,
        best=best,
        best_share=best_share,
        front=pareto_front(aims),
        front_share=front_share,
        ties=ties,
    )


def pareto_front(aims: Table) -> list[int]:
    """Return the rows that no other row beats: at least as small in every column and smaller in one. In their order."""
    return [int(index) for index in np.flatnonzero(~_find_beaten(aims))]


def _find_beaten(aims: Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say of each row whether another beats it. Candidates come best first, so most rows meet their better early."""
    beaten = np.zeros(len(aims), dtype=np.bool_)
    for index in np.argsort(aims.sum(axis=1), kind="stable"):
        if not beaten[index]:
            row = aims[index]
            beaten |= (row <= aims).all(axis=1) & (row < aims).any(axis=1)
    return beaten


def _tables(plan: Plan, measured: Mapping[tuple[int, int], StudyFigures]) -> dict[str, Table]:
    """Return points x seeds for each figure."""
    runs = np.array([[measured[index, seed] for seed in plan.seeds] for index in range(len(plan.points))], dtype=float)
    tables = {name: runs[:, :, place] for place, name in enumerate(StudyFigures._fields)}
    good, bad = (tables[name][plan.unguarded].mean() for name in ("good", "bad_calls"))
    shares = [
        100 * tables[name] / whole for name, whole in (("false_positives", good), ("bad_calls", bad)) if whole > 0
    ]
    return {**tables, MISJUDGED: np.sum(shares, axis=0) if shares else np.zeros_like(tables["good"])}


def _resamples(seeds: int) -> Table | None:
    """Return how much each seed weighs in each resample; none where seeds are too few to say anything."""
    if seeds < LEAST_SEEDS:
        return None
    rng = np.random.default_rng(0)
    return np.asarray(rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds, dtype=np.float64)


def _from_default(name: str, table: Table, default: int) -> list[MeanWithInterval]:
    """Return each row less the default's; the default is itself, which is no matter of chance."""
    found = _means_with_intervals(name, table - table[default], table)
    found[default] = MeanWithInterval(0.0, *((None, None) if found[default].low is None else (0.0, 0.0)))
    return found


def _means_with_intervals(name: str, table: Table, whole: Table | None = None) -> list[MeanWithInterval]:
    """Return the mean of each row. Of differences, `whole` has what they were taken of: it says what a run could do."""
    means = table.mean(axis=1).round(9)
    if table.shape[1] < LEAST_SEEDS:
        return [MeanWithInterval(float(mean), None, None) for mean in means]
    largest = float(np.abs(table if whole is None else whole).mean(axis=1).max(initial=0.0))
    step = 100 * UNSEEN if name == MISJUDGED else step_of(name, largest, largest)
    bounds = (interval(row.tolist(), step) for row in table)
    return [
        MeanWithInterval(float(mean), *((None, None) if each is None else (round(each[0], 9), round(each[1], 9))))
        for mean, each in zip(means, bounds, strict=True)
    ]


def _front_share(runs: dict[str, Table], weights: Table, on_grid: int) -> list[float] | None:
    """Return in which share of resamples each point is on the front; none where there are too many points for that."""
    if on_grid > _FRONT_POINTS:
        return None
    some = weights[:_FRONT_RESAMPLES]
    aims = np.stack([some @ runs[name][:on_grid].T for name in AIMS], axis=2).round(9)  # equal points stay equal
    return [float(share) for share in 1 - np.mean([_find_beaten(each) for each in aims], axis=0)]
