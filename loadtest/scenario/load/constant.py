"""Arrivals at equal distances: one every 1/rate seconds."""

from __future__ import annotations


def gap_s(rate_per_s: float, seed: int, number: int, *, first: bool) -> float:  # noqa: ARG001 - nothing is drawn
    """Return the seconds before arrival `number`; the first after a pause has no gap."""
    return 0.0 if first else 1 / rate_per_s
