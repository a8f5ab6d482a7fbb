"""Arrivals at equal distances: one every 1/rate seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtest.scenario.load.shape import Paced


def gap_s(segment: Paced, seed: int, number: int, elapsed_s: float, *, first: bool) -> float:  # noqa: ARG001 - it draws nothing
    """Return the seconds before arrival `number`; the first after a pause has no gap."""
    return 0.0 if first else 1 / segment.rate_per_s
