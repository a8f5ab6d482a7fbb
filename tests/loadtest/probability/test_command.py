"""The chance that a breaker trips at all."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from loadtest.probability import mean_calls_to_trip, trip_probability


def has_run(failures: tuple[bool, ...], length: int) -> bool:
    """Whether `length` failures in a row are anywhere in it."""
    run = longest = 0
    for failed in failures:
        run = run + 1 if failed else 0
        longest = max(longest, run)
    return longest >= length


def enumerated(error_rate: float, fail_max: int, requests: int) -> float:
    """Sum the chances of all outcomes of `requests` calls that have such a run."""
    return sum(
        error_rate ** sum(each) * (1 - error_rate) ** (requests - sum(each))
        for each in product((False, True), repeat=requests)
        if has_run(each, fail_max)
    )


def test_the_documents_experiment_1_is_a_rare_event() -> None:
    """At 30 % independent failures five in a row come in 2.78 % of 20 requests, 15.3 % of 100, after 586 on average."""
    assert round(trip_probability(0.3, 5, 20), 6) == 0.027774
    assert round(trip_probability(0.3, 5, 100), 6) == 0.152562
    assert round(mean_calls_to_trip(0.3, 5), 3) == 586.461


@pytest.mark.parametrize("error_rate", [0.0, 0.1, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("fail_max", [1, 2, 3, 5])
def test_the_chance_is_that_of_all_outcomes_enumerated(error_rate: float, fail_max: int) -> None:
    """For up to ten calls every one of the 2^n outcomes can be looked at."""
    requests = range(11)

    assert [trip_probability(error_rate, fail_max, each) for each in requests] == pytest.approx(
        [enumerated(error_rate, fail_max, each) for each in requests], abs=1e-12
    )


@pytest.mark.parametrize(("error_rate", "fail_max", "requests"), [(0.3, 5, 20), (0.3, 5, 100), (0.5, 3, 30)])
def test_the_chance_is_that_of_a_simulation(error_rate: float, fail_max: int, requests: int) -> None:
    """The share of 3,000 simulated runs that trip lies within four standard errors of a binomial share."""
    rng, tries = random.Random(7), 3000  # noqa: S311 - no secret
    tripped = sum(has_run(tuple(rng.random() < error_rate for _ in range(requests)), fail_max) for _ in range(tries))
    chance = trip_probability(error_rate, fail_max, requests)

    assert tripped / tries == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / tries))


@pytest.mark.parametrize(
    ("error_rate", "fail_max", "requests", "chance"),
    [
        (0.0, 1, 1000, 0.0),
        (1.0, 5, 4, 0.0),
        (1.0, 5, 5, 1.0),
        (1.0, 5, 500, 1.0),
        (0.3, 5, 0, 0.0),
        (0.3, 5, 4, 0.0),
        (0.5, 5, 5, 0.5**5),
        (0.25, 1, 1, 0.25),
        (0.9999, 1_000_000, 20_000, 0.0),
    ],
)
def test_the_ends_are_exact(error_rate: float, fail_max: int, requests: int, chance: float) -> None:
    """Never without errors or with fewer calls than failures needed, surely when every call fails, and at once."""
    assert trip_probability(error_rate, fail_max, requests) == chance


@pytest.mark.parametrize(
    ("error_rate", "fail_max", "calls"),
    [
        (0.0, 5, math.inf),
        (1.0, 5, 5.0),
        (0.5, 1, 2.0),
        (0.5, 2, 6.0),
        (0.5, 5, 62.0),
        (0.3, 10_000, math.inf),
        (1e-300, 5, math.inf),
    ],
)
def test_the_mean_number_of_calls_is_exact(error_rate: float, fail_max: int, calls: float) -> None:
    """Two calls on average to a failure of probability one half; infinite where no number is large enough."""
    assert mean_calls_to_trip(error_rate, fail_max) == calls


def test_the_mean_is_the_sum_of_the_chances_of_surviving() -> None:
    """The expected number of calls is the sum over n of the chance that n calls did not trip: two ways, one figure."""
    survived = sum(1 - trip_probability(0.6, 3, calls) for calls in range(400))

    assert survived == pytest.approx(mean_calls_to_trip(0.6, 3), rel=1e-9)
