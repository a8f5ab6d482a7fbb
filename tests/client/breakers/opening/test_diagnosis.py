"""Why a breaker does not open though calls fail: as the breaker itself says it, and from results alone."""

from __future__ import annotations

from typing import Any

import pytest

from client.breakers import policies
from client.breakers.interface import CallResult
from client.breakers.settings import breaker_settings
from tests.client.breakers.breaker_lab import Lab

FIVE = "at most 5 calls in 10 s, min_calls 20 is out of reach"
TWENTY = {"policy": "time_window", "reset_timeout": 10}
AGING = {"policy": "count_window", "forget_after_s": 10, "reset_timeout": 10}


def diagnosis(lab: Lab) -> str | None:
    return lab.details["diagnosis"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("policy", [TWENTY, AGING], ids=str)
def test_a_window_that_never_fills_is_told_after_its_first_length(policy: dict[str, Any]) -> None:
    """A call in two seconds: five in 10 s; before that nobody knows how many there will be."""
    lab = Lab(**policy)
    seen = []
    for _ in range(6):
        lab.calls("F")
        lab.wait(2)
        seen.append(diagnosis(lab))

    assert seen == [None] * 4 + [FIVE] * 2


@pytest.mark.parametrize("policy", [TWENTY, AGING], ids=str)
def test_it_is_no_finding_where_nothing_fails_or_the_window_was_full_once(policy: dict[str, Any]) -> None:
    """Few calls that succeed need no breaker; after a busy time it is known to be able to open."""
    quiet, busy = Lab(**policy), Lab(**policy)
    busy.calls("S" * 20)
    for _ in range(20):
        quiet.calls("S")
        busy.calls("F")
        quiet.wait(2)
        busy.wait(2)

    assert (diagnosis(quiet), busy.transitions, diagnosis(busy)) == (None, [], None)


def test_what_was_seen_is_of_the_settings_in_force() -> None:
    """With min_calls 5 it can open; back at 20 it takes another 10 s to know; reset begins anew, too."""
    lab = Lab(**TWENTY)
    for _ in range(6):
        lab.calls("FS")
        lab.wait(4)
    seen = [diagnosis(lab)]
    lab.change(**TWENTY, min_calls=4)
    seen.append(diagnosis(lab))
    lab.change(**TWENTY)
    seen.append(diagnosis(lab))
    for _ in range(3):
        lab.calls("FS")
        lab.wait(4)
    seen.append(diagnosis(lab))

    assert seen == ["at most 6 calls in 10 s, min_calls 20 is out of reach", None, None, seen[0]]


def test_a_count_window_that_keeps_its_calls_fills_in_the_end() -> None:
    """Nothing is out of reach, however seldom they come."""
    lab = Lab(policy="count_window")
    for _ in range(19):
        lab.calls("F")
        lab.wait(3600)

    assert diagnosis(lab) is None


SELDOM = [CallResult(2.0 * number, number > 3) for number in range(30)]
BURSTS = [CallResult(10.0 * number + each, each < 3) for number in range(5) for each in range(8)]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"policy": "time_window"}, FIVE),
        ({"policy": "count_window", "forget_after_s": 10}, FIVE),
        (
            {"policy": "time_window", "min_calls": 5, "failure_rate": 1},
            "at most 100% of the calls in the window failed",
        ),
        ({"policy": "count_window", "min_calls": 31}, "at most 30 calls, min_calls 31 is out of reach"),
        ({"fail_max": 99}, "at most 26 failures in a row, fail_max 99"),
        (
            {"fail_max": 5, "forget_after_s": 2},
            "at most 1 failure in a row with less than 2 s between them, fail_max 5",
        ),
        ({"policy": "failures_in_time", "max_failures": 6}, "at most 5 failures in 10 s, max_failures 6"),
        ({"policy": "throttle", "throttle_k": 2}, None),  # by chance alone: every call failed
        ({"policy": "adaptive"}, None),
        ({"policy": "off"}, None),
        ({"policy": "forced_open"}, None),
    ],
    ids=str,
)
def test_the_results_alone_tell_why(chosen: dict[str, Any], said: str | None) -> None:
    """A call in two seconds, of which all but the first four fail."""
    found = policies()[chosen.get("policy", "consecutive")].explain_no_refusal(breaker_settings(**chosen), [SELDOM])

    assert (found or "").startswith(said or "")
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({}, "at most 3 failures in a row, fail_max 5"),
        ({"policy": "failures_in_time"}, "at most 3 failures in 10 s, max_failures 5"),
        ({"policy": "time_window", "min_calls": 5}, "at most 60% of the calls in the window failed, failure_rate 70%"),
        ({"policy": "throttle"}, "at most 1.6 requests for each accepted one, throttle_k 2"),
    ],
    ids=str,
)
def test_what_came_closest_in_any_of_several_runs(chosen: dict[str, Any], said: str) -> None:
    """Three failures, five successes, over and over; the second run is quieter, and no row goes on from run to run."""
    policy = chosen.get("policy", "consecutive")
    if policy == "time_window":
        chosen = {**chosen, "failure_rate": 0.7}
    if policy == "throttle":
        runs = [[CallResult(0.1 * each, each >= 5) for each in range(8)], [CallResult(0.0, False)]]
    else:
        runs = [BURSTS, [CallResult(0.0, True), CallResult(1.0, True), CallResult(2.0, False)]]

    assert policies()[policy].explain_no_refusal(breaker_settings(**chosen), runs) == said


SLOW = {"slow_call_s": 1}


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"policy": "time_window", "slow_call_rate": 0.5}, FIVE),
        (
            {"policy": "time_window", "min_calls": 5, "slow_call_rate": 1},
            "at most 80% of the calls in the window were slow, slow_call_rate 100%",
        ),
        ({"fail_max": 99}, "at most 2 failures in a row, fail_max 99"),
        ({"policy": "failures_in_time", "max_failures": 6}, "at most 4 failures in 10 s, max_failures 6"),
    ],
    ids=str,
)
def test_slow_calls_count_as_they_do_in_the_breaker(chosen: dict[str, Any], said: str) -> None:
    """A call in two seconds, no failure, and two of three are slow."""
    runs = [[CallResult(2.0 * number, False, slow=number % 3 != 0) for number in range(30)]]
    policy = policies()[chosen.get("policy", "consecutive")]

    assert policy.explain_no_refusal(breaker_settings(**SLOW, **chosen), runs) == said


@pytest.mark.parametrize("policy", ["consecutive", "count_window", "time_window", "failures_in_time", "throttle"])
def test_nothing_failed_is_no_finding(policy: str) -> None:
    """There is nothing to explain."""
    assert (
        policies()[policy].explain_no_refusal(breaker_settings(policy=policy), [[CallResult(0.0, False)], []]) is None
    )
