"""A sweep's grid, its points, and what a worker makes of one."""

from __future__ import annotations

import pytest

from inputs.wrong_input import WrongInputError
from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.summary import fold
from loadtest.scenario import files
from loadtest.scenario.model import choose_arm
from loadtest.studies.many_runs.work import StudyFigures, fold_run, run_task
from loadtest.studies.sweep import plan as plans
from loadtest.studies.sweep.grid import Axis, canonical_text, combinations, parse_grid, settings
from loadtest.studies.sweep.plan import make_plan
from loadtest.studies.sweep.tasks import tasks

TEXT = """
name = "tiny"
title = "Tiny"
load = [{ requests = 30, rate_per_s = 4 }]
faults = { bursts = { rate = 0.5, mean_length = 6 }, latency = { mean_s = 0.3 }, capacity = { workers = 1 } }
[arms.without]
timeout = { total_s = 1 }
breaker = { policy = "off" }
[arms.with]
timeout = { total_s = 1 }
breaker = { fail_max = 3, reset_timeout = 2 }
[arms.window]
breaker = { policy = "count_window", window_calls = 10, min_calls = 5 }
"""
TINY = files.parse(TEXT, "")
SETTINGS = "allowed: a setting of an arm: fallback.*, breaker.*, timeout.*"
COUNT = "allowed: a whole number >= 1 and <= 1000000"
SECONDS = "allowed: a number > 0 and <= 86400"
UNREAD = "the policy 'consecutive' does not read it, only: count_window"
UNREAD_BY_OFF = "the policy 'off' does not read it"
FORMS = "KEY=A,B,C or KEY=FROM:TO:STEP, such as breaker.fail_max=3,5,8 or breaker.reset_timeout=5:60:5"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("breaker.fail_max=3,5,8", ("3", "5", "8")),
        (" breaker.fail_max = 8 , 3 ", ("8", "3")),
        ("breaker.reset_timeout=5:60:5", tuple(str(value) for value in range(5, 61, 5))),
        ("breaker.reset_timeout=1:10:4", ("1", "5", "9")),
        ("breaker.failure_rate=0.1:0.3:0.1", ("0.1", "0.2", "0.3")),
        ("breaker.fail_max=3:3:1", ("3",)),
        ("breaker.reset_timeout=10,1e1,10.0", ("10",)),
        ("breaker.policy=consecutive,count_window", ("consecutive", "count_window")),
        ("timeout.total_s=0.5,none", ("0.5", "none")),
        ("breaker.slow_in_flight=true,false", ("true", "false")),
        ("breaker.shadow.fail_max=2", ("2",)),
    ],
)
def test_an_axis_is_read_as_written(text: str, values: tuple[str, ...]) -> None:
    """Lists and ranges, ends included, without the noise of binary fractions; each value once."""
    assert parse_grid([text]) == [Axis(text.partition("=")[0].strip(), values)]


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ([], f"grid: missing; allowed: {FORMS}"),
        (["breaker.fail_max"], f"grid: got 'breaker.fail_max'; allowed: {FORMS}"),
        (["=3"], f"grid: got '=3'; allowed: {FORMS}"),
        (["breaker.fail_max="], f"grid: breaker.fail_max: got ''; allowed: {FORMS}"),
        (["breaker.fail_max=3,,5"], f"grid: breaker.fail_max: got '3,,5'; allowed: {FORMS}"),
        (
            ["breaker.failmax=3"],
            f"grid: breaker.failmax: no such setting (did you mean 'breaker.fail_max'?); {SETTINGS}",
        ),
        (
            ["total_s=3"],
            f"grid: total_s: no such setting (did you mean 'timeout.total_s'?); {SETTINGS}",
        ),
        *(
            (
                [f"breaker.fail_max={text}"],
                f"grid: breaker.fail_max: got '{text}'; allowed: three numbers FROM:TO:STEP, as in 5:60:5",
            )
            for text in ("1:5", "1:5:1:1", "a:5:1", "1:nan:1", "1:inf:1")
        ),
        *(
            (
                [f"breaker.fail_max={text}"],
                f"grid: breaker.fail_max: got '{text}'; allowed: FROM <= TO and STEP > 0",
            )
            for text in ("5:1:1", "1:5:0", "1:5:-1")
        ),
        (
            ["breaker.fail_max=1:1000000:1"],
            "grid: breaker.fail_max: got '1:1000000:1'; allowed: at most 10,000 values",
        ),
        (
            ["breaker.fail_max=1:200:1", "breaker.reset_timeout=1:100:1"],
            "grid: got 200 x 100 = 20,000 points; allowed: at most 10,000; take wider steps",
        ),
        (
            ["breaker.fail_max=3", "breaker.fail_max=5"],
            "grid: got breaker.fail_max 2 times; allowed: each setting once",
        ),
    ],
)
def test_a_grid_that_cannot_be_meant_is_explained(grid: list[str], said: str) -> None:
    """Field, value, what is allowed."""
    with pytest.raises(WrongInputError) as error:
        parse_grid(grid)
    assert str(error.value) == said


def test_every_setting_of_a_call_can_be_swept() -> None:
    """Also those of the breaker that is tried in the shadow."""
    found = settings()
    for key in ("breaker.fail_max", "breaker.slow_call_s", "breaker.shadow.policy", "timeout.total_s"):
        assert key in found
    assert [key for key in found if not key.startswith("breaker.")] == [
        "fallback.enabled",
        "fallback.message",
        "timeout.total_s",
    ]


def test_values_are_written_in_one_way() -> None:
    """So that the arm's own settings are found among a grid's."""
    assert [canonical_text(value) for value in (None, True, 30.0, 0, "none", "x", 1e-7)] == [
        *("none", "true", "30", "0", "none", "x", "0.0000001")
    ]


def test_the_last_axis_moves_fastest() -> None:
    """As one would write the loops."""
    axes = [Axis("breaker.fail_max", ("1", "2")), Axis("breaker.reset_timeout", ("5", "6"))]
    assert combinations(axes) == [("1", "5"), ("1", "6"), ("2", "5"), ("2", "6")]


def test_the_first_arm_with_a_breaker_is_swept() -> None:
    """Unless one is named; where there is none, one must be."""
    assert choose_arm(TINY, None) == "with"
    assert choose_arm(TINY, "window") == "window"
    with pytest.raises(WrongInputError, match="arm: got 'nix'; allowed in tiny: without, with, window"):
        choose_arm(TINY, "nix")
    bare = files.parse(TEXT.partition("[arms.with]")[0], "")
    with pytest.raises(WrongInputError, match="no arm of tiny has a breaker, so choose one with --arm"):
        choose_arm(bare, None)


def test_the_default_is_found_on_the_grid() -> None:
    """Then it is no point of its own; the arm without a breaker always is, and keeps the rest of the settings."""
    plan = make_plan(TINY, "with", parse_grid(["breaker.fail_max=2,3", "breaker.reset_timeout=1,2"]), [1, 2])

    assert [(point.label, point.values) for point in plan.points] == [
        ("1", ("2", "1")),
        ("2", ("2", "2")),
        ("3", ("3", "1")),
        ("4", ("3", "2")),
        ("no breaker", ("", "")),
    ]
    assert (plan.default, plan.on_grid, plan.unguarded, plan.skipped) == (3, 4, 4, ())
    assert (plan.runs, plan.requests) == (10, 300)
    third = plan.points[2].scenario.arms
    assert list(third) == ["with"]
    assert (third["with"].breaker.fail_max, third["with"].breaker.reset_timeout) == (3, 1.0)
    bare = plan.points[4].scenario.arms["with"]
    assert (bare.breaker.policy, bare.timeout.total_s) == ("off", 1.0)


def test_a_default_beside_the_grid_is_run_too() -> None:
    """As a point of its own behind the grid's, with its value."""
    plan = make_plan(TINY, "with", parse_grid(["breaker.fail_max=8,9"]), [1])

    assert [(point.label, point.values) for point in plan.points[2:]] == [("default", ("3",)), ("no breaker", ("",))]
    assert (plan.default, plan.on_grid) == (2, 2)


def test_points_that_do_not_fit_together_are_left_out_and_counted() -> None:
    """A corner of the grid that cannot be is no mistake; the first is explained."""
    plan = make_plan(TINY, "window", parse_grid(["breaker.min_calls=5,10", "breaker.window_calls=5,10,20"]), [1])

    assert plan.skipped == (("10", "5"),)
    assert plan.why_skipped == (
        "grid point breaker.min_calls=10, breaker.window_calls=5: breaker.min_calls: got 10; allowed: a number <= "
        "window_calls = 5"
    )
    assert [point.values for point in plan.points[: plan.on_grid]] == [
        ("5", "5"),
        ("5", "10"),
        ("5", "20"),
        ("10", "10"),
        ("10", "20"),
    ]


@pytest.mark.parametrize(
    ("arm", "grid", "said"),
    [
        (
            "with",
            ["breaker.fail_max=0,3", "breaker.reset_timeout=1,x"],
            [
                f"grid point breaker.fail_max=0, breaker.reset_timeout=1: breaker.fail_max: got '0'; {COUNT}",
                f"grid point breaker.fail_max=0, breaker.reset_timeout=x: breaker.reset_timeout: got 'x'; {SECONDS}",
            ],
        ),
        (
            "with",
            ["breaker.fail_max=0", "breaker.reset_timeout=1,2"],
            [f"grid point breaker.fail_max=0, breaker.reset_timeout=1: breaker.fail_max: got '0'; {COUNT}"],
        ),
        (
            "with",
            ["breaker.fail_max=2.5"],
            [f"grid point breaker.fail_max=2.5: breaker.fail_max: got '2.5'; {COUNT}"],
        ),
        (
            "with",
            ["breaker.window_calls=10"],
            [
                f"grid point breaker.window_calls=10: breaker.window_calls: got 10; {UNREAD}",
            ],
        ),
        (
            "with",
            ["breaker.policy=off", "breaker.fail_max=3"],
            [
                f"grid point breaker.policy=off, breaker.fail_max=3: breaker.fail_max: got 3; {UNREAD_BY_OFF}",
            ],
        ),
        (
            "window",
            ["breaker.min_calls=11,12"],
            [
                f"grid point breaker.min_calls={calls}: breaker.min_calls: got {calls}; "
                "allowed: a number <= window_calls = 10"
                for calls in (11, 12)
            ],
        ),
    ],
)
def test_a_value_of_which_no_point_is_left_is_a_mistake(arm: str, grid: list[str], said: list[str]) -> None:
    """Named with the first point that has it."""
    with pytest.raises(WrongInputError) as error:
        make_plan(TINY, arm, parse_grid(grid), [1])
    assert [problem["detail"] for problem in error.value.problems] == said


def test_more_runs_than_anyone_waits_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the points are made."""
    monkeypatch.setattr(plans, "MOST_RUNS", 5)
    with pytest.raises(WrongInputError) as error:
        make_plan(TINY, "with", parse_grid(["breaker.fail_max=1,2"]), [1, 2, 3])
    assert str(error.value) == (
        "grid: got 2 points x 3 seeds = 6 runs; allowed: at most 5; take wider steps or fewer seeds"
    )


@pytest.mark.parametrize("arm", ["without", "with"])
def test_the_figures_of_a_run_are_those_of_its_summary(arm: str) -> None:
    """What a worker keeps of a run is what a report of the same run says."""
    run = simulate(TINY, arm, 4)
    whole = fold(run)

    found = fold_run(run)

    assert found == StudyFigures(
        requests=whole.requests,
        good=sum(row.would_have == "ok" for row in run.rows),
        ok=whole.outcomes["ok"],
        fast_fail=whole.outcomes["fast_fail"],
        false_positives=whole.false_positives.fast_fails,
        bad_calls=whole.outcomes["error"] + whole.outcomes["timeout"],
        in_flight_s=whole.in_flight_s,
        backend_calls=whole.backend_calls,
        trips=whole.trips,
        mean_response_s=whole.mean_response_s,
    )
    assert whole.outcomes["error"] > 0
    assert (whole.outcomes["timeout"] > 0) == (arm == "without")
    assert (found.trips > 0, found.false_positives > 0) == ((arm == "with"),) * 2


def test_work_is_cut_by_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task has as many runs as make up its size, of one point or of several; what is done is not done again."""
    monkeypatch.setattr("loadtest.studies.sweep.tasks._REQUESTS_A_TASK", 120)
    plan = make_plan(TINY, "with", parse_grid(["breaker.fail_max=2,3"]), [1, 2, 3, 4, 5])

    cut = list(tasks(plan, {(0, 2), (0, 4), (1, 1), (1, 2), (1, 3), (1, 4)}))

    assert [[(piece.point, piece.arm, piece.seeds) for piece in task] for task in cut] == [
        [(0, "with", (1, 3, 5)), (1, "with", (5,))],
        [(2, "with", (1, 2, 3, 4))],
        [(2, "with", (5,))],
    ]
    assert list(tasks(plan, {(point, seed) for point in range(3) for seed in plan.seeds})) == []
    assert [(each.point, each.seed, each.figures) for each in run_task(cut[0])] == [
        (point, seed, fold_run(simulate(plan.points[point].scenario, "with", seed)))
        for point, seed in ((0, 1), (0, 3), (0, 5), (1, 5))
    ]
