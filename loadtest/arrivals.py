"""When requests arrive: a schedule made from the load and the seed, the same for every arm (open loop)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.weather import uniform

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loadtest.scenario import Segment


@dataclass(slots=True)  # frozen, it would take three times as long to make
class Arrival:
    """A request to send: its id, from 1, and when, in seconds from the start of the arm."""

    id: int
    intended_s: float


def schedule(load: Sequence[Segment], seed: int) -> Iterator[Arrival]:
    """Yield the arrivals in order. Constant: one every 1/rate s. Poisson: exponential gaps drawn from the seed.

    The first request of a constant segment comes right after the pause; a Poisson segment begins with a gap.
    """
    number, time_s = 0, 0.0
    for index, segment in enumerate(load):
        time_s += segment.pause_s
        for place in range(segment.requests):
            number += 1
            if segment.arrivals == "poisson":
                time_s -= math.log(uniform(seed, number, "arrival")) / segment.rate_per_s
            elif place > 0 or (index > 0 and segment.pause_s == 0):
                time_s += 1 / segment.rate_per_s
            yield Arrival(number, time_s)
