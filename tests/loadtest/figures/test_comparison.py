"""The arms held against the baseline."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from loadtest.figures.comparison import compare_arms, interval, unpaired_interval
from loadtest.records.comparison import ComparedArm, PairedFigure
from tests.loadtest.made_figures import run_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadtest.records.summary import RunFigures

FIGURES = [each.name for each in fields(ComparedArm) if each.name != "backend_calls"]

NOTHING = PairedFigure(None, None, None, None, None)


def arm(calls: Mapping[int, float | None]) -> list[RunFigures]:
    """Return runs that have the given backend calls by seed, and no other figure."""
    return [run_figures(seed, **dict.fromkeys(FIGURES), backend_calls=each) for seed, each in calls.items()]


def pair(before: Mapping[int, float | None], after: Mapping[int, float | None]) -> PairedFigure:
    found = compare_arms("without", {"without": arm(before), "with": arm(after)})
    assert found is not None
    assert found.baseline == "without"
    assert {name: each for name, each in vars(found.arms["with"]).items() if name != "backend_calls"} == dict.fromkeys(
        FIGURES, NOTHING
    )
    return found.arms["with"].backend_calls


def test_arms_are_paired_by_seed() -> None:
    """Seeds that only one arm has, or whose figure is missing on one side, are left out; order does not matter."""
    found = pair({1: 100, 2: 50, 3: 7, 5: None}, {2: 40, 1: 60, 4: 1000, 5: 3})

    assert found == PairedFigure(baseline=75.0, value=50.0, difference=-25.0, ratio=50 / 75, interval=None)


def test_without_a_common_seed_there_is_nothing_to_compare() -> None:
    """Not a zero, which would read as 'no difference'."""
    assert pair({1: 100}, {2: 50}) == NOTHING


def test_a_baseline_of_zero_has_no_ratio() -> None:
    """Nothing is any number of times as much as none."""
    assert pair({1: 0}, {1: 50}) == PairedFigure(baseline=0.0, value=50.0, difference=50.0, ratio=None, interval=None)


@pytest.mark.parametrize(
    ("baseline", "arms"),
    [(None, ["without", "with"]), ("without", ["with", "other"]), ("without", ["without"]), ("without", [])],
)
def test_there_is_no_comparison_without_baseline_or_second_arm(baseline: str | None, arms: list[str]) -> None:
    """Also when the baseline was left out with --arm."""
    assert compare_arms(baseline, {name: arm({1: 1}) for name in arms}) is None


def test_every_other_arm_is_compared() -> None:
    """Arms keep their order, and the baseline is not compared with itself."""
    found = compare_arms("b", {name: arm({1: n}) for n, name in enumerate("abc", start=1)})

    assert found is not None
    assert {name: each.backend_calls.difference for name, each in found.arms.items()} == {"a": -1, "c": 1}


def test_an_interval_needs_five_runs() -> None:
    """Four say more about luck than about the arms."""
    before = dict.fromkeys(range(1, 6), 100.0)
    after = {1: 90.0, 2: 80.0, 3: 85.0, 4: 95.0, 5: 70.0}

    assert pair({seed: before[seed] for seed in range(1, 5)}, after).interval is None
    found = pair(before, after)
    assert found.difference == -16
    assert found.interval == pair(before, after).interval  # resampled from a fixed seed
    low, high = found.interval or (0.0, 0.0)
    assert -30 <= low < -16 < high <= -5
    assert (low, high) == pytest.approx((-24.0, -9.0), abs=1.01)


def test_equal_differences_have_an_interval_of_no_width() -> None:
    """Five runs that agree exactly leave nothing to resample; no warning and no missing number either."""
    before = {seed: float(seed) for seed in range(1, 6)}

    assert pair(before, {seed: value + 2 for seed, value in before.items()}).interval == [2.0, 2.0]


def drawn(runs: int, seed: int) -> list[float]:
    """Return figures of any size, some of them negative."""
    return [float(each) for each in np.random.default_rng(seed).normal(3, 40, runs)]


@pytest.mark.parametrize(
    "differences", [drawn(5, 1), drawn(20, 2), drawn(333, 3), [0.1] * 7, [1e-9, 2e9, -3.0, 4.0, 5.0]]
)
def test_a_paired_interval_is_that_of_scipy(differences: Sequence[float]) -> None:
    """The lab resamples by itself, so that a run does without SciPy; its draws and its ends are the same."""
    theirs = stats.bootstrap((differences,), np.mean, method="percentile", rng=np.random.default_rng(0))

    assert interval(differences) == pytest.approx(list(theirs.confidence_interval), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(("before", "after"), [(drawn(5, 4), drawn(9, 5)), (drawn(60, 6), drawn(40, 7))])
def test_an_interval_over_separate_runs_is_that_of_scipy(before: Sequence[float], after: Sequence[float]) -> None:
    """The second side is drawn first, as it always was: the order decides which draws a side gets."""

    def difference(second: Any, first: Any, axis: int) -> Any:
        return np.mean(second, axis=axis) - np.mean(first, axis=axis)

    theirs = stats.bootstrap(
        (after, before), difference, method="percentile", vectorized=True, rng=np.random.default_rng(0)
    )

    assert unpaired_interval(before, after) == pytest.approx(list(theirs.confidence_interval), rel=1e-12)
