"""What refusing at random misjudges: what no breaker does, unless requests wait for each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtest.scenario import files
from loadtest.studies.many_runs.work import Piece, run_task
from loadtest.studies.sweep import random_yardstick
from loadtest.studies.sweep.grid import parse_grid
from loadtest.studies.sweep.plan import Plan, make_plan
from loadtest.studies.sweep.random_yardstick import misjudged_at_random
from loadtest.studies.sweep.ranking import rank_points
from loadtest.studies.sweep.report import headline

TEXT = """
name = "mine"
title = "Mine"
load = [{{ requests = 300, rate_per_s = {rate}, arrivals = "poisson" }}]
[faults]
error_rate = 0.2
latency = {{ distribution = "exponential", mean_s = 0.25 }}
{capacity}
[arms.on]
breaker = {{ policy = "throttle", window_s = 3 }}
timeout = {{ total_s = 1 }}
"""


def measure(capacity: str, rate: int, grid: str = "breaker.throttle_k=1.05,1.2") -> tuple[Plan, dict]:
    scenario = files.parse(TEXT.format(capacity=capacity, rate=rate), "mine.toml")
    plan = make_plan(scenario, "on", parse_grid([grid]), range(1, 7))
    task = tuple(Piece(index, each.scenario, each.arm, plan.seeds) for index, each in enumerate(plan.points))
    return plan, {(found.point, found.seed): found.figures for found in run_task(task)}


def test_without_a_queue_it_scores_as_much_as_no_breaker() -> None:
    """One per cent of the good requests for each per cent of the bad calls."""
    assert misjudged_at_random(*measure("", 10), 0) == pytest.approx(100, abs=3)


def test_with_a_queue_it_scores_less() -> None:
    """Each refusal lets others wait less, and fewer of them time out."""
    plan, measured = measure("capacity = { workers = 4 }", 24)
    found = misjudged_at_random(plan, measured, 0)

    assert found is not None
    assert found < 85
    assert misjudged_at_random(plan, measured, 0) == found


def test_the_headline_names_it() -> None:
    """Beside what no breaker scores; no point is praised that does no better."""
    plan, measured = measure("", 10)
    ranking = replace(rank_points(plan, measured), at_random=83.06)

    assert "No breaker and refusing everything score 100 %, refusing as many at random 83.1 %. " in headline(
        plan, ranking
    )


def test_nothing_is_simulated_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """A point that refuses nothing, or a run that is too long."""
    plan, measured = measure("", 10)
    assert misjudged_at_random(plan, measured, plan.unguarded) is None
    monkeypatch.setattr(random_yardstick, "_REQUESTS", 299)
    assert misjudged_at_random(plan, measured, 0) is None
