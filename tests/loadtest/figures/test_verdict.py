"""Who helped and who harmed: the rule, case by case, and its application to folded arms."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.figures.verdict import RunTotals, Shares, compare_totals, decide_verdict, judge_arms, verdict_over_seeds
from loadtest.records.comparison import BothSides, Gain, Judgement
from loadtest.records.shapes import as_json
from tests.loadtest.made_figures import arm_summary, outcomes, phase_figures, run_figures

if TYPE_CHECKING:
    from loadtest.records.summary import ArmSummary

HELPED, HARMED, TRADE, TRADE_DOWN, SAME, UNCLEAR = Judgement

BASE = RunTotals(200, 100, 100.0, 200)


@pytest.mark.parametrize(
    ("ok", "seconds", "calls", "verdict"),
    [
        (100, 100, 200, UNCLEAR),  # one run cannot say that nothing changes
        (98, 91, 182, UNCLEAR),  # 1 % of the requests, 9 % of the work
        (98, 70, 200, HELPED),
        (98, 100, 150, HELPED),  # either kind of work is enough
        (110, 100, 200, HELPED),
        (110, 60, 100, HELPED),
        (90, 75, 200, TRADE),  # 25 % saved for 10 % of the answers
        (110, 120, 240, TRADE_DOWN),  # won 10 %, and spent 20 %
        (130, 120, 240, TRADE),  # won 30 %
        (50, 20, 200, TRADE_DOWN),  # lost half, saved 80 % of one and nothing of the other
        (90, 100, 200, HARMED),
        (90, 81, 162, HARMED),  # 19 % saved for 10 % of the answers: hardly more than refusing at random
        (100, 115, 200, HARMED),
        (90, 115, 200, HARMED),
        (100, 60, 240, TRADE),  # saved seconds, and spent calls
        (100, 80, 260, TRADE_DOWN),
        (0, 0, 0, HARMED),
    ],
)
def test_the_rule_on_one_run(ok: int, seconds: float, calls: int, verdict: str) -> None:
    """Against 100 answers of 200 requests for 100 request-seconds and 200 calls."""
    assert verdict_over_seeds([(BASE, RunTotals(200, ok, seconds, calls))]) == verdict


def test_two_answers_may_be_a_race() -> None:
    """In a short run they are more than 1 % of the requests, and still nothing to build a verdict on."""
    base = RunTotals(60, 40, 10.0, 60)

    assert [verdict_over_seeds([(base, RunTotals(60, ok, 10.0, 60))]) for ok in (37, 38, 42, 43)] == [
        HARMED,
        UNCLEAR,
        UNCLEAR,
        HELPED,
    ]


def test_limits_are_held_against_all_runs_together() -> None:
    """Two answers a run fall to a quarter of one: a loss of 86 % of the answers, which is 14 % of the requests."""
    pairs = [(RunTotals(12, seed % 5, 6.0, 12), RunTotals(12, int(seed % 7 == 1), 0.9, 2)) for seed in range(100)]

    assert verdict_over_seeds(pairs) == HARMED


def test_answers_that_are_few_count_as_a_share_of_themselves() -> None:
    """All five answers in a thousand requests are lost: less than 1 % of the requests, and all there was."""
    pairs = [(RunTotals(1000, 4 + seed % 3, 50.0, 1000), RunTotals(1000, 0, 50.0, 1000)) for seed in range(20)]

    assert verdict_over_seeds(pairs) == HARMED
    assert verdict_over_seeds([(base, replace(other, ok=base.ok)) for base, other in pairs]) == UNCLEAR


@pytest.mark.parametrize(("runs", "verdict"), [(1, UNCLEAR), (2, UNCLEAR), (5, UNCLEAR), (20, SAME), (300, SAME)])
def test_runs_that_never_differ_show_it_only_if_there_are_many(runs: int, verdict: str) -> None:
    """Nothing seen in five runs leaves three points open, by the rule of three."""
    assert verdict_over_seeds([(BASE, BASE)] * runs) == verdict
    assert compare_totals([(BASE, BASE)] * 5).answers.interval == pytest.approx([-0.03, 0.03])


def test_gain_and_harm_together_are_a_trade() -> None:
    """The whole table."""
    for won, lost, saved, spent in product((True, False), repeat=4):
        gain, harm = won or saved, lost or spent
        for balance, trade in ((0.1, TRADE), (0.0, TRADE_DOWN), (-0.1, TRADE_DOWN)):
            expected = {(True, True): trade, (True, False): HELPED, (False, True): HARMED, (False, False): SAME}
            found = decide_verdict(won=won, lost=lost, saved=saved, spent=spent, balance=balance)
            assert found == expected[gain, harm]


TALLIES = st.builds(
    lambda requests, ok, seconds, calls: RunTotals(requests, min(ok, requests), seconds, calls),
    st.integers(400, 1000),
    st.integers(100, 400),
    st.floats(1, 1000),
    st.integers(100, 1000),
)


@settings(max_examples=30)
@given(TALLIES)
def test_the_two_ends_of_the_rule(base: RunTotals) -> None:
    """Whatever the weather: refusing everything harms, and changing nothing makes no difference."""
    assert verdict_over_seeds([(base, RunTotals(base.requests))] * 20) == HARMED
    assert verdict_over_seeds([(base, base)] * 20) == SAME


@settings(max_examples=30)
@given(TALLIES, st.floats(0.03, 1))
def test_refusing_at_random_harms(base: RunTotals, share: float) -> None:
    """Who keeps the same share of the answers, of the seconds and of the calls has chosen nothing."""
    kept = RunTotals(
        base.requests, int(base.ok * (1 - share)), base.seconds * (1 - share), round(base.calls * (1 - share))
    )

    assert verdict_over_seeds([(base, kept)] * 20) in (HARMED, UNCLEAR, SAME)
    assert verdict_over_seeds([(base, kept)] * 20) == HARMED or base.ok - kept.ok <= 0.01 * base.requests


def runs(*answers: int) -> list[Any]:
    return [(BASE, RunTotals(200, ok, 100, 200)) for ok in answers]


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ((90, 92, 91, 89, 93), HARMED),
        ((60, 120, 105, 70, 110), UNCLEAR),  # 7 lost on average, anything from 27 lost to 10 won in truth
        ((60,), HARMED),  # no interval
        ((101, 99, 100, 100, 100), SAME),
        ((100, 100, 100, 100, 100), UNCLEAR),  # no spread at all
        ((104, 96, 100, 101, 98), UNCLEAR),  # nothing on average, and more than the limit in truth, perhaps
        ((110, 111, 109, 112, 108), HELPED),
        ((90, 90, 90, 90, 90), HARMED),  # no spread at all
    ],
)
def test_an_interval_has_to_back_the_word(answers: tuple[int, ...], verdict: str) -> None:
    """An average that could as well be nothing is no verdict."""
    assert verdict_over_seeds(runs(*answers)) == verdict


def test_a_baseline_that_got_and_spent_nothing_divides_nothing() -> None:
    """On virtual time without latency, or in a total outage."""
    nothing = Gain(0.0, None)
    assert compare_totals([(RunTotals(10), RunTotals(10))]) == Shares(*[nothing] * 6)
    assert verdict_over_seeds([(RunTotals(10), RunTotals(10, 5, 1.0, 5))]) == HELPED
    assert verdict_over_seeds([(RunTotals(), RunTotals())]) == UNCLEAR
    assert verdict_over_seeds([]) == UNCLEAR


def test_shares_are_those_of_all_runs_together() -> None:
    """A run without an answer counts by what it has, not as a ratio of its own."""
    pairs = [
        (RunTotals(10, 0, 1.0, 10), RunTotals(10, 0, 1.0, 5)),
        (RunTotals(10, 8, 3.0, 10), RunTotals(10, 6, 1.0, 5)),
    ]

    found = compare_totals(pairs)

    assert (found.lost.share, found.answers.share) == (0.25, -0.1)
    assert (found.seconds_saved.share, found.calls_saved.share) == (0.5, 0.5)
    assert (found.calls_beyond.share, found.balance) == (0.25, 0.25)


def folded(**groups: tuple[int, int, float, int]) -> ArmSummary:
    """Return an arm of one seed from (requests, ok, seconds, calls) of each group."""

    def figures(requests: int, ok: int, seconds: float, calls: int) -> dict[str, Any]:
        return {"requests": requests, "outcomes": outcomes(ok=ok), "in_flight_s": seconds, "backend_calls": calls}

    phases = {name.replace("_", "-"): phase_figures(**figures(*each)) for name, each in groups.items()}
    whole = figures(*(sum(each) for each in zip(*groups.values(), strict=True)))  # type: ignore[arg-type]
    return arm_summary(phases=phases, runs=[run_figures(1, **whole, phases=phases)])


def test_a_disturbance_pays_for_the_time_after_it() -> None:
    """An arm that saves during the outage and goes on refusing after it made a trade; both parts are shown."""
    base = folded(before=(50, 50, 5, 50), outage=(100, 0, 100, 100), after_outage=(100, 100, 10, 100))
    other = folded(before=(50, 50, 5, 50), outage=(100, 0, 30, 30), after_outage=(100, 80, 8, 80))

    found = judge_arms("off", {"off": base, "on": other})

    assert found is not None
    assert (found.baseline, found.runs) == ("off", 1)
    assert as_json(found.arms["on"]["outage"]) == {
        "verdict": TRADE,
        "requests": 200,
        "ok": {"baseline": 100, "value": 80},
        "seconds": {"baseline": 110, "value": 38},
        "calls": {"baseline": 200, "value": 110},
        "answers": {"share": -0.1, "interval": None},
        "lost": {"share": 0.2, "interval": None},
        "seconds_saved": {"share": pytest.approx(72 / 110), "interval": None},
        "seconds_beyond": {"share": pytest.approx(72 / 110 - 0.2), "interval": None},
        "calls_saved": {"share": pytest.approx(0.45), "interval": None},
        "calls_beyond": {"share": pytest.approx(0.25), "interval": None},
        "balance": pytest.approx((72 / 110 + 0.45) / 2 - 0.2),
        "parts": {
            "outage": {
                "requests": 100,
                "ok": {"baseline": 0, "value": 0},
                "seconds": {"baseline": 100, "value": 30},
                "calls": {"baseline": 100, "value": 30},
            },
            "after-outage": {
                "requests": 100,
                "ok": {"baseline": 100, "value": 80},
                "seconds": {"baseline": 10, "value": 8},
                "calls": {"baseline": 100, "value": 80},
            },
        },
    }
    assert found.arms["on"]["overall"].ok == BothSides(150, 130)


def test_there_is_nothing_to_judge_without_names_or_a_second_arm() -> None:
    """Reports of such runs are as they were."""
    named, plain = folded(outage=(1, 1, 1, 1)), folded(before=(1, 1, 1, 1))

    assert judge_arms(None, {"off": named, "on": named}) is None
    assert judge_arms("off", {"off": named}) is None
    assert judge_arms("off", {"on": named, "other": named}) is None
    assert judge_arms("off", {"off": plain, "on": plain}) is None
    assert judge_arms("off", {"off": replace(named, runs=[]), "on": named}) is None
    assert judge_arms("off", {"off": replace(named, phases=None), "on": named}) is None


def test_an_arm_without_a_seed_of_the_baselines_is_not_judged() -> None:
    """There is nothing to pair it with; the others are judged all the same."""
    named = folded(outage=(1, 1, 1, 1))
    strange = replace(named, runs=[replace(named.runs[0], seed=2)])

    found = judge_arms("off", {"off": named, "on": named, "strange": strange})

    assert found is not None
    assert list(found.arms) == ["on"]
    assert judge_arms("off", {"off": named, "strange": strange}) is None
