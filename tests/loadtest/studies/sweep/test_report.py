"""Where the points of a sweep stand, and what its report and its pictures say: from figures made by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.text import Text

from loadtest.figures.comparison import interval
from loadtest.report import theme
from loadtest.report.numbers import interval_text, number
from loadtest.scenario import files
from loadtest.studies.many_runs.work import StudyFigures
from loadtest.studies.sweep.grid import parse_grid
from loadtest.studies.sweep.heat_map import heat_map
from loadtest.studies.sweep.lines import lines
from loadtest.studies.sweep.pareto import numbered_points, pareto
from loadtest.studies.sweep.plan import make_plan
from loadtest.studies.sweep.ranking import MISJUDGED, MeanWithInterval, pareto_front, rank_points
from loadtest.studies.sweep.report import headline, write_report
from loadtest.studies.sweep.store import SweepSpec, folder_for
from loadtest.studies.sweep.view import choose_view

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure

    from loadtest.studies.sweep.plan import Plan

TEXT = """
name = "tiny"
title = "Tiny [x](http://elsewhere)"
load = [{ requests = 100, rate_per_s = 4 }]
[arms.with]
breaker = { fail_max = 3, reset_timeout = 2, open_max_s = 3 }
"""
TINY = files.parse(TEXT, "")
SEEDS = range(1, 9)


def plan_of(*grid: str, seeds: range = SEEDS) -> Plan:
    return make_plan(TINY, "with", parse_grid(grid), list(seeds))


def run(refused: int, bad: int, held_s: float, ok: int = 40) -> StudyFigures:
    """One run of 100 requests, 50 of which the backend would have answered."""
    return StudyFigures(100, 50, ok, refused, refused, bad, held_s, 100 - refused, 1, held_s / 100)


def found_for(plan: Plan, *points: tuple[int, int, float], spread: int = 0) -> dict[tuple[int, int], StudyFigures]:
    """Give each point its figures on every seed; with `spread`, odd seeds have that much more, and even ones less."""
    return {
        (index, seed): run(*point[:1], point[1] + (spread if seed % 2 else -spread), point[2])
        for index, point in enumerate(points)
        for seed in plan.seeds
    }


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 5, 5), (5, 1, 5), (5, 5, 1)], [0, 1, 2]),
        ([(1, 1, 1), (1, 1, 2), (2, 2, 2)], [0]),
        ([(2, 2, 2), (1, 1, 1)], [1]),
        ([(1, 2, 3), (1, 2, 3), (2, 3, 4)], [0, 1]),
        ([(3, 1, 1), (1, 3, 1), (2, 2, 1), (2, 2, 2), (3, 3, 3)], [0, 1, 2]),
        ([(4, 4, 4)], [0]),
        ([(1, 9, 0), (2, 8, 0), (3, 8, 0)], [0, 1]),
    ],
)
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int, int]], front: list[int]) -> None:
    """As small in all, smaller in one; equals do not beat each other."""
    assert pareto_front(np.array(points, dtype=float)) == front


def test_the_front_is_what_comparing_all_pairs_gives() -> None:
    """On many drawn points, ties among them."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        points = rng.integers(0, 6, size=(40, 3)).astype(float)
        slow = [
            index
            for index, one in enumerate(points)
            if not any((other <= one).all() and (other < one).any() for other in points)
        ]
        assert pareto_front(points) == slow


def test_points_are_ranked_by_what_they_misjudge() -> None:
    """The share of good requests refused plus that of bad calls let through; 100 without a breaker."""
    plan = plan_of("breaker.fail_max=2,3,4")
    found = found_for(plan, (10, 20, 30.0), (20, 20, 40.0), (0, 30, 50.0), (0, 50, 90.0))

    ranking = rank_points(plan, found)

    assert [each.mean for each in ranking.figures[MISJUDGED]] == [60.0, 80.0, 60.0, 100.0]
    assert [each.mean for each in ranking.from_default[MISJUDGED]] == [-20.0, 0.0, -20.0, 20.0]
    assert (ranking.best, ranking.order) == (0, [0, 2, 1])  # equals: the fewer seconds held
    assert (ranking.front, ranking.front_share) == ([0, 2], [1.0, 0.0, 1.0])
    assert (ranking.best_share, ranking.ties) == ([1.0, 0.0, 0.0], 1)
    assert numbered_points(ranking) == [2, 0]


def test_of_a_long_front_the_best_are_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """They keep the order of what they refuse."""
    monkeypatch.setattr("loadtest.studies.sweep.pareto.MOST_NUMBERED", 2)
    plan = plan_of("breaker.fail_max=2,3,4")

    ranking = rank_points(plan, found_for(plan, (10, 10, 9.0), (5, 40, 9.0), (5, 20, 8.0), (0, 50, 90.0)))

    assert (ranking.front, ranking.order, numbered_points(ranking)) == ([0, 2], [0, 2, 1], [2, 0])
    ranking = rank_points(plan, found_for(plan, (10, 10, 9.0), (0, 50, 9.0), (5, 20, 9.0), (0, 50, 90.0)))
    assert (ranking.front, numbered_points(ranking)) == ([0, 1, 2], [2, 0])


def test_where_nothing_fails_only_refusals_count() -> None:
    """Nothing is divided by the bad calls that there are not."""
    plan = plan_of("breaker.fail_max=2,3")

    ranking = rank_points(plan, found_for(plan, (5, 0, 1.0), (0, 0, 1.0), (0, 0, 1.0)))

    assert [each.mean for each in ranking.figures[MISJUDGED]] == [10.0, 0.0, 0.0]


def test_intervals_are_those_of_paired_seeds() -> None:
    """A difference on the same seeds is sharper than its sides; each interval is that of a comparison."""
    plan = plan_of("breaker.fail_max=2,3", seeds=range(1, 41))
    rng = np.random.default_rng(2)
    weather = rng.integers(0, 30, size=40)
    found = {
        (index, seed): run(0, int(weather[seed - 1]) + better, 1.0)
        for index, better in enumerate((0, 5, 9))
        for seed in plan.seeds
    }

    ranking = rank_points(plan, found)

    first = ranking.figures["bad_calls"][0]
    assert [first.low, first.high] == pytest.approx(interval([float(each) for each in weather]))
    same = ranking.from_default["bad_calls"][0]  # 3 of 40 runs, each by a twentieth of the largest mean
    assert (same.mean, same.low, same.high) == pytest.approx(
        (-5, -5 - 3 / 40 * 0.05 * 23.55, -5 + 3 / 40 * 0.05 * 23.55)
    )
    assert rank_points(plan, found) == ranking


def test_few_seeds_have_no_interval() -> None:
    """Nor a share of resamples."""
    plan = plan_of("breaker.fail_max=2,3", seeds=range(1, 5))

    ranking = rank_points(plan, found_for(plan, (1, 2, 3.0), (2, 2, 2.0), (0, 9, 9.0)))

    assert ranking.figures["ok"][0] == MeanWithInterval(40.0, None, None)
    assert (ranking.best_share, ranking.front_share, ranking.ties) == (None, None, None)


def test_two_settings_are_shown_whole() -> None:
    """The longer one from left to right; what does not fit together is left open."""
    plan = plan_of("breaker.open_max_s=3,5", "breaker.reset_timeout=2,3,4")

    seen = choose_view(plan, 0)

    assert (seen.x.key, seen.y and seen.y.key, seen.fixed) == ("breaker.reset_timeout", "breaker.open_max_s", ())
    assert plan.skipped == (("3", "4"),)
    assert seen.cells == ((0, 1, None), (2, 3, 4))


def test_of_more_settings_the_slice_through_the_best_is_shown() -> None:
    """The first two of the command; the others stand where the best point has them."""
    plan = plan_of("breaker.fail_max=2,3", "breaker.reset_timeout=1,2", "breaker.max_probes=1,2")
    best = next(index for index, point in enumerate(plan.points) if point.values == ("3", "1", "2"))

    seen = choose_view(plan, best)

    assert seen.fixed == (("breaker.max_probes", "2"),)
    assert [[plan.points[cell or 0].values for cell in row] for row in seen.cells] == [
        [("2", "1", "2"), ("3", "1", "2")],
        [("2", "2", "2"), ("3", "2", "2")],
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (4.567, "4.57"), (45.67, "45.7"), (456.7, "457"), (45678.9, "45,679"), (-3, "-3.00")],
)
def test_figures_have_as_many_digits_as_one_can_use(value: float, text: str) -> None:
    """Three, more or less."""
    assert number(value) == text
    assert interval_text(MeanWithInterval(value, None, None)) == text
    assert interval_text(MeanWithInterval(value, 0.0, 456.7)) == f"{text} (0.00 to 457)"


@pytest.fixture
def reported(tmp_path: Path, no_pictures: None) -> Callable[..., tuple[str, Path]]:  # noqa: ARG001 - asked for
    """`reported(plan, found)`: the report's Markdown and its folder."""

    def write(plan: Plan, found: dict[tuple[int, int], StudyFigures]) -> tuple[str, Path]:
        spec = SweepSpec.of(plan, "my scenario.toml", TEXT)
        folder = folder_for(tmp_path, spec)
        write_report(folder, plan, spec, rank_points(plan, found))
        return (folder.path / "sweep.md").read_text(encoding="utf-8"), folder.path

    return write


def test_the_report_says_which_point_is_best_and_what_for(reported: Callable[..., tuple[str, Path]]) -> None:
    """With intervals, default and no breaker beside it, what was left out, and the command that does it again."""
    plan = plan_of("breaker.reset_timeout=2,4", "breaker.open_max_s=3,5")
    points = [(20, 20, 40.0), (10, 20, 30.0), (12, 22, 31.0)]

    text, folder = reported(plan, found_for(plan, *points, (0, 50, 90.0), spread=4))

    assert (
        "Of 3 settings, `reset_timeout = 2`, `open_max_s = 5` misjudges least: 60.0 (52.9 to 67.1) %; the default 80.0 "
        "(72.9 to 87.1) %, difference -20.0 (-21.9 to -18.1)."
    ) in text
    assert "Answered: 40.0 of 100 requests, with the default 40.0, without a breaker 40.0." in text
    assert (
        "| 1 (best) | 2 | 5 | 60.0 (52.9 to 67.1) | -20.0 (-21.9 to -18.1) | 10.0 (9.62 to 10.4) | 20.0 (16.4 to 23.6) "
        "| 30.0 (28.3 to 31.7) | 40.0 (39.2 to 40.8) | 100 % |"
    ) in text
    assert re.search(r"^\| 3 \(default\) \| 2 \| 3 \| 80\.0 ", text, re.MULTILINE)
    assert re.search(r"^\| no breaker \|  \|  \| 100 \(92\.9 to 107\) ", text, re.MULTILINE)
    assert (
        "- **Left out**: 1 of the grid's points, whose settings do not fit together. The first: grid point "
        "breaker.reset_timeout=4, breaker.open_max_s=3: breaker.open_max_s: got 3; allowed: a number >= reset_timeout "
        "= 4"
    ) in text
    assert (
        "loadtest sweep 'my scenario.toml' --arm with --grid breaker.reset_timeout=2,4 --grid breaker.open_max_s=3,5 "
        "--seeds 1-8"
    ) in text
    page = (folder / "sweep.html").read_text(encoding="utf-8")
    assert "<title>grid</title>" in page
    assert "<title>pareto</title>" in page
    points_csv = (folder / "points.csv").read_text(encoding="utf-8").splitlines()
    assert len(points_csv) == 1 + len(plan.points)
    assert points_csv[1].split(",")[:3] + points_csv[1].split(",")[-4:] == ["1", "2", "3", "0", "0", "0", "0"]


def test_a_single_seed_is_called_an_anecdote(reported: Callable[..., tuple[str, Path]]) -> None:
    """There is nothing to resample."""
    plan = plan_of("breaker.fail_max=2,4,5,6", seeds=range(7, 8))

    text, _ = reported(
        plan, found_for(plan, (1, 2, 3.0), (2, 2, 2.0), (3, 3, 3.0), (3, 3, 4.0), (1, 1, 1.0), (0, 9, 9.0))
    )

    assert "> **One seed is an anecdote**: there are no intervals below 5 seeds." in text
    assert "- **Default**: the arm as it stands in the scenario: `fail_max = 3`. It is not on the grid." in text
    assert "| default | 3 | 13.1 | " in text
    assert "--seeds 7\n" in text
    assert "- The best point has the smallest `breaker.fail_max` of the grid: a better one may lie outside it." in text


def test_settings_that_decide_about_nothing_are_told(reported: Callable[..., tuple[str, Path]]) -> None:
    """And no point is praised for it as better than chance."""
    plan = plan_of("breaker.fail_max=2,3")

    text, _ = reported(plan, found_for(plan, (0, 50, 9.0), (0, 50, 9.0), (0, 50, 9.0)))

    assert "> **Nothing differs.** All points gave the same figures on every seed" in text
    assert "- Even the best point is not shown to judge better than chance: no setting of this grid helps here." in text


def test_a_grid_of_timeouts_is_warned_of(reported: Callable[..., tuple[str, Path]]) -> None:
    """What is good and what is bad is not the same at all its points."""
    plan = plan_of("timeout.total_s=1,3")

    text, _ = reported(plan, found_for(plan, (0, 50, 9.0), (0, 40, 9.0), (0, 50, 9.0)))

    assert "To compare timeouts, use *answered*, not *misjudged*." in text


def test_the_headline_knows_the_default() -> None:
    """Where it is the best, and where others are as good."""
    plan = plan_of("breaker.fail_max=3,4")

    said = headline(plan, rank_points(plan, found_for(plan, (1, 2, 3.0), (1, 2, 4.0), (0, 20, 9.0))))

    assert said == (
        "Of 2 settings, `fail_max = 3` misjudges least: 12.0 (10.1 to 13.9) %, and that is the default. No breaker "
        "and refusing everything score 100 %. Answered: 40.0 of 100 requests, with the "
        "default 40.0, without a breaker 40.0. There is one other point that the seeds cannot distinguish from the "
        "best."
    )


def words(figure: Figure) -> str:
    """Every word that a picture would be drawn with."""
    return " | ".join(text.get_text() for text in figure.findobj(Text) if text.get_text())


@pytest.mark.usefixtures("no_png")
def test_a_heat_map_names_what_it_shows(tmp_path: Path) -> None:
    """Panels, axes, every figure with its interval, best and default in words."""
    plan = plan_of("breaker.open_max_s=3,5", "breaker.reset_timeout=2,4")
    points = [(20, 22, 41.0), (10, 20, 30.0), (12, 22, 30.0)]
    ranking = rank_points(plan, found_for(plan, *points, (0, 50, 90.0), spread=4))

    drawn = heat_map(plan, ranking, choose_view(plan, ranking.best))
    said = words(drawn)

    for word in (
        *("Misjudged, per cent", "Good requests refused", "Bad calls let through", "Seconds held"),
        *("breaker.open_max_s", "breaker.reset_timeout", "best: misjudges least", "default", "no such settings"),
        *("60.0 | 52.9 to 67.1", "mean per run; 95 % intervals ± 7.15 at most"),
    ):
        assert word in said
    theme.save(drawn, tmp_path, "drawn")
    svg = (tmp_path / "drawn.svg").read_text(encoding="utf-8")
    assert theme.INK not in svg
    assert "prefers-color-scheme:dark" in svg


def test_lines_have_a_band_and_the_references() -> None:
    """Over one setting; words as values stand side by side."""
    for grid in ("breaker.fail_max=2,3", "breaker.policy=consecutive,off"):
        plan = plan_of(grid)
        points = [(10, 20, 30.0), (20, 22, 41.0), (0, 50, 90.0)]
        ranking = rank_points(plan, found_for(plan, *points, spread=4))
        said = words(lines(plan, ranking, choose_view(plan, ranking.best)))
        for word in ("mean over seeds", "95 % interval", "best: misjudges least", "default", "no breaker"):
            assert word in said


def test_the_front_is_numbered_as_in_the_table() -> None:
    """From the point that refuses the fewest good requests on; without intervals, too."""
    plan = plan_of("breaker.fail_max=2,3,4", seeds=range(1, 3))
    ranking = rank_points(plan, found_for(plan, (10, 20, 30.0), (40, 5, 10.0), (0, 40, 50.0), (0, 50, 90.0)))

    said: Any = words(pareto(plan, ranking))

    assert "on the front (3) | beaten by another point | best: misjudges least | default | no breaker" in said
    assert said.count("1 | 2 | 3 | good requests refused") == 2
