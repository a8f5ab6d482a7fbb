"""Closed-form chances of a breaker that counts consecutive failures, for independent errors."""

from __future__ import annotations

from collections import deque


def trip_probability(error_rate: float, fail_max: int, requests: int) -> float:
    """Return the chance of at least one run of `fail_max` failures in `requests` independent calls.

    Exact: the first run ends at call n when there was none up to call n - fail_max - 1, then a success, then
    `fail_max` failures (Feller, An Introduction to Probability Theory and Its Applications, volume 1, chapter XIII.7).
    """
    if requests < fail_max:
        return 0.0
    run = error_rate**fail_max
    chances = deque([0.0] * fail_max + [run], maxlen=fail_max + 1)  # after the last fail_max + 1 calls
    for _ in range(requests - fail_max):
        chances.append(chances[-1] + (1 - chances[0]) * (1 - error_rate) * run)
    return chances[-1]


def mean_calls_to_trip(error_rate: float, fail_max: int) -> float:
    """Return the expected number of independent calls until the first run of `fail_max` failures.

    (p^-k - 1) / (1 - p), same source; infinite without errors, and where it is beyond any number.
    """
    if error_rate == 0:
        return float("inf")
    if error_rate == 1:
        return float(fail_max)
    try:
        return float((error_rate**-fail_max - 1) / (1 - error_rate))
    except OverflowError:
        return float("inf")
