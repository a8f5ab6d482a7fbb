"""Arrivals of many callers who do not know of each other: exponential gaps, drawn from the seed."""

from __future__ import annotations

import math

from backend.weather import uniform


def gap_s(rate_per_s: float, seed: int, number: int, *, first: bool) -> float:  # noqa: ARG001 - a gap comes first, too
    """Return the seconds before arrival `number`."""
    return -math.log(uniform(seed, number, "arrival")) / rate_per_s
