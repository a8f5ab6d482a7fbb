"""The two policies that look back on a window, by example."""

from __future__ import annotations

from typing import Any

import pytest

from client.breakers.interface import Intervention, Transition
from client.breakers.window import CountWindow, TimeWindow
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, HALF_OPEN, OPEN, SUCCESS, Lab

BOTH = pytest.mark.parametrize("policy", ["count_window", "time_window"])


def window(lab: Lab) -> tuple[int, int, int]:
    """Return calls, failures and slow ones that are looked back on."""
    counts = lab.details["window"]
    return counts["calls"], counts["failures"], counts["slow"]


@BOTH
def test_a_rate_equal_to_its_threshold_trips(policy: str) -> None:
    """Half of ten calls, the tenth is the first that is believed; the cause says the figures."""
    lab = Lab(policy=policy, failure_rate=0.5, min_calls=10)

    seen = lab.calls("FFFFFSSSSS")

    assert seen == [(CLOSED, count) for count in (1, 2, 3, 4, 5, 5, 5, 5, 5)] + [(OPEN, 5)]
    assert lab.transitions == [Transition(0.0, CLOSED, OPEN, "failure rate 50%: 5 of 10 calls", 5)]


@BOTH
def test_a_rate_just_below_its_threshold_does_not_trip(policy: str) -> None:
    """Nine failures of 19 calls; the tenth makes it half."""
    lab = Lab(policy=policy, failure_rate=0.5, min_calls=19)

    assert lab.calls("F" * 9 + "S" * 10)[-1] == (CLOSED, 9)
    assert lab.calls("F") == [(OPEN, 10)]


@BOTH
@pytest.mark.parametrize(("rate", "failures", "calls"), [(0.07, 7, 100), (0.1, 3, 30), (0.28, 14, 50), (0.57, 57, 100)])
def test_a_rate_that_no_computer_can_write_down_is_met_all_the_same(
    policy: str, rate: float, failures: int, calls: int
) -> None:
    """0.07 x 100 is a little more than 7: seven failures of a hundred calls are 7 %."""
    lab = Lab(policy=policy, failure_rate=rate, min_calls=calls)

    seen = lab.calls("F" * failures + "S" * (calls - failures))

    assert [state for state, _ in seen] == [CLOSED] * (calls - 1) + [OPEN]


@BOTH
def test_slow_calls_trip_at_their_own_rate(policy: str) -> None:
    """Three of four are slow, none has failed: nothing less than the last one trips."""
    lab = Lab(policy=policy, failure_rate=1, min_calls=4, slow_call_s=1, slow_call_rate=0.75)

    seen = [lab.slow_call(seconds)[0] for seconds in (0.999, 1, 1, 1)]

    assert seen == [CLOSED, CLOSED, CLOSED, OPEN]
    assert lab.transitions == [Transition(3.999, CLOSED, OPEN, "slow-call rate 75%: 3 of 4 calls", 0)]


@BOTH
def test_neutral_results_are_not_looked_back_on(policy: str) -> None:
    """A cancelled call neither fills the window nor thins the rate."""
    lab = Lab(policy=policy, failure_rate=1, min_calls=2)

    assert lab.calls("NNFNF") == [(CLOSED, 0), (CLOSED, 0), (CLOSED, 1), (CLOSED, 1), (OPEN, 2)]


@BOTH
def test_closing_begins_an_empty_window(policy: str) -> None:
    """The failures that tripped are forgotten, by a probe's success and by hand."""
    lab = Lab(policy=policy, failure_rate=1, min_calls=2, reset_timeout=1)
    lab.calls("FF")
    while_open = window(lab)
    lab.wait(1)
    lab.calls("S")
    closed = window(lab), lab.breaker.fail_count
    lab.calls("F")
    lab.breaker.force(CLOSED, lab.now, Intervention.OPENED)

    assert (while_open, closed, window(lab), lab.breaker.fail_count) == ((2, 2, 0), ((0, 0, 0), 0), (0, 0, 0), 0)


@BOTH
def test_a_failed_probe_opens_without_any_rate(policy: str) -> None:
    """In half-open the window is not asked."""
    lab = Lab(policy=policy, failure_rate=1, min_calls=2, reset_timeout=1)
    lab.calls("FF")
    lab.wait(1)

    assert lab.calls("F") == [(OPEN, 2)]
    assert lab.story[1:] == [(1.0, HALF_OPEN, "reset_timeout elapsed"), (1.0, OPEN, "probe failed")]


def test_a_count_window_forgets_the_oldest_call() -> None:
    """Four places: each new call takes that of the one four calls ago, however long that was."""
    lab = Lab(policy="count_window", window_calls=4, min_calls=4, failure_rate=1)
    seen = []
    for letter in "FFSFFFSSS":
        lab.calls(letter)
        lab.wait(10_000)
        seen.append(window(lab))

    assert seen == [(1, 1, 0), (2, 2, 0), (3, 2, 0), (4, 3, 0), (4, 3, 0), (4, 3, 0), (4, 3, 0), (4, 2, 0), (4, 1, 0)]


def test_a_time_window_forgets_a_tenth_of_its_span_at_once() -> None:
    """10 s: a call of second 0.5 is looked back on until second 10, one of second 1 until second 11."""
    lab = Lab(policy="time_window", window_s=10)
    lab.now = 0.5
    lab.calls("F")
    lab.now = 1
    lab.calls("S")
    seen = []
    for now in (9.999, 10, 10.999, 11, 1000):
        lab.now = now
        seen.append(window(lab))

    assert seen == [(2, 1, 0), (1, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)]


def test_a_time_window_begins_at_any_time_of_the_clock() -> None:
    """30,000 years after its start: the first call is looked back on like any other, and nobody steps through them."""
    lab = Lab(policy="time_window", window_s=10)
    lab.now = 1e12 + 0.5
    lab.calls("FS")
    seen = [window(lab)]
    for wait_s in (9, 0.5):
        lab.wait(wait_s)
        seen.append(window(lab))

    assert seen == [(2, 1, 0), (2, 1, 0), (0, 0, 0)]


def test_failures_that_are_too_old_do_not_trip() -> None:
    """Nine failures a minute ago and one now are one failure in ten seconds."""
    lab = Lab(policy="time_window", window_s=10, min_calls=10, failure_rate=0.5)
    lab.calls("F" * 9)
    lab.wait(60)

    assert lab.calls("FSSSSSSSSS")[-1] == (CLOSED, 1)


SLOW: dict[str, Any] = {"slow_call_s": 1, "slow_call_rate": 1, "slow_in_flight": True, "failure_rate": 1}


@BOTH
def test_stuck_calls_trip_before_they_return(policy: str) -> None:
    """Three calls hang: the next caller a second later is refused, and nobody has returned yet."""
    lab = Lab(policy=policy, min_calls=3, **SLOW)
    for _ in range(3):
        lab.admit()
    lab.wait(1)

    assert (lab.refuse().cause, lab.transitions) == (
        "open",
        [Transition(1.0, CLOSED, OPEN, "slow-call rate 100%: 3 of 3 calls", 0)],
    )


def test_a_window_of_calls_forgets_those_that_are_too_old() -> None:
    """Each by itself, at its age: what is left does not reach min_calls."""
    lab = Lab(policy="count_window", window_calls=4, min_calls=3, failure_rate=1.0, forget_after_s=10)
    lab.calls("F")
    lab.wait(9)
    lab.calls("F")
    lab.wait(1)
    seen = lab.details["window"]["calls"], lab.details["fail_count"], lab.calls("F")
    lab.wait(8)
    lab.calls("F")

    assert (seen, lab.breaker.state) == ((1, 1, [(CLOSED, 2)]), OPEN)


def test_a_late_failure_of_a_call_that_has_been_forgotten_does_not_count() -> None:
    """It was counted as slow while it was under way, 10 s before it failed."""
    lab = Lab(
        policy="count_window", min_calls=1, forget_after_s=10, slow_call_s=1, slow_call_rate=1.0, slow_in_flight=True
    )
    stuck = lab.admit()
    lab.calls("S")
    lab.wait(1)
    lab.calls("S")
    lab.wait(10)
    lab.report(stuck, FAILURE)

    assert (lab.breaker.state, lab.details["window"]) == (CLOSED, {"calls": 0, "failures": 0, "slow": 0})


@BOTH
def test_nothing_is_kept_of_stuck_calls_that_return_too_late(policy: str) -> None:
    """They tripped it; once it has closed again, memory knows none of them."""
    lab = Lab(policy=policy, min_calls=3, reset_timeout=10, **SLOW)
    stuck = [lab.admit() for _ in range(3)]
    lab.wait(1)
    lab.refuse()
    for permit in stuck:
        lab.report(permit, FAILURE)
    lab.wait(10)
    lab.calls("S")

    assert lab.breaker.state is CLOSED
    assert [len(value) for value in vars(lab.breaker).values() if isinstance(value, dict)] == [0, 0]
    assert lab.details["probes_out"] == 0


def test_a_success_takes_the_place_of_a_failure_in_either_window() -> None:
    """The short way in, which a policy takes where it knows of no failure, is right where there are some."""
    of_calls, of_seconds = CountWindow(3), TimeWindow(3)
    for number in range(3):
        of_calls.add(0, failed=number > 0, slow=number > 1)
        of_seconds.add(0, failed=number > 0, slow=number > 1)
    seen = []
    for _ in range(3):
        of_calls.succeed(1)
        seen.append((of_calls.calls, of_calls.failures, of_calls.slow))
    of_seconds.succeed(1)
    seen.append((of_seconds.calls, of_seconds.failures, of_seconds.slow))
    of_seconds.succeed(3)
    seen.append((of_seconds.calls, of_seconds.failures, of_seconds.slow))

    assert seen == [(3, 2, 1), (3, 1, 1), (3, 0, 0), (4, 2, 1), (2, 0, 0)]


@BOTH
def test_a_stuck_call_that_fails_at_last_is_the_same_call(policy: str) -> None:
    """It was counted as slow; now it is slow and failed, and still one. A success changes nothing."""
    lab = Lab(policy=policy, min_calls=50, **SLOW)
    stuck = [lab.admit(), lab.admit(), lab.admit()]
    lab.wait(1)
    lab.calls("S")
    seen = [window(lab)]
    for permit, verdict in zip(stuck, (FAILURE, SUCCESS, FAILURE), strict=True):
        lab.report(permit, verdict)
        seen.append(window(lab))

    assert (seen, lab.breaker.fail_count) == ([(4, 0, 3), (4, 1, 3), (4, 1, 3), (4, 2, 3)], 2)


@BOTH
def test_the_late_failure_of_a_stuck_call_may_trip(policy: str) -> None:
    """Amended, it makes the failure rate what it has to be."""
    lab = Lab(policy=policy, min_calls=2, slow_call_s=1, slow_call_rate=1, slow_in_flight=True, failure_rate=0.5)
    stuck = lab.admit()
    lab.wait(1)
    lab.calls("S")
    lab.report(stuck, FAILURE)

    assert lab.transitions == [Transition(1.0, CLOSED, OPEN, "failure rate 50%: 1 of 2 calls", 1)]


def test_a_stuck_call_that_the_window_has_forgotten_is_not_amended() -> None:
    """Neither after as many newer calls as there are places, nor after the span; just before, it is."""
    seen = []
    for newer in (3, 4):
        lab = Lab(policy="count_window", window_calls=4, min_calls=4, **SLOW)
        stuck = lab.admit()
        lab.wait(1)
        lab.calls("S" * newer)
        lab.report(stuck, FAILURE)
        seen.append(window(lab))
    for later_s in (9.999, 10):
        lab = Lab(policy="time_window", window_s=10, **SLOW)
        stuck = lab.admit()
        lab.wait(1)
        lab.calls("S")
        lab.wait(later_s)
        lab.report(stuck, FAILURE)
        seen.append(window(lab))

    assert seen == [(4, 1, 1), (4, 0, 0), (2, 1, 1), (0, 0, 0)]


@pytest.mark.parametrize("span_s", [0.1, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 6, 7, 12])
def test_a_time_window_forgets_calls_at_the_very_edges_of_its_buckets(span_s: float) -> None:
    """Where a time that is the end of a bucket divides to a little less than the number of the next one."""
    window = TimeWindow(span_s)
    most = 0
    for number in range(300):
        window.add(number * window.step_s, failed=number % 2 == 0, slow=False)
        most = max(most, window.calls)
    window.roll(1000 * span_s)

    assert most <= 11
    assert (window.calls, window.failures, window.slow) == (0, 0, 0)
