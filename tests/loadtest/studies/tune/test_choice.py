"""What is recommended has to hold up twice: on the rest, and on the recorded calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client.breakers.settings import breaker_settings
from loadtest.studies.many_runs.work import StudyFigures
from loadtest.studies.tune.choice import Recommendation, choose
from loadtest.studies.tune.objective import Weights
from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN, OFF, Aim, Ledger, SearchResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client.breakers.policy import PolicySettings

OWN, NEXT = breaker_settings(fail_max=7), breaker_settings(fail_max=9)
NAMES = {OWN: "own", NEXT: "next", DEFAULT: "default", OFF: "off", None: "nothing"}


def figures(ok: int = 800, bad: int = 200, held_s: float = 500.0) -> StudyFigures:
    return StudyFigures(1000, 800, ok, 1000 - ok - bad, 800 - ok, bad, held_s, ok + bad, 1, held_s / 1000)


GOOD, FAIR, COSTLY = figures(ok=795, bad=20), figures(ok=790, bad=100), figures(ok=720, bad=190)
LOSING = figures(ok=500, bad=0, held_s=0)


def ledger(part: str, given: Mapping[PolicySettings, StudyFigures]) -> Ledger:
    found = Ledger(part, lambda jobs: {job: given[job.breaker] for job in jobs}, Aim(Weights(), 0.1))
    found.ensure_runs(list(given), 6)
    return found


def chosen(
    judged: Mapping[PolicySettings, StudyFigures],
    answer: PolicySettings = OWN,
    failures: int = 1,
    objections: Mapping[PolicySettings, list[str]] | None = None,
) -> Recommendation:
    learn = ledger(LEARN, {OFF: figures(), DEFAULT: FAIR, OWN: GOOD, NEXT: GOOD})
    judge = ledger(JUDGE, {OFF: figures(), DEFAULT: FAIR, OWN: GOOD, NEXT: GOOD, **judged})
    result = SearchResult((), (OWN, NEXT, DEFAULT, OFF), answer, answer, "")
    against = objections or {}
    return choose(result, {LEARN: learn, JUDGE: judge}, {JUDGE: failures}, lambda each: against.get(each, []))


@pytest.mark.parametrize(
    ("judged", "kept"),
    [
        ({}, "own"),
        ({OWN: COSTLY}, "next"),
        ({OWN: LOSING}, "next"),
        ({OWN: LOSING, NEXT: FAIR, DEFAULT: GOOD}, "default"),
        ({DEFAULT: LOSING}, "own"),
        ({OWN: LOSING, NEXT: LOSING, DEFAULT: LOSING}, "nothing"),
    ],
    ids=["better", "dearer", "loses too much", "the default is best", "default loses too much", "all lose too much"],
)
def test_the_rest_may_overrule_the_search(judged: dict[PolicySettings, StudyFigures], kept: str) -> None:
    """An answer that costs more than the default there, or loses too much, gives its place to the next that passes."""
    assert NAMES[chosen(judged).answer] == kept


def test_a_default_that_loses_too_much_is_not_kept() -> None:
    """Even where the search found nothing better: no recommendation, with the reason."""
    found = chosen({DEFAULT: LOSING, OWN: LOSING, NEXT: LOSING}, DEFAULT)

    assert found.answer is None
    assert found.turned_down[0].breaker == DEFAULT
    assert found.turned_down[0].why[0] == (
        "loses 37.5 % of the answers on the rest, more than the 10 % that may be lost"
    )
    assert chosen({DEFAULT: LOSING}, DEFAULT, failures=0).answer == OWN


def test_what_the_recorded_calls_speak_against_is_not_recommended() -> None:
    """Whatever the rebuilt pattern says; the next one is tried, and at last nothing is recommended."""
    against = {OWN: ["loses 33 %"]}
    assert chosen({}, objections=against) == Recommendation(NEXT, chosen({}, objections=against).turned_down)
    assert chosen({}, objections=against).turned_down[0].why == ("loses 33 %",)
    against |= {NEXT: ["loses 32 %"], DEFAULT: ["loses 31 %"]}
    assert chosen({}, objections=against).answer is None
    assert chosen({}, OFF, objections=against).answer == OFF


def test_a_rest_without_failures_speaks_against_nothing_but_losses() -> None:
    assert chosen({OWN: COSTLY}, failures=0).answer == OWN
    assert chosen({OWN: LOSING}, failures=0).answer == NEXT
