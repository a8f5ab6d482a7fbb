"""Requests chosen at random, and verdicts that are held against refusing them."""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import Any

import pytest

from loadtest.figures.random_yardstick import RandomRun, RandomRuns, choose_refused, leads_of
from loadtest.figures.verdict import judge_arms
from loadtest.records.comparison import Judgement
from loadtest.records.rows import Row
from loadtest.scenario.phases import Span
from tests.loadtest.made_figures import arm_summary, outcomes, phase_figures, run_figures

PHASES = [Span("before", 0, 10), Span("outage", 10, 20), Span("after-outage", 20, 30), Span("slow", 30, inf)]


def rows() -> list[Row]:
    """Return 40 requests, one a second; of 10 to 19 all are refused, and of 30 to 39 three."""
    refused = {*range(10, 20), 31, 33, 35}
    return [
        Row("on", 1, at, at, at, 0.1, 200, "fast_fail" if at in refused else "ok", "", "closed", 0, 0, 0, "ok")
        for at in range(40)
    ]


def test_as_many_are_chosen_as_were_refused() -> None:
    """Spread over a disturbance and the quiet time after it: chance does not know when it ends."""
    chosen = {int(each) for each in choose_refused(rows(), PHASES, 1, 0)}
    places = Counter(next(span.group for span in PHASES if at < span.end_s) for at in chosen)

    assert len(chosen) == 13
    assert places["slow"] == 3
    assert places["outage"] + places["after-outage"] == 10
    assert 0 < places["after-outage"] < 10
    assert places["before"] == 0


def test_without_phases_they_are_spread_over_the_whole() -> None:
    """As many, anywhere."""
    chosen = {int(each) for each in choose_refused(rows(), (), 1, 0)}

    assert len(chosen) == 13
    assert min(chosen) < 10


def test_the_choice_is_that_of_seed_and_draw() -> None:
    """The same again; another one for another seed or draw."""
    first = choose_refused(rows(), PHASES, 1, 0)

    assert choose_refused(list(reversed(rows())), PHASES, 1, 0) == first
    assert choose_refused(rows(), PHASES, 1, 1) != first
    assert choose_refused(rows(), PHASES, 2, 0) != first


def run(seed: int, ok: int, seconds: float, calls: int) -> Any:
    """Return a run of 100 requests, all of them in one disturbance."""
    figures = {"requests": 100, "outcomes": outcomes(ok=ok), "in_flight_s": seconds, "backend_calls": calls}
    return run_figures(seed, **figures, phases={"slow": phase_figures(**figures)})


def arm(*runs: Any) -> Any:
    return arm_summary(phases=runs[0].phases, runs=list(runs))


@pytest.mark.parametrize(
    ("at_random", "verdict"),
    [
        (None, Judgement.TRADE_UP),
        ((70, 70.0, 70), Judgement.TRADE_UP),  # one for one: 47 - 20 points are saved beyond it
        ((70, 53.0, 70), Judgement.HARMED),  # a coin toss saves 17 points more
        ((95, 70.0, 70), Judgement.HARMED),  # it saves as little, and loses less
    ],
)
def test_only_what_chance_does_not_save_is_saved(at_random: tuple[int, float, int] | None, verdict: str) -> None:
    """An arm that loses 20 of 100 answers and saves 47 % of the seconds and 30 % of the calls."""
    base, other = run(1, 100, 100.0, 100), run(1, 80, 60.0, 75)
    runs = () if at_random is None else (RandomRun(base, run(1, *at_random)),)

    found = judge_arms("off", {"off": arm(base), "on": arm(other)}, {"on": RandomRuns(runs, runs)})

    assert found is not None
    assert {cell.verdict for cell in found.arms["on"].values()} == {verdict}


def test_the_yardstick_stands_beside_the_figures_of_the_arm() -> None:
    """What `beyond` means stays; the lead is what is left of it. Draws of one seed count as one."""
    bases = [run(seed, 100, 100.0, 100) for seed in (1, 2)]
    others = [run(seed, 90, 50.0, 60) for seed in (1, 2)]
    draws = [RandomRun(bases[0], run(1, 80, seconds, 70)) for seconds in (60.0, 80.0)]
    draws.append(RandomRun(bases[1], run(2, 80, 50.0, 70)))

    found = judge_arms("off", {"off": arm(*bases), "on": arm(*others)}, {"on": RandomRuns(draws, draws[:2])})

    assert found is not None
    cell, whole = found.arms["on"]["slow"], found.arms["on"]["overall"]
    assert cell.random_yardstick is not None
    assert whole.random_yardstick is not None
    assert cell.seconds_beyond.share == pytest.approx(0.4)
    assert cell.random_yardstick.runs == 3
    assert cell.random_yardstick.lost.share == pytest.approx(0.2)
    assert cell.random_yardstick.seconds_saved.share == pytest.approx((0.3 + 0.5) / 2)
    assert cell.random_yardstick.seconds_beyond.share == pytest.approx((0.1 + 0.3) / 2)
    assert [each.share for each in leads_of(cell)] == pytest.approx([0.4 - 0.2, 0.3 - 0.1])
    assert whole.random_yardstick.seconds_lead.share == pytest.approx(0.4 - 0.1), "the second seed has the first's"
