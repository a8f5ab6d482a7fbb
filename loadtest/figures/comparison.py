"""Compare the arms of a scenario with its baseline, paired by seed. Pure."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from loadtest.figures.student import quantile_two_sided
from loadtest.records.comparison import ComparedArm, Comparison, PairedFigure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadtest.records.summary import RunFigures

LEVEL = 0.95
# Below this number of runs there is no spread to go by.
LEAST_RUNS = 2
# By how much a run is taken to differ where nothing was seen to: as a share of the whole.
UNSEEN = 0.05
# As a share of the largest value: sums of the same times differ by so much.
_ROUNDING = 1e-9


def compare_arms(baseline: str | None, runs: Mapping[str, Sequence[RunFigures]]) -> Comparison | None:
    """Return each arm beside the baseline, from the runs of each; none without baseline or second arm.

    `difference` is the mean over seeds of value minus baseline on the same weather; `interval` its 95 % interval.
    """
    if baseline is None or baseline not in runs or len(runs) < 2:
        return None
    base = runs[baseline]
    arms = {name: _compare_arm(base, each) for name, each in runs.items() if name != baseline}
    return Comparison(baseline, arms)


def _compare_arm(base: Sequence[RunFigures], runs: Sequence[RunFigures]) -> ComparedArm:
    return ComparedArm(**{field.name: _pair_runs(base, runs, field.name) for field in fields(ComparedArm)})


def _pair_runs(base: Sequence[RunFigures], runs: Sequence[RunFigures], figure: str) -> PairedFigure:
    by_seed = {run.seed: getattr(run, figure) for run in base}
    pairs = [
        (by_seed[run.seed], getattr(run, figure))
        for run in runs
        if by_seed.get(run.seed) is not None and getattr(run, figure) is not None
    ]
    if not pairs:
        return PairedFigure(None, None, None, None, None)
    before, after = (float(np.mean(side)) for side in zip(*pairs, strict=True))
    return PairedFigure(
        baseline=before,
        value=after,
        difference=after - before,
        ratio=after / before if before else None,
        interval=interval([second - first for first, second in pairs], step_of(figure, before, after)),
    )


def step_of(figure: str, before: float, after: float) -> float | None:
    """Return by how much one run is taken to differ where none of the runs that were made does.

    A twentieth: of all requests for a share, else of what the larger mean is; of a count at least one. None for a time
    of which there is none.
    """
    if figure.endswith("_rate"):
        return UNSEEN
    largest = UNSEEN * max(abs(before), abs(after))
    if figure.endswith("_s"):
        return largest or None
    return max(1.0, largest)


def interval(differences: Sequence[float], step: float | None = None) -> list[float] | None:
    """Return the 95 % interval of the mean over runs by Student's t; none below LEAST_RUNS runs.

    Runs that are all alike have no spread, but say no more than so many runs can: see `_room`. Without `step` there is
    no interval then.
    """
    runs = len(differences)
    if runs < LEAST_RUNS:
        return None
    mean = float(np.mean(differences))
    if _are_alike(differences):
        return _around(mean, _room(runs, step))
    return _around(mean, quantile_two_sided(LEVEL, runs - 1) * _error(differences))


def is_clear(bounds: Sequence[float] | None) -> bool:
    """Whether there is an interval, and zero is outside of it."""
    return bounds is not None and not bounds[0] <= 0 <= bounds[1]


def unpaired_interval(before: Sequence[float], after: Sequence[float], step: float | None = None) -> list[float] | None:
    """Return the interval for the difference of two means over separate runs; none below LEAST_RUNS of each.

    Welch's, with Satterthwaite's degrees of freedom (Biometrics Bulletin 2 (1946) 110).
    """
    if min(len(before), len(after)) < LEAST_RUNS:
        return None
    difference = float(np.mean(after)) - float(np.mean(before))
    errors = [0.0 if _are_alike(side) else _error(side) for side in (before, after)]
    whole = math.hypot(*errors)
    if not whole:
        return _around(difference, _room(min(len(before), len(after)), step))
    shares = ((error / whole) ** 4 / (len(side) - 1) for error, side in zip(errors, (before, after), strict=True))
    return _around(difference, quantile_two_sided(LEVEL, 1 / sum(shares)) * whole)


def _are_alike(values: Sequence[float]) -> bool:
    """Whether nothing but rounding tells the runs apart."""
    return max(values) - min(values) <= _ROUNDING * max(map(abs, values))


def _error(values: Sequence[float]) -> float:
    """Return the standard error of the mean."""
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))


def _room(runs: int, step: float | None) -> float | None:
    """Return what n runs without a difference leave open: in up to 3/n of all runs there is one, of `step`.

    The rule of three (Hanley and Lippman-Hand, JAMA 249 (1983) 1743): what was seen in none of n runs happens in fewer
    than 3/n of them, at 95 %.
    """
    return None if step is None else step * min(1.0, 3 / runs)


def _around(mean: float, margin: float | None) -> list[float] | None:
    return None if margin is None else [mean - margin, mean + margin]
