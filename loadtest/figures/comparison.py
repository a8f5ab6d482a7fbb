"""Compare the arms of a scenario with its baseline, paired by seed. Pure."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from loadtest.records.comparison import ComparedArm, Comparison, PairedFigure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from loadtest.records.summary import RunFigures

# Resamples of an interval.
_RESAMPLES = 9_999
# Below this number of runs an interval says more about luck than about the arms.
LEAST_RUNS = 5


def compare_arms(baseline: str | None, runs: Mapping[str, Sequence[RunFigures]]) -> Comparison | None:
    """Return each arm beside the baseline, from the runs of each; none without baseline or second arm.

    `difference` is the mean over seeds of value minus baseline on the same weather; `interval` its 95 % percentile
    bootstrap interval from resampling seeds, none below LEAST_RUNS seeds.
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
        interval=interval([second - first for first, second in pairs]),
    )


def interval(differences: Sequence[float]) -> list[float] | None:
    """Return the 95 % percentile bootstrap interval of the mean over seeds; none below LEAST_RUNS seeds."""
    if len(differences) < LEAST_RUNS:
        return None
    return _middle(_means(differences, np.random.default_rng(0)))


def unpaired_interval(before: Sequence[float], after: Sequence[float]) -> list[float] | None:
    """Return the interval for the difference of two means over separate runs; none below LEAST_RUNS of each."""
    if min(len(before), len(after)) < LEAST_RUNS:
        return None
    rng = np.random.default_rng(0)
    means = _means(after, rng)
    return _middle(means - _means(before, rng))


def _means(values: Sequence[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the mean of each resample, which draws as many values as there are, with replacement."""
    chosen = rng.integers(0, len(values), (_RESAMPLES, len(values)))
    return np.asarray(np.asarray(values, dtype=float)[chosen].mean(axis=-1))


def _middle(resampled: NDArray[np.float64]) -> list[float]:
    """Return where the middle 95 % of the resamples begin and end: the percentile bootstrap interval.

    Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.
    """
    return [float(end) for end in np.quantile(resampled, (0.025, 0.975))]
