"""Arrivals of many callers who do not know of each other: exponential gaps, drawn from the seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backend.weather import uniform

if TYPE_CHECKING:
    from loadtest.scenario.load.shape import Paced


def gap_s(segment: Paced, seed: int, number: int, elapsed_s: float, *, first: bool) -> float:  # noqa: ARG001 - no memory
    """Return the seconds before arrival `number`."""
    return -math.log(uniform(seed, number, "arrival")) / segment.rate_per_s
