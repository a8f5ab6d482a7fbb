"""Closed-form chances of a breaker that counts consecutive failures."""

from __future__ import annotations


def trip_probability(error_rate: float, fail_max: int, requests: int) -> float:
    """Return the chance of at least one run of `fail_max` failures in `requests` independent calls.

    Exact: the Markov chain of the current run's length, with `fail_max` absorbing (Feller, An Introduction to
    Probability Theory and Its Applications, volume 1, chapter XIII.7).
    """
    runs = [1.0] + [0.0] * fail_max
    for _ in range(requests):
        alive = sum(runs[:fail_max])
        runs = [
            alive * (1 - error_rate),
            *(error_rate * share for share in runs[: fail_max - 1]),
            runs[fail_max] + error_rate * runs[fail_max - 1],
        ]
    return runs[fail_max]


def mean_calls_to_trip(error_rate: float, fail_max: int) -> float:
    """Return the expected number of independent calls until the first run of `fail_max` failures.

    (p^-k - 1) / (1 - p), same source; infinite without errors.
    """
    if error_rate == 0:
        return float("inf")
    if error_rate == 1:
        return float(fail_max)
    return float((error_rate**-fail_max - 1) / (1 - error_rate))
