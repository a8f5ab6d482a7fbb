"""A change of settings: the next breaker goes on where the one before it stood, as far as that means the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.breakers.interface import Permit, Refusal
from client.breakers.settings import act_alike, breaker_settings
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, HALF_OPEN, OPEN, SUCCESS, VERDICTS, Lab

WINDOW = {"policy": "count_window", "min_calls": 2, "window_calls": 4}
SECONDS = {"policy": "time_window", "min_calls": 2, "window_s": 10}


def test_what_no_policy_acts_on_makes_no_other_breaker() -> None:
    """Its name, and what is kept of other policies; what is tried beside it is part of it."""
    found = breaker_settings(fail_max=3)

    assert act_alike(found, breaker_settings(fail_max=3, name="another"))
    assert act_alike(breaker_settings(policy="off", fail_max=3), breaker_settings(policy="off", fail_max=4))
    assert not act_alike(found, breaker_settings(fail_max=4))
    assert not act_alike(found, breaker_settings(fail_max=3, seed=1))
    assert not act_alike(found, breaker_settings(fail_max=3, shadow={"policy": "throttle"}))
    assert not act_alike(breaker_settings(policy="shadow", fail_max=3), breaker_settings(policy="shadow", fail_max=4))


@pytest.mark.parametrize("after", [{"fail_max": 2}, WINDOW, SECONDS], ids=str)
def test_an_open_breaker_keeps_the_end_that_it_announced(after: dict[str, Any]) -> None:
    """6 of 10 s are left, whatever the new open time; then comes the probe, and the next open time is the new one."""
    lab = Lab(fail_max=1, reset_timeout=10)
    lab.trip()
    lab.wait(4)

    _, kept = lab.change(reset_timeout=50, **after)

    assert kept[:4] == ["state", "open time left", "failed recoveries", "probes"]
    assert lab.refuse() == Refusal(OPEN, "open", 6.0, 0.0)
    lab.wait(6)
    assert lab.calls("F")[0][0] is OPEN
    assert lab.details["open_for_s"] == 50


def test_failures_in_a_row_count_on() -> None:
    """Three of five, then fail_max is four: one more trips; a lower one than was counted waits for a failure, too."""
    lab, lower = Lab(fail_max=5), Lab(fail_max=5)
    for each in (lab, lower):
        each.calls("FFF")
    lab.change(fail_max=4)
    lower.change(fail_max=2)

    assert (lab.breaker.fail_count, lower.breaker.state) == (3, CLOSED)
    assert [lab.calls("F"), lower.calls("SF")] == [[(OPEN, 4)], [(CLOSED, 0), (CLOSED, 1)]]


@pytest.mark.parametrize(("size", "counts"), [(6, (4, 2)), (2, (2, 1)), (4, (4, 2))])
def test_a_window_of_calls_keeps_the_newest(size: int, counts: tuple[int, int]) -> None:
    """S F of the six seen are forgotten by the window of four; F S are the newest two."""
    lab = Lab(**WINDOW, failure_rate=0.9)
    lab.calls("SFSFFS")

    _, kept = lab.change(**{**WINDOW, "window_calls": size}, failure_rate=0.9)

    assert (lab.details["window"]["calls"], lab.details["window"]["failures"]) == counts
    assert "counts" in kept
    lab.calls("S" * size)
    assert lab.details["window"] == {"calls": size, "failures": 0, "slow": 0}


def test_a_window_of_seconds_keeps_its_counts_unless_its_length_changes() -> None:
    """Buckets of another length cannot be known from the old ones."""
    lab = Lab(**SECONDS)
    lab.calls("SF")
    same = lab.change(**{**SECONDS, "min_calls": 9})[1], lab.details["window"]["calls"]
    other = lab.change(**{**SECONDS, "window_s": 20})[1], lab.details["window"]["calls"]

    assert ("counts" in same[0], same[1], "counts" in other[0], other[1]) == (True, 2, False, 0)


@pytest.mark.parametrize(
    ("chosen", "after"),
    [
        ({"fail_max": 3, "forget_after_s": 60}, {"fail_max": 3}),
        ({**WINDOW, "min_calls": 3, "forget_after_s": 60}, {**WINDOW, "min_calls": 3}),
        (
            {"policy": "failures_in_time", "max_failures": 3, "window_s": 60},
            {"policy": "failures_in_time", "max_failures": 4, "window_s": 60},
        ),
    ],
    ids=lambda each: each.get("policy", "consecutive"),
)
def test_what_was_forgotten_does_not_come_back(chosen: dict[str, Any], after: dict[str, Any]) -> None:
    """Two failures, a long silence, other settings, and one failure: that is no outage."""
    lab = Lab(**chosen)
    lab.calls("FF")
    lab.wait(3600)
    lab.change(**after)

    assert lab.calls("F") == [(CLOSED, 1)]


def test_another_policy_begins_to_count() -> None:
    """State and time mean the same, counts do not."""
    lab = Lab(fail_max=5)
    lab.calls("FFF")
    kept = lab.change(**WINDOW)[1]

    assert (lab.breaker.fail_count, lab.details["window"]["calls"], "counts" in kept) == (0, 0, False)


@pytest.mark.parametrize("policy", ["off", "throttle", "adaptive", "forced_open"])
def test_nothing_is_kept_from_and_to_a_policy_of_another_kind(policy: str) -> None:
    """They have no such state, and count something else."""
    lab = Lab(fail_max=1)
    lab.trip()
    to = lab.change(policy=policy)[1], lab.breaker.state
    back = lab.change(fail_max=1)[1], lab.breaker.state

    assert to == ([], OPEN if policy == "forced_open" else CLOSED)
    assert back == ([], CLOSED)


@pytest.mark.parametrize("policy", ["throttle", "adaptive"])
def test_a_share_policy_keeps_what_it_has_counted(policy: str) -> None:
    """Unless its window gets another length; a call under way counts in either case."""
    lab = Lab(policy=policy, seed=1)
    permits = [lab.admit() for _ in range(3)]
    under_way = permits.pop()
    for permit in permits:
        lab.report(permit, FAILURE)
    before, kept = lab.change(policy=policy, seed=2)
    before.report(under_way, FAILURE, lab.now)
    same = lab.details["fail_count"]
    other = lab.change(policy=policy, window_s=5)[1]

    assert (kept, same) == (["state", "calls under way", "counts"], 3)
    assert (other, lab.details["fail_count"], lab.details["late_results"]) == (["state", "calls under way"], 0, 0)


@pytest.mark.parametrize("after", [{"fail_max": 1}, {**WINDOW, "min_calls": 1}], ids=str)
def test_the_result_of_a_call_under_way_counts_in_the_breaker_that_took_over(after: dict[str, Any]) -> None:
    """Twice changed, and it still trips."""
    lab = Lab(fail_max=5)
    under_way = lab.admit()
    lab.wait(1)
    first, _ = lab.change(fail_max=3)
    lab.change(**after)

    first.report(under_way, FAILURE, lab.now)

    assert lab.breaker.state is OPEN


def test_a_shared_permit_does_not_tell_how_long_its_call_took() -> None:
    """Slow calls count from the change on; that of a call before it is nobody's to say."""
    lab = Lab(fail_max=1)
    under_way = lab.admit()
    lab.wait(100)
    before, _ = lab.change(fail_max=1, slow_call_s=1)

    before.report(under_way, SUCCESS, lab.now)

    assert (lab.breaker.state, lab.slow_call(1)) == (CLOSED, (OPEN, 1))


@pytest.mark.parametrize("after", [{"success_threshold": 2}, {**WINDOW, "success_threshold": 2}], ids=str)
def test_probes_under_way_and_their_successes_count_on(after: dict[str, Any]) -> None:
    """One of three was good, one is out; then two suffice."""
    lab = Lab(fail_max=1, reset_timeout=10, success_threshold=3)
    lab.trip()
    lab.wait(10)
    lab.calls("S")
    probe = lab.admit()
    before, kept = lab.change(**after)
    refused = lab.refuse()
    before.report(probe, SUCCESS, lab.now)

    assert (refused.cause, lab.breaker.state, "probes" in kept) == ("all probes are out", CLOSED, True)


def test_fewer_probes_than_have_succeeded_need_one_more() -> None:
    """Two of three succeeded, and one is enough from now on: the next one closes."""
    for after in ({"fail_max": 1}, WINDOW):
        lab = Lab(fail_max=1, reset_timeout=10, success_threshold=3)
        lab.trip()
        lab.wait(10)
        lab.calls("SS")
        lab.change(**after)

        assert (lab.breaker.state, lab.calls("S")[0][0]) == (HALF_OPEN, CLOSED)


def test_a_ramp_goes_on_and_ends_at_once_where_there_is_none() -> None:
    """Half of 20 s have passed: half are let through; of 40 s it is a quarter."""
    lab = Lab(fail_max=1, reset_timeout=10, ramp_s=20)
    lab.trip()
    lab.wait(10)
    lab.calls("S")
    lab.wait(10)
    shares = [lab.details["let_through"]]
    for ramp_s in (40, 0):
        lab.change(fail_max=1, reset_timeout=10, ramp_s=ramp_s)
        shares.append(lab.details["let_through"])

    assert shares == [0.5, 0.25, 1.0]


def test_what_is_tried_goes_on_when_only_the_policy_in_charge_changes() -> None:
    """Its state, and what it would have refused."""
    tried = {"policy": "consecutive", "fail_max": 1}
    lab = Lab(policy="off", shadow=tried)
    lab.calls("FS")
    under_way = lab.admit()
    before, _ = lab.change(fail_max=5, shadow=tried)
    before.report(under_way, SUCCESS, lab.now)
    report = lab.details["shadow_report"]

    assert (report["state"], report["would_refuse"], len(report["transitions"])) == ("open", 2, 1)


def test_a_call_under_way_ends_where_the_tried_policy_has_gone() -> None:
    """The policy in charge gets its part, from the breaker with and to the one without something tried."""
    lab = Lab(fail_max=2, shadow={"policy": "throttle"})
    under_way = lab.admit()
    before, _ = lab.change(fail_max=1)
    before.report(under_way, FAILURE, lab.now)

    assert lab.breaker.state is OPEN


CHANGES = [
    {"fail_max": 1},
    {"fail_max": 3, "success_threshold": 2, "max_probes": 2, "ramp_s": 5},
    {"fail_max": 2, "slow_call_s": 1},
    {"fail_max": 2, "slow_call_s": 1, "slow_in_flight": True, "half_open_max_s": 4},
    {"fail_max": 2, "probe_success_rate": 0.5, "probe_calls": 4, "half_open_max_s": 4},
    WINDOW,
    {**WINDOW, "window_calls": 3, "slow_call_s": 1, "slow_call_rate": 0.5, "slow_in_flight": True},
    {**SECONDS, "slow_call_s": 1, "slow_call_rate": 0.5, "slow_in_flight": True},
    {**SECONDS, "window_s": 5, "slow_call_s": 1, "slow_call_rate": 0.5, "slow_in_flight": True},
    {"policy": "throttle"},
    {"policy": "adaptive", "window_s": 5},
    {"policy": "off", "shadow": {"policy": "consecutive", "fail_max": 1}},
    {"policy": "shadow"},
]
STEPS = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(CHANGES)),
    st.tuples(st.just("ask"), st.none()),
    st.tuples(st.just("ask"), st.none()),
    st.tuples(st.just("end"), st.tuples(st.integers(0, 99), st.sampled_from("SFFN"))),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 2.0, 31.0])),
)


@given(first=st.sampled_from(CHANGES), steps=st.lists(STEPS, max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_order_of_changes_and_calls_leaves_a_breaker_that_works(
    first: dict[str, Any], steps: list[tuple[str, Any]]
) -> None:
    """Nothing crashes, no call is reported twice, and once all is well it closes and lets calls through."""
    lab = Lab(seed=1, **first)
    out = []
    for step, what in steps:
        if step == "change":
            lab.change(seed=1, **what)
        elif step == "wait":
            lab.wait(what)
        elif step == "ask":
            answer = lab.ask()
            if isinstance(answer, Permit):
                out.append((lab.breaker, answer))
        elif out:
            place, verdict = what
            breaker, permit = out.pop(place % len(out))
            breaker.report(permit, VERDICTS[verdict], lab.now)
    for breaker, permit in out:
        breaker.report(permit, VERDICTS["N"], lab.now)
    for _ in range(20):
        lab.wait(61)
        answer = lab.ask()
        if isinstance(answer, Permit):
            lab.report(answer, SUCCESS)

    assert (lab.breaker.state, isinstance(lab.ask(), Permit)) == (CLOSED, True)
