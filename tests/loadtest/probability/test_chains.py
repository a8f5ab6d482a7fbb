"""The exact chances: against closed forms, every outcome enumerated through the lab's own breakers, and each other."""

from __future__ import annotations

import math
from functools import cache
from itertools import islice, pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from backend.faults import draw
from backend.profile import Bursts, FaultProfile
from backend.weather import WeatherKey
from loadtest.probability import mean_calls_to_trip, trip_probability
from loadtest.probability.answer import answer_question
from loadtest.probability.chains import FillingChain, StreakChain, WindowChain, is_feasible, trips_at, window_states
from loadtest.probability.channel import Channel
from loadtest.probability.law import Law, first_calls, first_trip
from loadtest.probability.question import TripQuestion
from loadtest.probability.simulation import SimulatedTrip, follow_breaker

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALLS = 8
CHANNELS = [Channel(0.3), Channel(0.6), Channel.of(0.3, 4), Channel.of(0.7, 3.5)]
BREAKERS: list[dict[str, Any]] = [
    {"fail_max": 1},
    {"fail_max": 3},
    {"policy": "count_window", "window_calls": 1, "min_calls": 1, "failure_rate": 1},
    {"policy": "count_window", "window_calls": 4, "min_calls": 1, "failure_rate": 0.7},
    {"policy": "count_window", "window_calls": 4, "min_calls": 3, "failure_rate": 0.5},
    {"policy": "count_window", "window_calls": 5, "min_calls": 5, "failure_rate": 0.6},
    {"policy": "count_window", "window_calls": 7, "min_calls": 2, "failure_rate": 0.8},
]
OUTCOMES = list(product((False, True), repeat=CALLS))


@cache
def runs_of_all_outcomes(number: int, **more: float) -> list[SimulatedTrip]:
    """Send each of the 2^8 outcomes through a breaker of the lab."""
    question = TripQuestion(**BREAKERS[number], **more)
    return [follow_breaker(question, iter(fates), CALLS) for fates in OUTCOMES]


def weight(fates: tuple[bool, ...], channel: Channel) -> float:
    """Multiply the chances of each call's fate after the one before."""
    chance = channel.rate if fates[0] else 1 - channel.rate
    for before, fails in pairwise(fates):
        chance *= channel.failing(before) if fails else 1 - channel.failing(before)
    return chance


def law_of(number: int, channel: Channel) -> Law:
    chosen = BREAKERS[number]
    if "fail_max" in chosen:
        return first_trip(StreakChain(channel, chosen["fail_max"]))
    return first_trip(WindowChain(channel, chosen["window_calls"], chosen["failure_rate"], chosen["min_calls"]))


def within(law: Law, calls: int) -> NDArray[np.float64]:
    """Return the chances of a trip at each of the first calls, by failure and by success."""
    return np.array([np.pad(each, (0, calls))[:calls] for each in (law.on_failure, law.on_success)])


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("number", range(len(BREAKERS)))
def test_a_chain_is_every_outcome_sent_through_the_labs_breaker(number: int, channel: Channel) -> None:
    """At which call it trips, and whether that call failed: all 256 outcomes of eight calls, each with its chance."""
    expected = np.zeros((2, CALLS))
    for fates, run in zip(OUTCOMES, runs_of_all_outcomes(number), strict=True):
        if run.trip is not None:
            expected[0 if fates[run.trip - 1] else 1, run.trip - 1] += weight(fates, channel)

    law = law_of(number, channel)
    if len(law.on_failure) < CALLS:  # settled before: the rest is its tail
        later = [law.within(calls) - law.within(calls - 1) for calls in range(len(law.on_failure) + 1, CALLS + 1)]
        found = within(law, CALLS)
        found[0, len(law.on_failure) :] = later
    else:
        found = within(law, CALLS)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("number", range(len(BREAKERS)))
@pytest.mark.parametrize("success_threshold", [1, 2])
def test_the_whole_cycle_is_every_outcome_sent_through_the_labs_breaker(
    number: int, channel: Channel, success_threshold: int
) -> None:
    """Trip, two refusals, and as many probes as it takes, all within eight requests, one a second."""
    more: dict[str, Any] = {"reset_timeout": 3, "rate": 1, "success_threshold": success_threshold}
    runs = zip(OUTCOMES, runs_of_all_outcomes(number, **more, requests=CALLS), strict=True)
    expected = sum(weight(fates, channel) for fates, run in runs if run.closed is not None)

    length = None if channel.fresh == 1 else 1 / (channel.fresh * (1 - channel.rate))
    asked = TripQuestion(**BREAKERS[number], **more, requests=CALLS, error_rate=channel.rate, burst_length=length)
    assert asked.refused == 2
    assert answer_question(asked).figures.cycle.value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("error_rate", [0.0, 0.01, 0.3, 0.77, 1.0])
@pytest.mark.parametrize("fail_max", [1, 2, 5, 40])
def test_the_chain_of_failures_in_a_row_is_the_closed_form(error_rate: float, fail_max: int) -> None:
    """For independent errors, far beyond where the chain's tail begins, and for the mean."""
    law = first_trip(StreakChain(Channel(error_rate), fail_max))

    for calls in (0, 1, 5, 20, 100, 3000):
        assert law.within(calls) == pytest.approx(trip_probability(error_rate, fail_max, calls), rel=1e-9, abs=1e-300)
    assert law.mean() == pytest.approx(mean_calls_to_trip(error_rate, fail_max), rel=1e-9)


def test_bursts_of_the_length_of_chance_are_independent_errors() -> None:
    """A mean length of 1 / (1 - rate) is what independent failures have."""
    bursts, plain = Channel.of(0.3, 1 / (1 - 0.3)), Channel(0.3)

    for make in (lambda channel: StreakChain(channel, 5), lambda channel: WindowChain(channel, 8, 0.5, 4)):
        one, other = first_trip(make(bursts)), first_trip(make(plain))
        assert one.mean() == pytest.approx(other.mean(), rel=1e-12)
        np.testing.assert_allclose(within(one, 200), within(other, 200), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(("error_rate", "length", "fail_max"), [(0.3, 5.0, 5), (0.05, 1.5, 3), (0.8, 40.0, 12)])
def test_the_mean_under_bursts_solves_the_product_chain(error_rate: float, length: float, fail_max: int) -> None:
    """The channel's state and the streak as two things, and the linear equations of the expected number of calls."""
    leaves, enters = 1 / length, error_rate / (1 - error_rate) / length
    states = list(product((False, True), range(fail_max)))  # (fate of the next call, streak before it)
    moves = np.zeros((len(states), len(states)))
    for index, (bad, streak) in enumerate(states):
        if bad and streak + 1 == fail_max:
            continue
        for next_bad in (False, True):
            chance = (1 - leaves if next_bad else leaves) if bad else (enters if next_bad else 1 - enters)
            moves[index, states.index((next_bad, streak + 1 if bad else 0))] += chance
    means = np.linalg.solve(np.eye(len(states)) - moves, np.ones(len(states)))
    expected = error_rate * means[states.index((True, 0))] + (1 - error_rate) * means[states.index((False, 0))]

    law = first_trip(StreakChain(Channel.of(error_rate, length), fail_max))
    assert law.mean() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_tail_of_a_window_is_what_more_steps_give(channel: Channel) -> None:
    """The chance, the mean and the quantiles beyond the call from which a law is a geometric series."""
    law = first_trip(WindowChain(channel, 9, 0.8, 5))
    longer = first_calls(WindowChain(channel, 9, 0.8, 5), 6000)
    survived = 1 - np.cumsum(longer.on_failure + longer.on_success)

    assert law.hazard
    assert law.within(6000) == pytest.approx(longer.within(6000), rel=1e-9)
    assert law.mean() == pytest.approx(1 + survived.sum() + survived[-1] * (1 / law.hazard - 1), rel=1e-6)
    shares = (0.05, 0.5, 0.7)
    assert [law.quantile(share) for share in shares] == [longer.quantile(share) for share in shares]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_window_that_fills_needs_no_pattern(channel: Channel) -> None:
    """Until a call leaves it, the number of failures is enough: the same law from far fewer states."""
    filling = FillingChain(channel, 12, 0.5, 6)
    counted = first_calls(filling, filling.calls)

    np.testing.assert_allclose(
        within(counted, 12), within(first_calls(WindowChain(channel, 12, 0.5, 6), 12), 12), atol=1e-14
    )
    assert [counted.within(13), counted.mean(), counted.quantile(0.999999)] == [None, None, None]


def test_without_failures_it_never_trips_and_with_nothing_else_at_once() -> None:
    """The ends: no infinite loop, no division by zero; a chance that no float can hold is none."""
    never = first_trip(WindowChain(Channel(0.0), 6, 0.5, 3))
    at_once = first_trip(WindowChain(Channel(1.0), 6, 0.5, 3))
    hopeless = first_trip(StreakChain(Channel(0.3), 10_000))

    assert [never.within(10**6), never.mean(), never.quantile(0.5)] == [0.0, math.inf, math.inf]
    assert [at_once.within(2), at_once.within(3), at_once.mean(), at_once.quantile(0.5)] == [0.0, 1.0, 3.0, 3]
    assert [hopeless.within(10**6), hopeless.mean(), hopeless.quantile(0.1)] == [0.0, math.inf, math.inf]


def test_a_threshold_is_reached_as_the_breaker_divides() -> None:
    """0.1 * 30 is more than 3, and 3 / 30 is 0.1."""
    assert [trips_at(calls, 0.1) for calls in (1, 10, 11, 30)] == [1, 1, 2, 3]
    assert [trips_at(7, rate) for rate in (0.001, 1.0)] == [1, 7]


def test_what_can_be_followed_is_known_beforehand() -> None:
    """The patterns of a full window with fewer failures than trip it, counted and enumerated."""
    patterns = sum(bits.bit_count() < 5 for bits in range(2**9))

    assert window_states(9, 0.5) == patterns
    assert [is_feasible(*each) for each in ((16, 1.0), (20, 0.5), (50, 0.1), (21, 0.9), (100, 0.03))] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(("rate", "length"), [(0.3, 5.0), (0.1, 1 / 0.9), (0.6, 20.0)])
def test_the_channel_is_the_backends(rate: float, length: float) -> None:
    """Both give the share of failures, and of failures after a failure, that the chain counts on."""
    profile = FaultProfile(bursts=Bursts(rate=rate, mean_length=length))
    backend = [draw(profile, WeatherKey(3, str(each), each)).kind == "error" for each in range(1, 2001)]
    channel = Channel.of(rate, length)
    drawn = list(islice(channel.draw(np.random.default_rng(3)), 20_000))

    for fates in (backend, drawn):
        fails = np.array(fates)
        changes = channel.fresh / (2 - channel.fresh)  # of the variance of a mean, over that of independent calls
        spread = math.sqrt(rate * (1 - rate) / len(fails) / changes)
        after = fails[1:][fails[:-1]]
        chance = channel.failing(after=True)
        assert fails.mean() == pytest.approx(rate, abs=4 * spread)
        assert after.mean() == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / len(after)))


def test_what_a_failure_leaves_behind_fades() -> None:
    """Several calls on is one call on, several times; and without bursts nothing is left at once."""
    channel = Channel.of(0.3, 5)
    chance = 1.0
    for calls in range(1, 5):
        chance = chance * channel.failing(after=True) + (1 - chance) * channel.failing(after=False)
        assert channel.failing(True, calls) == pytest.approx(chance, abs=1e-15)
    assert [Channel(0.3).failing(after) for after in (True, False)] == [0.3, 0.3]
    assert Channel.of(0.0, 5).failing(after=True) == 0.0
