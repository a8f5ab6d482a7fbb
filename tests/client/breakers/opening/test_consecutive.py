"""The consecutive breaker: every rule by example. Time is a number that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pybreaker
import pytest

from client.breakers.interface import Intervention, Permit, Refusal, Transition
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, HALF_OPEN, NEUTRAL, OPEN, SUCCESS, Lab


def test_the_documents_sequence_trips_at_its_ninth_request() -> None:
    """S F F S F F F F F with fail_max=5: the reference document's experiment 1, count by count."""
    lab = Lab(fail_max=5, reset_timeout=30)

    seen = lab.calls("SFFSFFFFF")

    assert seen == [
        (CLOSED, 0),
        (CLOSED, 1),
        (CLOSED, 2),
        (CLOSED, 0),
        (CLOSED, 1),
        (CLOSED, 2),
        (CLOSED, 3),
        (CLOSED, 4),
        (OPEN, 5),
    ]
    assert lab.transitions == [Transition(0.0, CLOSED, OPEN, "fail_max reached", 5)]


def test_a_whole_round_tells_every_transition() -> None:
    """Closed, open, half-open, open again, half-open, closed: times, causes and counts."""
    lab = Lab(fail_max=2, reset_timeout=10)
    lab.wait(1)
    lab.trip()
    lab.wait(10)
    lab.calls([FAILURE])
    lab.wait(12)
    lab.calls([SUCCESS])

    assert lab.transitions == [
        Transition(1.0, CLOSED, OPEN, "fail_max reached", 2),
        Transition(11.0, OPEN, HALF_OPEN, "reset_timeout elapsed", 2),
        Transition(11.0, HALF_OPEN, OPEN, "probe failed", 3),
        Transition(23.0, OPEN, HALF_OPEN, "reset_timeout elapsed", 3),
        Transition(23.0, HALF_OPEN, CLOSED, "probe succeeded", 0),
    ]


def test_open_ends_exactly_at_reset_timeout() -> None:
    """Just before, a refusal that knows what is left; at the very moment, a probe."""
    lab = Lab(fail_max=1, reset_timeout=30)
    lab.wait(100)
    lab.trip()

    refusals = []
    for wait_s in (0, 10, 19.5):
        lab.wait(wait_s)
        refusals.append(lab.refuse())
    lab.wait(0.5)

    assert refusals == [
        Refusal(OPEN, "open", 30.0, 100.0),
        Refusal(OPEN, "open", 20.0, 100.0),
        Refusal(OPEN, "open", 0.5, 100.0),
    ]
    permit = lab.admit()
    assert (permit.state, permit.generation, permit.at) == (HALF_OPEN, 2, 130.0)


def test_asking_while_open_does_not_make_it_longer() -> None:
    """A thousand refusals later the probe still comes at its time."""
    lab = Lab(fail_max=1, reset_timeout=10)
    lab.trip()
    for _ in range(1000):
        lab.wait(0.009)
        lab.refuse()
    lab.wait(1)

    assert lab.admit().state is HALF_OPEN


@pytest.mark.parametrize("max_probes", [1, 3])
def test_half_open_admits_exactly_max_probes_at_once(max_probes: int) -> None:
    """Eight callers at the same moment: so many probes, and all others are refused."""
    lab = Lab(fail_max=1, reset_timeout=10, max_probes=max_probes)
    lab.trip()
    lab.wait(10)

    answers = [lab.breaker.admit(lab.now) for _ in range(8)]

    assert [isinstance(each, Permit) for each in answers[:max_probes]] == [True] * max_probes
    assert answers[max_probes:] == [Refusal(HALF_OPEN, "all probes are out", 0.0, 10.0)] * (8 - max_probes)


def test_a_probe_that_comes_back_makes_room_for_the_next() -> None:
    """With success_threshold=3 and one probe at once: one after the other."""
    lab = Lab(fail_max=1, reset_timeout=10, success_threshold=3)
    lab.trip()
    lab.wait(10)

    seen = lab.calls([SUCCESS, SUCCESS, SUCCESS])

    assert seen == [(HALF_OPEN, 0), (HALF_OPEN, 0), (CLOSED, 0)]


def test_success_threshold_starts_again_after_a_failed_probe() -> None:
    """Two of three succeeded before the failure; all three are needed again."""
    lab = Lab(fail_max=1, reset_timeout=10, success_threshold=3)
    lab.trip()
    lab.wait(10)
    first = lab.calls([SUCCESS, SUCCESS, FAILURE])
    lab.wait(10)
    second = lab.calls([SUCCESS, SUCCESS, SUCCESS])

    assert (first, second) == (
        [(HALF_OPEN, 0), (HALF_OPEN, 0), (OPEN, 1)],
        [(HALF_OPEN, 0), (HALF_OPEN, 0), (CLOSED, 0)],
    )


def test_a_cancelled_probe_returns_its_permit() -> None:
    """A probe whose caller hung up says nothing; the next caller probes, and half-open is not stuck."""
    lab = Lab(fail_max=1, reset_timeout=10)
    lab.trip()
    lab.wait(10)

    seen = lab.calls([NEUTRAL, NEUTRAL, SUCCESS])

    assert seen == [(HALF_OPEN, 1), (HALF_OPEN, 1), (CLOSED, 0)]


def test_a_neutral_result_neither_counts_nor_resets_the_streak() -> None:
    """Failures in a row stay in a row around results that say nothing."""
    lab = Lab(fail_max=3)

    seen = lab.calls([FAILURE, NEUTRAL, FAILURE, NEUTRAL, NEUTRAL, FAILURE])

    assert seen == [(CLOSED, 1), (CLOSED, 1), (CLOSED, 2), (CLOSED, 2), (CLOSED, 2), (OPEN, 3)]


def test_late_failures_do_not_make_open_longer() -> None:
    """Calls let through while closed that fail after the trip: the moment of opening stays."""
    lab = Lab(fail_max=1, reset_timeout=10)
    slow = [lab.admit(), lab.admit()]
    lab.trip()
    lab.wait(9)
    for permit in slow:
        lab.report(permit, FAILURE)

    assert (lab.refuse(), lab.breaker.fail_count, lab.transitions) == (
        Refusal(OPEN, "open", 1.0, 0.0),
        1,
        [Transition(0.0, CLOSED, OPEN, "fail_max reached", 1)],
    )


def test_a_late_success_does_not_close() -> None:
    """Neither while open nor in half-open, where only a probe's success counts."""
    lab = Lab(fail_max=1, reset_timeout=10)
    slow = [lab.admit(), lab.admit()]
    lab.trip()
    lab.report(slow[0], SUCCESS)
    while_open = lab.breaker.state
    lab.wait(10)
    lab.admit()
    lab.report(slow[1], SUCCESS)

    assert (while_open, lab.breaker.state, lab.refuse().cause) == (OPEN, HALF_OPEN, "all probes are out")
    assert lab.details["late_results"] == 2


def test_a_probe_of_an_earlier_half_open_changes_nothing() -> None:
    """Two probes; one fails and opens again; the other one comes back in the next half-open."""
    lab = Lab(fail_max=1, reset_timeout=10, max_probes=2)
    lab.trip()
    lab.wait(10)
    first, second = lab.admit(), lab.admit()
    lab.report(first, FAILURE)
    lab.wait(10)
    lab.admit()
    lab.report(second, SUCCESS)

    assert lab.breaker.state is HALF_OPEN
    assert lab.details == {
        "held_open": False,
        "next_call_probes": False,
        "retry_after_s": 0.0,
        "open_for_s": 0.0,
        "probes_out": 1,
        "probe_successes": 0,
        "late_results": 1,
        "let_through": None,
    }


def test_a_failure_of_before_the_trip_does_not_count_after_closing() -> None:
    """A new closed time starts from zero, whoever still fails from the old one."""
    lab = Lab(fail_max=2, reset_timeout=10)
    slow = lab.admit()
    lab.trip()
    lab.wait(10)
    lab.calls([SUCCESS])
    lab.report(slow, FAILURE)

    assert (lab.breaker.state, lab.breaker.fail_count) == (CLOSED, 0)


def test_forced_open_for_a_time_counts_from_zero() -> None:
    """By hand like by failures, except that nothing was counted; permits of before no longer count."""
    lab = Lab(fail_max=3, reset_timeout=10)
    lab.calls([FAILURE, FAILURE])
    slow = lab.admit()
    lab.wait(5)
    lab.breaker.force(OPEN, lab.now, Intervention.OPENED, 10)
    lab.report(slow, FAILURE)
    lab.wait(4)
    refusal = lab.refuse()
    lab.wait(6)
    lab.calls([SUCCESS])

    assert refusal == Refusal(OPEN, "open", 6.0, 5.0)
    assert lab.transitions == [
        Transition(5.0, CLOSED, OPEN, "open by hand", 0),
        Transition(15.0, OPEN, HALF_OPEN, "reset_timeout elapsed", 0),
        Transition(15.0, HALF_OPEN, CLOSED, "probe succeeded", 0),
    ]


def test_a_pause_forgets_the_failures_before_it() -> None:
    """Four failures, an hour of silence, one failure: no outage. With a second less it is one; the snapshot knows."""
    lab, busy, never = Lab(forget_after_s=3600), Lab(forget_after_s=3600), Lab()
    for each, pause_s in ((lab, 3600), (busy, 3599), (never, 86_400)):
        each.calls("FFFF")
        each.wait(pause_s)
    shown = lab.details["fail_count"], busy.details.get("fail_count", busy.breaker.fail_count)

    assert shown == (0, 4)
    assert [lab.calls("F"), busy.calls("F"), never.calls("F")] == [[(CLOSED, 1)], [(OPEN, 5)], [(OPEN, 5)]]


def test_each_failure_begins_the_pause_anew() -> None:
    """Five failures, each 50 s after the one before, are a row where a minute forgets."""
    lab = Lab(forget_after_s=60)
    for _ in range(5):
        lab.wait(50)
        lab.calls("F")

    assert lab.breaker.state is OPEN


def test_forced_closed_forgets_the_failures() -> None:
    """From open, from half-open with a probe out, and from closed with a streak."""
    lab = Lab(fail_max=2, reset_timeout=10)
    lab.trip()
    lab.breaker.force(CLOSED, lab.now, Intervention.CLOSED)
    lab.trip()
    lab.wait(10)
    probe = lab.admit()
    lab.breaker.force(CLOSED, lab.now, Intervention.CLOSED)
    lab.report(probe, FAILURE)
    after_probe = lab.breaker.fail_count
    lab.calls([FAILURE])
    lab.breaker.force(CLOSED, lab.now, Intervention.RESET)

    assert (after_probe, lab.breaker.state, lab.breaker.fail_count) == (0, CLOSED, 0)
    assert lab.calls([FAILURE, FAILURE]) == [(CLOSED, 1), (OPEN, 2)]


def test_the_snapshots_details_follow_the_probes() -> None:
    """What the dashboard shows of each state."""
    lab = Lab(fail_max=1, reset_timeout=10, success_threshold=2, max_probes=2)
    seen = [lab.details]
    lab.trip()
    lab.wait(4)
    seen.append(lab.details)
    lab.wait(100)
    seen.append(lab.details)
    lab.calls([SUCCESS])
    lab.admit()
    seen.append(lab.details)

    names = (
        *("held_open", "next_call_probes", "retry_after_s", "open_for_s"),
        *("probes_out", "probe_successes", "late_results", "let_through"),
    )
    assert [tuple(each[name] for name in names) for each in seen] == [
        (False, False, 0.0, 0.0, 0, 0, 0, 1.0),
        (False, False, 6.0, 10.0, 0, 0, 0, 0.0),
        (False, True, 0.0, 10.0, 0, 0, 0, 0.0),
        (False, False, 0.0, 0.0, 1, 1, 0, None),
    ]
    assert {len(each) for each in seen} == {len(names)}


def test_the_wall_clock_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own clock jumps a year to and fro at each look; only the time that is handed in counts."""

    class Jumping(datetime):
        looks = 0

        @classmethod
        def now(cls, _: Any = None) -> Self:
            cls.looks += 1
            return cls(2026, 1, 1, tzinfo=UTC) + timedelta(days=365) * (-1) ** cls.looks

    monkeypatch.setattr(pybreaker, "datetime", Jumping)
    lab = Lab(fail_max=1, reset_timeout=10)
    lab.trip()
    lab.wait(9)
    lab.refuse()
    lab.wait(1)
    lab.calls([FAILURE])
    lab.wait(9)
    lab.refuse()
    lab.wait(1)
    lab.calls([SUCCESS])

    assert [(each.at, each.after) for each in lab.transitions] == [
        (0.0, OPEN),
        (10.0, HALF_OPEN),
        (10.0, OPEN),
        (20.0, HALF_OPEN),
        (20.0, CLOSED),
    ]


def test_a_reset_while_closed_forgets_but_is_no_transition() -> None:
    """Nothing has changed its state, so no transition is reported."""
    lab = Lab(fail_max=5)
    lab.calls([FAILURE, FAILURE])
    lab.breaker.force(CLOSED, lab.now, Intervention.RESET)

    assert (lab.breaker.fail_count, lab.transitions) == (0, [])
