"""Durations of calls with the same outcome, counted into buckets, and their form for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import HistogramMetricFamily

# Upper bounds of the buckets, seconds: from below a fast-fail to beyond a reset_timeout, with bounds on either side of
# 1 ms and of 30 s, so that neither is the end of the scale.
BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
_BOUNDS = (*(str(bound) for bound in BUCKETS_S), "+Inf")


class Tally:
    """A number of durations, their sum, and the number in each bucket (the last one: above all bounds)."""

    def __init__(self) -> None:
        self.calls = 0
        self.sum_s = 0.0
        self.buckets = [0] * (len(BUCKETS_S) + 1)

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.calls += 1
        self.sum_s += seconds
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1


def add_durations(family: HistogramMetricFamily, label: str, tallies: Iterable[Tally]) -> None:
    """Add the sum of `tallies` to `family`, which has one label."""
    together = list(tallies)
    counts = [sum(tally.buckets[place] for tally in together) for place in range(len(_BOUNDS))]
    family.add_metric(
        [label],
        buckets=list(zip(_BOUNDS, accumulate(counts), strict=True)),
        sum_value=sum(tally.sum_s for tally in together),
    )
