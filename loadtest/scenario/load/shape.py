"""What a shape of load is."""

from __future__ import annotations

from typing import Protocol


class Paced(Protocol):
    """What shapes read of a segment."""

    @property
    def rate_per_s(self) -> float:
        """Arrivals per second."""


class Shape(Protocol):
    """How arrivals follow each other."""

    def gap_s(self, segment: Paced, seed: int, number: int, elapsed_s: float, *, first: bool) -> float:
        """Return the seconds before arrival `number`, which counts from 1 over all segments.

        `elapsed_s`: from the end of the segment's pause to the arrival before; `first`: it follows a pause, or nothing.
        """
