"""So many failures in so many seconds, whatever the traffic."""

from __future__ import annotations

import pytest

from tests.client.breakers.breaker_lab import CLOSED, FAILURE, OPEN, Lab

THREE = {"policy": "failures_in_time", "max_failures": 3, "window_s": 10, "reset_timeout": 30}


def test_successes_between_the_failures_do_not_matter() -> None:
    """One in a hundred fails: no rate and no row would see it."""
    lab = Lab(**THREE)
    for _ in range(3):
        lab.calls("S" * 99 + "F")
        lab.wait(4.5)

    assert lab.story == [(9.0, OPEN, "3 failures in 9 s")]


@pytest.mark.parametrize(("pause_s", "state"), [(4.9, OPEN), (5, CLOSED), (3600, CLOSED)])
def test_the_window_slides_exactly(pause_s: float, state: str) -> None:
    """The first of three failures counts until it is 10 s old."""
    lab = Lab(**THREE)
    for _ in range(3):
        lab.calls("F")
        lab.wait(pause_s)

    assert lab.breaker.state is state


def test_the_count_is_as_of_now() -> None:
    """Two failures, of which the older one is forgotten while nobody calls; closing begins at zero."""
    lab = Lab(**THREE)
    lab.calls("F")
    lab.wait(6)
    lab.calls("F")
    seen = [lab.details["fail_count"]]
    lab.wait(4)
    seen.append(lab.details["fail_count"])
    lab.calls("FF")
    lab.wait(30)
    lab.calls("S")

    assert (seen, lab.breaker.fail_count, lab.calls("FF")) == ([2, 1], 0, [(CLOSED, 1), (CLOSED, 2)])


def test_a_slow_call_is_a_failure() -> None:
    """Once, however it ends."""
    lab = Lab(**THREE, slow_call_s=1, slow_in_flight=True)
    stuck = [lab.admit() for _ in range(3)]
    lab.wait(1)
    refused = lab.refuse()
    for permit in stuck:
        lab.report(permit, FAILURE)

    assert (refused.state, lab.details["late_results"]) == (OPEN, 3)


def test_a_change_of_settings_keeps_the_failures_that_it_knows() -> None:
    """Fewer or in less time: they are known. In more time older ones are not."""
    lab = Lab(**THREE)
    lab.calls("F")
    lab.wait(4)
    lab.calls("F")
    kept = [lab.change(**{**THREE, **change})[1] for change in ({"max_failures": 9}, {"window_s": 5})]
    counted = lab.details["fail_count"]
    lab.wait(1)
    aged = lab.details["fail_count"]
    longer = lab.change(**THREE)[1]

    assert ["counts" in each for each in (*kept, longer)] == [True, True, False]
    assert (counted, aged, lab.details["fail_count"]) == (2, 1, 0)
