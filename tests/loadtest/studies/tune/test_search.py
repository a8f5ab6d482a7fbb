"""The cost, the space and the search, on a backend that answers from a formula."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from inputs.wrong_input import WrongInputError
from loadtest.studies.many_runs.work import StudyFigures
from loadtest.studies.tune.conduct import count_candidates
from loadtest.studies.tune.objective import Weights, answers_lost, cost, parse_weights
from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN, OFF, Aim, Ledger, PairedMean, SearchResult, search
from loadtest.studies.tune.space import draw, space, vary_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.runner import Job

SPACES = space(2.0)


def figures(ok: int = 800, bad: int = 200, held_s: float = 500.0) -> StudyFigures:
    return StudyFigures(1000, 800, ok, 1000 - ok - bad, 800 - ok, bad, held_s, ok + bad, 1, held_s / 1000)


def test_a_cost_is_in_answers() -> None:
    """100 answers lost, 40 bad calls at a fifth, 200 s at a tenth, for 1,000 requests."""
    bare, own = figures(), figures(ok=700, bad=40, held_s=200)

    assert answers_lost(own, bare) == 100
    assert cost(own, bare, Weights()) == pytest.approx(100 + 8 + 20)
    assert cost(own, bare, Weights(good_refused=0, bad_let_through=1, seconds_held=0)) == 40
    assert cost(bare, bare, Weights()) == pytest.approx(40 + 50)


def test_weights_as_people_write_them() -> None:
    assert parse_weights([]) == Weights()
    assert parse_weights(["bad_let_through = 2", "seconds_held=0"]) == Weights(bad_let_through=2, seconds_held=0)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["bad_let_through"], "allowed: KEY=NUMBER"),
        (["seconds_held="], "allowed: KEY=NUMBER"),
        (["bad_let=1"], "did you mean 'bad_let_through'?"),
        (["seconds_held=-1"], "weight.seconds_held: got '-1'; allowed: a number >= 0"),
        (["seconds_held=nan"], "weight.seconds_held: got"),
        (["seconds_held=1", "seconds_held=2"], "got two"),
        (["good_refused=0", "bad_let_through=0", "seconds_held=0"], "all are 0"),
    ],
)
def test_weights_that_are_none(texts: list[str], said: str) -> None:
    with pytest.raises(WrongInputError) as caught:
        parse_weights(texts)
    assert said in str(caught.value)


@pytest.mark.parametrize("policy", SPACES)
def test_all_that_is_drawn_fits_together(policy: str) -> None:
    """Each variation changes the one setting that it names."""
    found = draw(SPACES[policy], policy, 32, 1)
    for each in found:
        for name, _, other in vary_settings(SPACES[policy], each.breaker):
            assert getattr(other, name) != getattr(each.breaker, name)

    assert len({each.breaker for each in found}) > 16
    assert draw(SPACES[policy], policy, 32, 1) == found
    assert draw(SPACES[policy], policy, 32, 2) != found


class Formula:
    """A backend on which `consecutive` is best at fail_max 10 and reset_timeout 5, and others cost more."""

    def __init__(self, *, greedy: bool = False) -> None:
        self.asked: list[Job] = []
        self._greedy = greedy

    def __call__(self, jobs: Iterable[Job]) -> Mapping[Job, StudyFigures]:
        wanted = list(jobs)
        self.asked += wanted
        return {job: self._figures(job.breaker, job.seed) for job in reversed(wanted)}

    def _figures(self, breaker: PolicySettings, seed: int) -> StudyFigures:
        luck = seed % 3
        if breaker == OFF:
            return figures(bad=200, held_s=400 + luck)
        if self._greedy:  # whoever opens for long loses nearly all, and saves a fortune
            return figures(ok=60, bad=2, held_s=1)
        off_by = 40.0
        if breaker.policy == "consecutive":
            off_by = 8 * abs(math.log(breaker.fail_max / 10)) + 8 * abs(math.log(breaker.reset_timeout / 5))
        return figures(ok=795 - luck - round(off_by), bad=20, held_s=100)


def found_by(run: Formula, weights: Weights | None = None, seed: int = 1) -> tuple[SearchResult, Ledger]:
    ledger = Ledger(LEARN, run, Aim(weights or Weights(), 0.1))
    return search(ledger, SPACES, 40, 6, seed), ledger


def test_the_search_finds_what_is_best() -> None:
    """Near the optimum of the formula, and better than the default by an interval."""
    found, ledger = found_by(Formula())

    assert found.answer == found.best
    assert found.answer.policy == "consecutive"
    assert 6 <= found.answer.fail_max <= 16
    assert 3 <= found.answer.reset_timeout <= 9
    assert ledger.difference(found.answer, DEFAULT).verdict == "better"
    assert {each.policy for each in found.finalists} == {*SPACES, "off"}


def test_the_search_is_the_same_each_time() -> None:
    """Whoever works, in whichever order results come; another seed draws others."""
    first, again, other = found_by(Formula())[0], found_by(Formula())[0], found_by(Formula(), seed=2)[0]

    assert first == again
    assert first.tried != other.tried


def test_the_seeds_that_judge_are_others() -> None:
    run = Formula()
    found, _ = found_by(run)
    used = {job.seed for job in run.asked}
    Ledger(JUDGE, run, Aim(Weights(), 0.1)).ensure_runs([found.answer], 6)
    judging = {job.seed for job in run.asked if job.part == JUDGE}

    assert len(judging) == 6
    assert not judging & used


@pytest.mark.parametrize("weights", [Weights(), Weights(good_refused=0), Weights(bad_let_through=100)])
def test_refusing_everything_never_wins(weights: Weights) -> None:
    """However it is weighed: it loses more answers than may be lost."""
    found, ledger = found_by(Formula(greedy=True), weights)

    assert not ledger.is_allowed(DEFAULT)
    assert found.answer == OFF


def test_the_default_stays_where_nothing_is_better() -> None:
    """All breakers cost the same."""
    same = figures(ok=790, bad=20)

    def run(jobs: Iterable[Job]) -> Mapping[Job, StudyFigures]:
        return {job: figures() if job.breaker == OFF else same for job in jobs}

    found = search(Ledger(LEARN, run, Aim(Weights(), 0.1)), SPACES, 20, 6, 1)

    assert found.answer == DEFAULT


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([-3.0, -2.0, -4.0, -3.0, -2.5], "better"),
        ([3.0, 2.0, 4.0, 3.0, 2.5], "worse"),
        ([3.0, -2.0, 4.0, -3.0, 2.5], "cannot tell"),
        ([-3.0, -2.0], "cannot tell"),
        ([0.0] * 6, "cannot tell"),
    ],
)
def test_a_verdict_goes_by_the_interval(values: list[float], verdict: str) -> None:
    assert PairedMean.of(values).verdict == verdict


def test_a_long_trace_gets_fewer_candidates() -> None:
    assert count_candidates(10_000, 80) == 80
    assert count_candidates(30_000, 80) == 40
    assert count_candidates(10_000_000, 80) == 25
    assert count_candidates(10_000_000, 10) == 10
