"""Hold the arms of a scenario against its baseline, paired by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Figures that are compared, in the order of the report.
FIGURES = (
    "success_rate",
    "fast_fail_rate",
    "timeout_rate",
    "mean_response_s",
    "backend_calls",
    "in_flight_s",
    "backend_busy_s",
    "client_cpu_s",
)
# Resamples of an interval.
_RESAMPLES = 9_999
# Below this number of runs an interval says more about luck than about the arms.
LEAST_RUNS = 5


def compare(baseline: str | None, arms: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return {baseline, arms.<arm>.<figure>.{baseline, value, difference, ratio, interval}}.

    `difference` is the mean over seeds of value minus baseline on the same weather; `interval` its 95 % percentile
    bootstrap interval from resampling seeds, none below LEAST_RUNS seeds. None without baseline or second arm.
    """
    if baseline is None or baseline not in arms or len(arms) < 2:
        return None
    others = {name: arm for name, arm in arms.items() if name != baseline}
    return {
        "baseline": baseline,
        "arms": {
            name: {figure: _pair(arms[baseline]["runs"], arm["runs"], figure) for figure in FIGURES}
            for name, arm in others.items()
        },
    }


def _pair(base_runs: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]], figure: str) -> dict[str, Any]:
    base = {run["seed"]: run[figure] for run in base_runs}
    pairs = [
        (base[run["seed"]], run[figure])
        for run in runs
        if base.get(run["seed"]) is not None and run[figure] is not None
    ]
    if not pairs:
        return {"baseline": None, "value": None, "difference": None, "ratio": None, "interval": None}
    before, after = (float(np.mean(side)) for side in zip(*pairs, strict=True))
    return {
        "baseline": before,
        "value": after,
        "difference": after - before,
        "ratio": after / before if before else None,
        "interval": interval([second - first for first, second in pairs]),
    }


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
