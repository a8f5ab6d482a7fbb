"""What every policy that opens has in common: open time, probes, the ramp after closing, slow calls."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from client.breakers.interface import Intervention, Permit, Refusal, Transition
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, HALF_OPEN, NEUTRAL, OPEN, SUCCESS, Lab


def open_times(lab: Lab, rounds: int) -> list[float]:
    """Trip, and let the probe of each recovery fail; return how long each open time was."""
    lab.trip()
    seen = [lab.details["open_for_s"]]
    for _ in range(rounds):
        lab.wait(seen[-1])
        lab.calls("F")
        seen.append(lab.details["open_for_s"])
    return seen


def test_the_open_time_grows_with_each_failed_recovery_up_to_its_cap() -> None:
    """10, 20, 40, 80 and then 100 s; after a success that lasts it begins at 10 s again."""
    lab = Lab(fail_max=1, reset_timeout=10, open_growth=2, open_max_s=100)

    first = open_times(lab, 5)
    lab.wait(100)
    lab.calls("S")
    lab.wait(60)

    assert (first, open_times(lab, 1)) == ([10, 20, 40, 80, 100, 100], [10, 20])


@pytest.mark.parametrize(
    ("forget_s", "closed_s", "open_s"),
    [(60, 0, [10, 20, 40, 80]), (60, 59, [10, 20, 40, 80]), (60, 60, [10, 10, 10, 10]), (0, 0, [10, 10, 10, 10])],
)
def test_a_flapping_backend_sees_the_open_time_grow(forget_s: float, closed_s: float, open_s: list[float]) -> None:
    """Each probe succeeds, and it trips again soon: a step each time, unless it stayed closed for growth_forget_s."""
    lab = Lab(fail_max=1, reset_timeout=10, open_growth=2, open_max_s=100, growth_forget_s=forget_s)
    seen = []
    for _ in range(4):
        lab.trip()
        seen.append(lab.details["open_for_s"])
        lab.wait(seen[-1])
        lab.calls("S")
        lab.wait(closed_s)

    assert seen == open_s


def test_the_first_trip_is_no_step_and_neither_is_one_after_closing_by_hand() -> None:
    """Nothing had recovered."""
    lab = Lab(fail_max=1, reset_timeout=10, open_growth=2, open_max_s=100)
    first = open_times(lab, 1)
    lab.breaker.force(CLOSED, lab.now, Intervention.CLOSED)

    assert (first, open_times(lab, 0)) == ([10, 20], [10])


@pytest.mark.parametrize("policy", [{"fail_max": 1}, {"policy": "count_window"}, {"policy": "time_window"}], ids=str)
def test_opening_by_hand_lasts_until_somebody_closes_it(policy: dict[str, Any]) -> None:
    """A year later it still refuses, and a change of settings does not alter that; nobody is told when to ask again."""
    lab = Lab(reset_timeout=10, **policy)
    lab.breaker.force(OPEN, lab.now, Intervention.OPENED)
    lab.wait(3e7)
    lab.change(reset_timeout=5, **policy)
    refusal, held = lab.refuse(), lab.details
    lab.breaker.force(CLOSED, lab.now, Intervention.CLOSED)

    assert refusal == Refusal(OPEN, "open", math.inf, 0.0)
    assert {name: held[name] for name in ("held_open", "retry_after_s", "open_for_s", "let_through")} == {
        "held_open": True,
        "retry_after_s": 0.0,
        "open_for_s": 0.0,
        "let_through": 0.0,
    }
    assert (lab.admit().state, lab.details["held_open"]) == (CLOSED, False)


def test_opening_by_hand_for_a_time_ends_in_a_probe() -> None:
    """A minute, whatever reset_timeout says; opened by hand again, it is held."""
    lab = Lab(fail_max=1, reset_timeout=10)
    lab.breaker.force(OPEN, lab.now, Intervention.OPENED, 60)
    lab.wait(59)
    left = lab.refuse().retry_after_s
    lab.breaker.force(OPEN, lab.now, Intervention.OPENED)
    held = lab.refuse().retry_after_s
    lab.breaker.force(OPEN, lab.now, Intervention.OPENED, 2)
    lab.wait(2)

    assert (left, held, lab.calls("S"), len(lab.story)) == (1, math.inf, [(CLOSED, 0)], 3)


def test_opening_by_hand_begins_a_new_row_of_failed_recoveries() -> None:
    """After two of them, the first to come is the first of the next row."""
    lab = Lab(fail_max=1, reset_timeout=10, open_growth=2, open_max_s=100)
    open_times(lab, 2)

    lab.breaker.force(OPEN, lab.now, Intervention.OPENED, 10)
    by_hand = lab.details["open_for_s"]
    lab.wait(10)
    lab.calls("F")

    assert (by_hand, lab.details["open_for_s"]) == (10, 20)


def test_a_row_of_failed_recoveries_has_no_end() -> None:
    """Two thousand of them: no number that is too large."""
    lab = Lab(fail_max=1, reset_timeout=1, open_growth=10, open_max_s=50)

    assert open_times(lab, 2000)[-1] == 50


def test_jitter_shortens_by_a_random_share_up_to_its_setting() -> None:
    """0.4: between 60 and 100 % of the open time, as the seed says."""
    lab = Lab(fail_max=1, reset_timeout=10, open_jitter=0.4, seed=5)
    draw = random.Random(5).random  # noqa: S311

    seen = open_times(lab, 50)

    assert seen == [10 * (1 - 0.4 * draw()) for _ in range(51)]
    assert 6 < min(seen) < 6.5
    assert 9.5 < max(seen) <= 10


def test_without_a_seed_two_breakers_open_for_different_times() -> None:
    """Else all clients of a backend would probe it at the same moment, which jitter is there to prevent."""
    one, other = (Lab(fail_max=1, open_jitter=1) for _ in range(2))

    assert open_times(one, 3) != open_times(other, 3)


@pytest.mark.parametrize(
    ("honour", "asked_s", "open_s"),
    [(True, 45, 45), (True, 3, 3), (True, 61, 60), (True, 0, 10), (True, None, 10), (False, 45, 10)],
    ids=["longer", "shorter", "over the cap", "zero", "none", "not honoured"],
)
def test_retry_after_of_the_failure_that_trips(honour: bool, asked_s: float | None, open_s: float) -> None:
    """Taken in place of the own open time, up to open_max_s; 0 asks for none."""
    lab = Lab(fail_max=2, reset_timeout=10, open_max_s=60, honour_retry_after=honour)
    lab.calls("F", retry_after_s=7)  # which does not trip
    lab.calls("F", retry_after_s=asked_s)
    opened = lab.details["open_for_s"]
    before = lab.refuse()
    lab.wait(open_s)

    assert (opened, before, lab.admit().state) == (open_s, Refusal(OPEN, "open", open_s, 0.0), HALF_OPEN)


def test_retry_after_of_a_failed_probe_counts_too() -> None:
    """It stands in for the grown time; the one after that, without a wish, has grown meanwhile."""
    lab = Lab(fail_max=1, reset_timeout=10, open_growth=2, open_max_s=60, honour_retry_after=True)
    lab.trip()
    lab.wait(10)
    lab.calls("F", retry_after_s=5)
    wished = lab.details["open_for_s"]
    lab.wait(5)
    lab.calls("F")

    assert (wished, lab.details["open_for_s"]) == (5, 40)


POLICIES = pytest.mark.parametrize(
    "policy",
    [
        {"policy": "consecutive"},
        {"policy": "count_window"},
        {"policy": "time_window"},
        {"policy": "count_window", "slow_call_s": 1, "slow_call_rate": 0.5, "slow_in_flight": True},
    ],
    ids=str,
)


@POLICIES
@pytest.mark.parametrize(
    ("honour", "asked_s", "open_s"),
    [(True, 45, 45), (True, 61, 60), (True, 0, None), (True, -3, None), (True, None, None), (False, 45, None)],
    ids=["a while", "over the cap", "zero", "below zero", "none", "not honoured"],
)
def test_an_answer_that_is_no_failure_may_ask_to_be_left_alone(
    policy: dict[str, Any], honour: bool, asked_s: float | None, open_s: float | None
) -> None:
    """One 429 with Retry-After opens at once, for the time it names; without one it says nothing."""
    lab = Lab(reset_timeout=10, open_max_s=60, honour_retry_after=honour, **policy)
    lab.calls("N", retry_after_s=asked_s)

    expected = [] if open_s is None else [(0.0, OPEN, "asked by Retry-After")]
    assert (lab.story, lab.details["open_for_s"]) == (expected, open_s or 0)


@POLICIES
def test_a_probe_may_ask_to_be_left_alone_too(policy: dict[str, Any]) -> None:
    """Open again for the time it names; it is no failed recovery, so the open time does not grow by it."""
    lab = Lab(reset_timeout=10, open_growth=2, open_max_s=60, honour_retry_after=True, max_probes=2, **policy)
    lab.calls("N", retry_after_s=3)
    lab.wait(3)
    probe = lab.admit()
    lab.calls("N", retry_after_s=7)
    lab.report(probe, NEUTRAL, retry_after_s=50)  # too late: it is of the half-open before
    wished = lab.details["open_for_s"]
    lab.wait(7)
    lab.calls("F")

    assert (wished, lab.details["open_for_s"]) == (7, 20)
    assert [cause for _, _, cause in lab.story] == [
        *("asked by Retry-After", "reset_timeout elapsed", "asked by Retry-After"),
        *("reset_timeout elapsed", "probe failed"),
    ]


@pytest.mark.parametrize(
    ("probes", "after"),
    [
        ("SSSSSSS", CLOSED),  # 7 of 10 is 70 %: the others need not be awaited
        ("SSSSSS", HALF_OPEN),
        ("FFFSSSSSSS", CLOSED),
        ("FFFSSSSSS", HALF_OPEN),
        ("FFF", HALF_OPEN),
        ("FFFF", OPEN),  # 70 % is out of reach
        ("SSSSSSFFFF", OPEN),
        ("FNNNNNNFFNNNNSSSSSSS", CLOSED),  # a cancelled probe is none
    ],
)
def test_probes_that_decide_by_rate(probes: str, after: str) -> None:
    """70 % of 10: closed or open as soon as the rest cannot change it."""
    lab = Lab(fail_max=1, reset_timeout=10, probe_success_rate=0.7, probe_calls=10)
    lab.trip()
    lab.wait(10)

    seen = [state for state, _ in lab.calls(probes)]

    assert seen == [HALF_OPEN] * (len(probes) - 1) + [after]


@pytest.mark.parametrize("rate", [0.01, 1e-12])
def test_a_rate_that_rounds_to_no_probe_needs_one(rate: float) -> None:
    """1 % of 10 probes, and less: nobody closes without a success."""
    lab = Lab(fail_max=1, reset_timeout=10, probe_success_rate=rate, probe_calls=10)
    lab.trip()
    lab.wait(10)

    assert lab.calls("FFFFFFFFF") == [(HALF_OPEN, 1)] * 9
    assert lab.calls("F") == [(OPEN, 1)]


def test_a_rate_that_no_computer_can_write_down_is_met_all_the_same() -> None:
    """0.28 x 50 is a little more than 14: 14 of 50 probes are 28 %."""
    lab = Lab(fail_max=1, reset_timeout=10, probe_success_rate=0.28, probe_calls=50)
    lab.trip()
    lab.wait(10)

    assert [state for state, _ in lab.calls("S" * 14)] == [HALF_OPEN] * 13 + [CLOSED]


def test_a_probe_that_never_returns_ends_half_open_after_its_time() -> None:
    """At half_open_max_s the next caller finds it open again, for a grown time; the probe's result is late."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, max_probes=2, open_growth=2, open_max_s=100)
    lab.trip()
    lab.wait(10)
    stuck = lab.admit()
    lab.wait(4)
    lab.admit()
    lab.wait(0.999)
    waiting = lab.refuse()
    lab.now = 15
    refused = lab.refuse()
    lab.report(stuck, FAILURE)

    assert (waiting.cause, refused) == ("all probes are out", Refusal(OPEN, "open", 20.0, 15.0))
    assert lab.story == [
        (0.0, OPEN, "fail_max reached"),
        (10.0, HALF_OPEN, "reset_timeout elapsed"),
        (15.0, OPEN, "probe still out after 5 s, limit 5 s"),
    ]
    assert (lab.details["probes_out"], lab.details["late_results"]) == (0, 1)


def test_each_probe_has_its_own_time() -> None:
    """Two are given back in time and say nothing; a third begins at 14 s and is given up at 19 s, not before."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, max_probes=1)
    lab.trip()
    lab.wait(10)
    for _ in range(2):
        probe = lab.admit()
        lab.wait(2)
        lab.report(probe, NEUTRAL)
    lab.admit()
    lab.wait(4.9)
    waiting = lab.refuse()
    lab.wait(0.1)
    lab.refuse()

    assert waiting.cause == "all probes are out"
    assert lab.story[2:] == [(19.0, OPEN, "probe still out after 5 s, limit 5 s")]


def test_no_probe_is_given_up_before_its_call_times_out() -> None:
    """Calls of 70 s with a timeout of 120 s, and half_open_max_s at its 60 s: the first sound probe closes."""
    lab = Lab(fail_max=1, timeout_s=120)
    lab.trip()
    lab.wait(30)
    probe = lab.admit()
    lab.wait(69)
    waiting = lab.refuse()
    lab.wait(1)
    lab.report(probe, SUCCESS)

    assert (waiting.cause, lab.breaker.state) == ("all probes are out", CLOSED)


def test_a_timeout_that_has_become_shorter_is_not_that_of_a_probe_under_way() -> None:
    """It may take as long as it was promised; the next may not."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, max_probes=2, timeout_s=20)
    lab.trip()
    lab.wait(10)
    lab.admit()
    lab.breaker.limit_calls(3)
    lab.wait(10)
    lab.admit()
    lab.wait(4)
    waiting = lab.refuse()
    lab.wait(1)
    lab.refuse()

    assert waiting.cause == "all probes are out"
    assert lab.story[2:] == [(25.0, OPEN, "probe still out after 5 s, limit 5 s")]


BY_POLICY = pytest.mark.parametrize("policy", [{"fail_max": 1}, {"policy": "count_window", "min_calls": 1}], ids=str)


@BY_POLICY
def test_an_overdue_probe_that_succeeds_after_all_goes_on_where_half_open_was(policy: dict[str, Any]) -> None:
    """Calls of 70 s without a timeout: open at 60 s, half-open at 70 s with both successes, and closed."""
    lab = Lab(reset_timeout=30, success_threshold=2, **policy)
    lab.calls("F")
    lab.wait(30)
    lab.calls("S")
    probe = lab.admit()
    lab.wait(60)
    lab.refuse()
    lab.wait(10)
    lab.report(probe, SUCCESS)

    assert lab.story[1:] == [
        (30.0, HALF_OPEN, "reset_timeout elapsed"),
        (90.0, OPEN, "probe still out after 60 s, limit 60 s"),
        (100.0, HALF_OPEN, "overdue probe succeeded"),
        (100.0, CLOSED, "probe succeeded"),
    ]
    assert [state for state, _ in lab.calls("SS")] == [CLOSED, CLOSED]


@BY_POLICY
def test_an_overdue_probe_counts_in_the_next_half_open_too(policy: dict[str, Any]) -> None:
    """It succeeds while the next one has begun: one more there; its failure would be late."""
    lab = Lab(reset_timeout=10, half_open_max_s=5, success_threshold=2, max_probes=2, **policy)
    lab.calls("F")
    lab.wait(10)
    good, bad = lab.admit(), lab.admit()
    lab.wait(5)
    lab.refuse()
    lab.wait(10)
    lab.calls("S")
    lab.report(bad, FAILURE)
    before = lab.breaker.state
    lab.report(good, SUCCESS)

    assert (before, lab.breaker.state, lab.details["late_results"]) == (HALF_OPEN, CLOSED, 1)


@BY_POLICY
def test_a_hanging_probe_does_not_outweigh_one_that_succeeds(policy: dict[str, Any]) -> None:
    """Of two at once one hangs for ever: the breaker opens for it; the other closes."""
    lab = Lab(reset_timeout=10, half_open_max_s=5, max_probes=2, **policy)
    lab.calls("F")
    lab.wait(10)
    lab.admit()
    lab.wait(4)
    other = lab.admit()
    lab.wait(1)
    lab.refuse()
    lab.wait(1)
    lab.report(other, SUCCESS)

    assert [after for _, after, _ in lab.story[2:]] == [OPEN, HALF_OPEN, CLOSED]


@BY_POLICY
@pytest.mark.parametrize("failed", [0, 1], ids=["the hanging one", "the other"])
def test_a_probe_that_fails_after_all_settles_it(policy: dict[str, Any], failed: int) -> None:
    """It is open for a good reason then, and the other one's success comes too late."""
    lab = Lab(reset_timeout=10, half_open_max_s=5, max_probes=2, **policy)
    lab.calls("F")
    lab.wait(10)
    probes = [lab.admit()]
    lab.wait(4)
    probes.append(lab.admit())
    lab.wait(1)
    lab.refuse()
    lab.report(probes[failed], FAILURE)
    lab.report(probes[1 - failed], SUCCESS)

    assert (lab.breaker.state, lab.details["late_results"]) == (OPEN, 2)


def test_an_overdue_probe_that_is_cancelled_or_slow_says_nothing_good() -> None:
    """The breaker stays open."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, max_probes=2, slow_call_s=3)
    lab.trip()
    lab.wait(10)
    cancelled, slow = lab.admit(), lab.admit()
    lab.wait(5)
    lab.refuse()
    lab.report(cancelled, NEUTRAL)
    lab.report(slow, SUCCESS)

    assert (lab.breaker.state, lab.details["late_results"]) == (OPEN, 2)


def test_where_the_rate_decides_an_overdue_probe_is_one_that_failed_until_it_succeeds() -> None:
    """Its place is free at once; of two probes one may fail, and both succeed in the end."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, probe_success_rate=0.75, probe_calls=4)
    lab.trip()
    lab.wait(10)
    stuck = lab.admit()
    lab.wait(5)
    lab.calls("SS")
    before = lab.details["probes_out"], lab.breaker.state
    lab.report(stuck, SUCCESS)

    assert (before, lab.breaker.state) == ((0, HALF_OPEN), CLOSED)


def test_an_opening_for_a_probe_that_succeeds_does_not_make_the_open_time_grow() -> None:
    """That recovery had not failed: the next open time is that of the first failed one."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, success_threshold=2, open_growth=2, open_max_s=100)
    lab.trip()
    lab.wait(10)
    probe = lab.admit()
    lab.wait(5)
    lab.refuse()
    lab.report(probe, SUCCESS)
    lab.calls("F")

    assert lab.details["open_for_s"] == 20


def test_a_quiet_half_open_waits_for_its_probe() -> None:
    """With no probe out there is nothing to give up: the next call is one, however late."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, success_threshold=2)
    lab.trip()
    lab.wait(10)
    lab.calls("S")
    lab.wait(1000)

    assert lab.calls("S") == [(CLOSED, 0)]


def test_a_stuck_probe_is_one_of_those_that_may_fail_where_the_rate_decides() -> None:
    """Counted once, while it is out and not when it returns; its place stays taken."""
    lab = Lab(
        fail_max=1,
        reset_timeout=10,
        probe_success_rate=0.5,
        probe_calls=2,
        max_probes=2,
        slow_call_s=1,
        slow_in_flight=True,
    )
    lab.trip()
    lab.wait(10)
    stuck = lab.admit()
    lab.wait(1)
    other = lab.admit()
    lab.refuse()
    lab.report(stuck, SUCCESS)
    before = lab.breaker.state
    lab.report(other, SUCCESS)

    assert (before, lab.breaker.state) == (HALF_OPEN, CLOSED)


def test_successes_of_a_half_open_that_ended_by_its_time_do_not_count_in_the_next() -> None:
    """Two of three, then a probe is stuck: all three are needed again."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=5, success_threshold=3)
    lab.trip()
    lab.wait(10)
    lab.calls("SS")
    lab.admit()
    lab.wait(5)
    lab.refuse()
    lab.wait(10)

    assert lab.calls("SSS") == [(HALF_OPEN, 0), (HALF_OPEN, 0), (CLOSED, 0)]


def test_without_a_limit_half_open_waits_for_its_probe() -> None:
    """half_open_max_s none: a day later it is still that probe's turn."""
    lab = Lab(fail_max=1, reset_timeout=10, half_open_max_s=None)
    lab.trip()
    lab.wait(10)
    probe = lab.admit()
    lab.wait(86_400)
    refused = lab.refuse()
    lab.report(probe, SUCCESS)

    assert (refused.cause, lab.breaker.state) == ("all probes are out", CLOSED)


def closed_by_a_probe(**settings: float) -> Lab:
    lab = Lab(fail_max=1, reset_timeout=10, ramp_s=20, **settings)
    lab.trip()
    lab.wait(10)
    lab.calls("S")
    return lab


def test_after_closing_the_share_let_through_grows_from_none_to_all() -> None:
    """Nobody at once, half of them after half the time, as the seed says, and everybody at its end."""
    lab = closed_by_a_probe(seed=3)
    draw = random.Random(3).random  # noqa: S311
    draw()  # for the open time

    at_once = [lab.ask() for _ in range(5)]
    expected_at_once = [draw() for _ in at_once]
    lab.wait(10)
    half, share = [isinstance(lab.ask(), Permit) for _ in range(200)], lab.details["let_through"]
    lab.wait(10)
    after = [isinstance(lab.ask(), Permit) for _ in range(5)]

    assert at_once == [Refusal(CLOSED, "ramping up", 0.0, 10.0)] * len(expected_at_once)
    assert (half, share) == ([draw() < 0.5 for _ in range(200)], 0.5)
    assert 80 < sum(half) < 120
    assert (after, lab.details["let_through"], lab.breaker.shared_permit is not None) == ([True] * 5, 1.0, True)


def test_a_failure_while_ramping_counts() -> None:
    """It trips again, and the next ramp begins from nothing."""
    lab = closed_by_a_probe(seed=3)
    lab.now = 29.99
    lab.calls("F")
    lab.wait(10)
    lab.calls("S")

    assert [after for _, after, _ in lab.story] == [OPEN, HALF_OPEN, CLOSED, OPEN, HALF_OPEN, CLOSED]
    assert lab.details["let_through"] == 0


@pytest.mark.parametrize("before", [CLOSED, OPEN, HALF_OPEN])
def test_who_closes_by_hand_wants_no_ramp(before: str) -> None:
    """All calls are let through at once, from whatever state."""
    lab = closed_by_a_probe()
    if before is not CLOSED:
        lab.breaker.force(OPEN, lab.now, Intervention.OPENED, 10)
    if before is HALF_OPEN:
        lab.wait(10)
        lab.admit()

    lab.breaker.force(CLOSED, lab.now, Intervention.OPENED)

    assert (lab.details["let_through"], [isinstance(lab.ask(), Permit) for _ in range(9)]) == (1.0, [True] * 9)


def test_a_slow_call_is_a_failure_from_its_limit_on() -> None:
    """Just under, at, and over a second; a slow failure is one failure."""
    lab = Lab(fail_max=3, slow_call_s=1)

    seen = [lab.slow_call(0.999), lab.slow_call(1), lab.slow_call(5), lab.slow_call(5, FAILURE)]

    assert seen == [(CLOSED, 0), (CLOSED, 1), (CLOSED, 2), (OPEN, 3)]


def test_a_slow_call_that_was_cancelled_says_nothing() -> None:
    """Its caller hung up, whatever the time."""
    lab = Lab(fail_max=1, slow_call_s=1)

    assert lab.slow_call(5, NEUTRAL) == (CLOSED, 0)


def test_a_slow_probe_does_not_close() -> None:
    """It succeeded too late: open again, and the cause says so; one that failed is said to have failed."""
    lab = Lab(fail_max=1, reset_timeout=10, slow_call_s=1)
    lab.trip()
    for verdict in (SUCCESS, FAILURE):
        lab.wait(10)
        lab.slow_call(1, verdict)

    assert lab.story[2::2] == [(11.0, OPEN, "probe was slow"), (22.0, OPEN, "probe failed")]


def test_stuck_calls_trip_before_they_return() -> None:
    """Three calls hang; the next caller after a second is refused. What becomes of the three is late."""
    lab = Lab(fail_max=3, slow_call_s=1, slow_in_flight=True)
    stuck = []
    for _ in range(3):
        stuck.append(lab.admit())
        lab.wait(0.25)
    lab.wait(0.25)
    seen = [isinstance(lab.ask(), Permit)]  # one of them is slow
    lab.wait(0.25)
    seen.append(isinstance(lab.ask(), Permit))  # two
    lab.wait(0.25)
    seen.append(isinstance(lab.ask(), Permit))
    for permit in stuck:
        lab.report(permit, FAILURE)

    assert seen == [True, True, False]
    assert lab.transitions == [Transition(1.5, CLOSED, OPEN, "fail_max reached", 3)]
    assert lab.details["late_results"] == 3


def test_a_result_finds_the_stuck_calls_of_others() -> None:
    """A success comes back while two hang: they are counted first, and the success is late."""
    lab = Lab(fail_max=2, slow_call_s=1, slow_in_flight=True)
    lab.admit()
    lab.admit()
    lab.wait(0.5)
    quick = lab.admit()
    lab.wait(0.5)
    lab.report(quick, SUCCESS)

    assert lab.transitions == [Transition(1.0, CLOSED, OPEN, "fail_max reached", 2)]


def test_a_stuck_call_that_fails_at_last_is_one_failure() -> None:
    """It was counted when it became slow."""
    lab = Lab(fail_max=3, slow_call_s=1, slow_in_flight=True)
    stuck = lab.admit()
    lab.wait(1)
    lab.report(lab.admit(), NEUTRAL)
    counted = lab.breaker.fail_count
    lab.report(stuck, FAILURE)

    assert (counted, lab.breaker.fail_count) == (1, 1)


def test_a_stuck_probe_ends_half_open_once_it_is_slow() -> None:
    """Long before half_open_max_s, where slow calls count in flight; else not."""
    stories = []
    for in_flight in (True, False):
        lab = Lab(fail_max=1, reset_timeout=10, slow_call_s=1, slow_in_flight=in_flight)
        lab.trip()
        lab.wait(10)
        lab.admit()
        lab.wait(1)
        lab.refuse()
        stories.append(lab.story[2:])

    assert stories == [[(11.0, OPEN, "probe was slow")], []]


@pytest.mark.parametrize("policy", ["consecutive", "count_window", "time_window"])
@pytest.mark.parametrize("end", [SUCCESS, FAILURE, NEUTRAL])
def test_nothing_is_kept_of_calls_that_have_ended(policy: str, end: str) -> None:
    """A hundred slow calls, counted in flight, between quick ones: no trace of each, so memory is bounded."""
    rates = {"fail_max": 2} if policy == "consecutive" else {"failure_rate": 1, "slow_call_rate": 1, "min_calls": 2}
    lab = Lab(policy=policy, slow_call_s=1, slow_in_flight=True, **rates)
    for _ in range(100):
        lab.slow_call(0)
        slow = lab.admit()
        lab.wait(1)
        lab.report(lab.admit(), SUCCESS)
        lab.report(slow, end)

    kept = {name: len(value) for name, value in vars(lab.breaker).items() if isinstance(value, dict)}
    assert (lab.transitions, kept) == ([], dict.fromkeys(kept, 0))
    assert kept
