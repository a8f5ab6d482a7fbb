"""Client-side throttling by example: the formula, and what counts."""

from __future__ import annotations

import random

import pytest

from client.breakers.interface import Intervention, NoBreakerError, Permit, Refusal
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, OPEN, SUCCESS, Lab


def counted(k: float, accepted: int, failed: int) -> Lab:
    """Make a throttle that has seen so many calls end."""
    lab = Lab(policy="throttle", throttle_k=k, seed=1)
    for verdict in [SUCCESS] * accepted + [FAILURE] * failed:
        lab.report(lab.breaker._permit, verdict)  # whether asked or not
    return lab


@pytest.mark.parametrize(
    ("k", "accepted", "failed", "refused"),
    [
        (2, 0, 0, 0),
        (2, 10, 0, 0),
        (2, 10, 10, 0),  # twice as many requests as accepts: just not yet
        (2, 10, 11, 1 / 22),
        (2, 1, 9, 8 / 11),
        (2, 0, 9, 9 / 10),
        (1, 10, 10, 10 / 21),
        (1.1, 10, 10, 9 / 21),
        (100, 1, 98, 0),
    ],
)
def test_the_share_refused_is_that_of_the_book(k: float, accepted: int, failed: int, refused: float) -> None:
    """max(0, (requests - K x accepts) / (requests + 1)), worked out by hand."""
    details = counted(k, accepted, failed).details

    assert details["let_through"] == pytest.approx(1 - refused)
    assert details["window"] == {"requests": accepted + failed, "accepts": accepted}


def test_each_call_is_refused_with_the_probability_of_its_moment() -> None:
    """A refusal is a request, too: the next call's chances are worse. Draw for draw as the seed says."""
    lab = counted(2, 2, 6)
    draw = random.Random(1).random  # noqa: S311
    requests, expected = 8, []
    for _ in range(30):
        expected.append(draw() < (requests - 4) / (requests + 1))
        requests += expected[-1]

    seen = [lab.ask() for _ in range(30)]

    assert [not isinstance(each, Permit) for each in seen] == expected
    assert (lab.breaker.fail_count, lab.details["window"]) == (requests - 2, {"requests": requests, "accepts": 2})
    assert next(each for each in seen if isinstance(each, Refusal)) == Refusal(CLOSED, "throttled", 0.0, 0.0)


def test_calls_under_way_are_no_requests_yet() -> None:
    """A thousand first calls at once: nobody is refused before a single answer is known."""
    lab = Lab(policy="throttle")

    permits = [lab.admit() for _ in range(1000)]
    lab.report(permits[0], FAILURE)

    assert lab.details["window"] == {"requests": 1, "accepts": 0}


def test_without_a_failure_in_the_window_nobody_has_to_ask() -> None:
    """The standing permit comes back when the failures have gone."""
    lab = Lab(policy="throttle", window_s=10, seed=1)
    seen = [lab.breaker.shared_permit is not None]
    lab.calls("F")
    seen.append(lab.breaker.shared_permit is not None)
    lab.wait(10)
    lab.calls("S")
    seen.append(lab.breaker.shared_permit is not None)

    assert (seen, lab.details["let_through"], lab.breaker.fail_count) == ([True, False, True], 1.0, 0)


def test_a_throttle_is_reset_but_not_opened_by_hand() -> None:
    """Results of before the reset are late, and there is no transition: nothing was ever open."""
    lab = counted(2, 0, 9)
    before = lab.breaker._permit
    lab.wait(3)
    lab.breaker.force(CLOSED, lab.now, Intervention.OPENED)
    lab.report(before, FAILURE)
    with pytest.raises(NoBreakerError, match="the current policy is 'throttle', which never opens"):
        lab.breaker.force(OPEN, lab.now, Intervention.OPENED)

    assert lab.details == {
        "fail_count": 0,
        "window": {"requests": 0, "accepts": 0},
        "let_through": 1.0,
        "late_results": 1,
    }
    assert (lab.breaker.since, lab.breaker.fail_count, lab.transitions) == (3.0, 0, [])
    assert (before.generation, lab.admit().generation) == (0, 1)
