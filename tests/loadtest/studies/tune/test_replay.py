"""The recorded calls themselves, fed to a breaker: held against a breaker of a few lines, written for this test."""

from __future__ import annotations

import random

import pytest

from client.breakers.settings import breaker_settings
from loadtest.studies.tune.access_log import AccessLog
from loadtest.studies.tune.objective import Weights
from loadtest.studies.tune.replay import Replayed, replay
from loadtest.studies.tune.search import DEFAULT, OFF
from loadtest.studies.tune.statuses import ASIDE, ERROR, OK, TIMEOUT
from tests.loadtest.studies.tune.test_rebuild import an_access_log

Rows = list[tuple[float, int, float]]


def blips(rng: random.Random) -> Rows:
    """Draw ten calls a second for 20 minutes; each minute all hang for 0.5 to 2 s, and are given up after 2 s."""
    starts = [60 * minute + rng.uniform(5, 50) for minute in range(20)]
    ends = [start + rng.uniform(0.5, 2) for start in starts]
    times = sorted(rng.uniform(0, 1200) for _ in range(12_000))
    hung = [any(start <= time < end for start, end in zip(starts, ends, strict=True)) for time in times]
    return [
        (time, TIMEOUT if hangs else OK, 2.0 if hangs else max(0.05, rng.gauss(0.2, 0.04)))
        for time, hangs in zip(times, hung, strict=True)
    ]


def five_in_a_row(rows: Rows) -> tuple[int, int]:
    """Return trips and answers lost with five failures in a row and 30 s open, event by event."""
    events = sorted((time, 1, index) for index, (time, _, _) in enumerate(rows))
    trips = lost = failed = generation = 0
    open_until, probe = -1.0, False
    waiting: list[tuple[float, int, int, bool]] = []
    for now, _, index in events:
        while waiting and min(waiting)[0] <= now:
            first = min(waiting)
            waiting.remove(first)
            ended, of, of_generation, was_probe = first
            if of_generation != generation or rows[of][1] == ASIDE:
                probe = probe and not (of_generation == generation and was_probe)
                continue
            failed = failed + 1 if rows[of][1] != OK else 0
            if was_probe:
                probe, generation = False, generation + 1
                open_until = -1.0 if rows[of][1] == OK else ended + 30
            elif failed >= 5:
                trips, open_until, generation = trips + 1, ended + 30, generation + 1
        if now < open_until or probe:
            lost += rows[index][1] == OK
            continue
        if open_until >= 0 and not probe:
            probe, generation, failed = True, generation + 1, 0
        waiting.append((now + rows[index][2], index, generation, probe))
    return trips, lost


@pytest.mark.parametrize("seed", range(4))
def test_hangs_for_a_second_or_two(seed: int) -> None:
    """The replay trips and loses as often as a breaker written down event by event, and it is no small loss."""
    rows = blips(random.Random(seed))  # noqa: S311 - for a test
    found = replay(an_access_log(rows), DEFAULT)

    assert (found.trips, found.lost) == five_in_a_row(rows)
    assert found.trips >= 2
    assert found.answers == sum(outcome == OK for _, outcome, _ in rows)


def test_a_call_is_reported_when_it_ended() -> None:
    """Five hang for 10 s: until the fifth is given up nothing is refused, and then all is for 5 s."""
    rows: Rows = [(index / 10, TIMEOUT, 10.0) for index in range(5)]
    rows += [(1 + index, OK, 10.5) for index in range(16)]
    found = replay(an_access_log(rows), breaker_settings(reset_timeout=5))

    # Given up at 10.4 s; those of 11 to 15 s are refused, and the one of 16 s is the probe.
    assert (found.trips, found.lost, found.spared) == (1, 5, 0)
    assert found.held_s == 50 + 11 * 10.5


def test_what_is_neutral_neither_counts_nor_resets() -> None:
    """Every second call is a 404: the five failures between them are in a row, and a 404 that is refused is no loss."""
    rows: Rows = [(float(index), ASIDE if index % 2 else ERROR, 0.1) for index in range(40)]
    found = replay(an_access_log(rows), DEFAULT)

    assert found.trips == 1
    assert (found.requests, found.answers, found.lost, found.failures, found.spared) == (20, 0, 0, 20, 15)


def test_a_redirect_is_an_answer_that_says_nothing_of_the_backend() -> None:
    rows: Rows = [(float(index), OK if index % 2 else ERROR, 0.1) for index in range(20)]
    plain = an_access_log(rows)
    marked = AccessLog(*list(vars(plain).values())[:8], redirects=plain.outcome == OK)

    assert replay(plain, DEFAULT).trips == 0
    assert (replay(marked, DEFAULT).trips, replay(marked, DEFAULT).lost) == (1, 6)


def test_no_breaker_refuses_nothing() -> None:
    rows: Rows = [(float(index), ERROR, 0.5) for index in range(20)]

    assert replay(an_access_log(rows), OFF) == Replayed(20, 0, 20, 0, 0, 0, 10)


def test_a_breaker_that_draws_is_replayed_with_several_seeds() -> None:
    """The same each time, and a mean of all."""
    rows: Rows = [(index / 10, ERROR if index % 3 else OK, 0.05) for index in range(900)]
    throttle = breaker_settings(policy="throttle", throttle_k=1.1)
    found = replay(an_access_log(rows), throttle)

    assert found == replay(an_access_log(rows), throttle)
    assert 0 < found.lost < 300
    assert found.lost != round(found.lost)


def test_a_cost_is_that_of_the_search() -> None:
    """100 answers lost, 40 failures let through at a fifth, 200 s at a tenth, for 1,000 requests."""
    assert Replayed(1000, 800, 200, 1, 100, 160, 200).cost(Weights()) == pytest.approx(100 + 8 + 20)
