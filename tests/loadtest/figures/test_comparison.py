"""The arms held against the baseline."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from loadtest.figures.comparison import compare_arms, interval, step_of, unpaired_interval
from loadtest.figures.student import quantile_two_sided
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

    assert replace(found, interval=None) == PairedFigure(75.0, 50.0, -25.0, ratio=50 / 75, interval=None)
    assert found.interval == pytest.approx([-25 - 190.593, -25 + 190.593], abs=1e-3)


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


def test_an_interval_needs_two_runs() -> None:
    """One has no spread."""
    assert pair({1: 100}, {1: 90}).interval is None
    assert pair({1: 100, 2: 100}, {1: 90, 2: 80}).interval == pytest.approx([-15 - 63.531, -15 + 63.531], abs=1e-3)


@pytest.mark.parametrize(("runs", "room"), [(2, 1.0), (5, 0.6), (30, 0.1), (3000, 0.001)])
@pytest.mark.parametrize("change", [0, 2])
def test_runs_that_never_differ_leave_room(runs: int, room: float, change: int) -> None:
    """The rule of three: in up to 3/n of all runs there may be a difference, of a twentieth of what there is."""
    before = {seed: 100.0 + seed % 7 for seed in range(runs)}
    found = pair(before, {seed: value + change for seed, value in before.items()})
    step = 0.05 * (found.value or 0)

    assert found.interval == pytest.approx([change - room * step, change + room * step])


@pytest.mark.parametrize(
    ("figure", "means", "step"),
    [
        ("timeout_rate", (0, 0), 0.05),  # of all requests
        ("fast_fail_rate", (0.2, 0.9), 0.05),
        ("backend_calls", (400, 300), 20),
        ("trips", (0, 0), 1),  # one is the least that a count can differ by
        ("in_flight_s", (10, 30), 1.5),
        ("client_cpu_s", (0, 0), None),  # nothing was measured
    ],
)
def test_by_how_much_a_run_may_differ(figure: str, means: tuple[float, float], step: float | None) -> None:
    """By the kind of the figure."""
    assert step_of(figure, *means) == pytest.approx(step)


def test_without_a_step_equal_runs_have_no_interval() -> None:
    """None of width zero, that is; rounding is no difference."""
    assert interval([0.1 + 0.2, 0.3, 0.3]) is None
    assert interval([0.0] * 5, 1.0) == pytest.approx([-0.6, 0.6])


def drawn(runs: int, seed: int) -> list[float]:
    """Return figures of any size, some of them negative."""
    return [float(each) for each in np.random.default_rng(seed).normal(3, 40, runs)]


@pytest.mark.parametrize("differences", [drawn(2, 1), drawn(20, 2), drawn(333, 3), [1e-9, 2e9, -3.0, 4.0, 5.0]])
def test_a_paired_interval_is_that_of_scipy(differences: Sequence[float]) -> None:
    """The lab has a t of its own, so that a run does without SciPy."""
    theirs = stats.ttest_1samp(differences, 0).confidence_interval(0.95)

    assert interval(differences) == pytest.approx([theirs.low, theirs.high], rel=1e-9)


@pytest.mark.parametrize(("before", "after"), [(drawn(5, 4), drawn(9, 5)), (drawn(60, 6), drawn(40, 7))])
def test_an_interval_over_separate_runs_is_that_of_scipy(before: Sequence[float], after: Sequence[float]) -> None:
    """Welch's, which does not take both spreads for the same."""
    theirs = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)

    assert unpaired_interval(before, after) == pytest.approx([theirs.low, theirs.high], rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 1.5, 2, 3, 4, 4.7, 9, 19, 49, 99, 999, 12345.6])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_the_quantile_of_t_is_that_of_scipy(freedom: float, level: float) -> None:
    """For whole degrees of freedom and others."""
    assert quantile_two_sided(level, freedom) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-9)
