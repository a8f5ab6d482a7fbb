"""Runs of the lab's own breakers on drawn outcomes, for what no chain can follow. Deterministic for a seed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from client.breakers import build
from client.breakers.interface import CLOSED, FAILURE, OPEN, SUCCESS, Refusal
from loadtest.probability.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client.breakers.interface import Breaker
    from loadtest.probability.question import TripQuestion

# Calls in all runs together up to their first trip, where `requests` asks for no more: some seconds.
_CALLS = 2_000_000
# Runs without a trip in that time go on for so many times as long, while that costs no more than this factor.
_LONGER, _DEARER = 4, 2


@dataclass(frozen=True, slots=True)
class SimulatedTrip:
    """A fresh breaker's first trip and what came of it, by number of request, from 1.

    `trip`: none if there was none in the `calls` that were made; `closed`: none unless requests were refused, and the
    first probes succeeded and closed it, all within the requests asked for.
    """

    calls: int
    trip: int | None = None
    closed: int | None = None


def simulate(question: TripQuestion, on_progress: Callable[[int], None] = lambda _: None) -> list[SimulatedTrip]:
    """Return `runs` independent runs; `on_progress` gets their number after each."""
    longest = max(question.requests, _CALLS // question.runs)
    runs = []
    for number in range(question.runs):
        runs.append(_simulate_run(question, number, longest))
        on_progress(number + 1)
    affordable = _DEARER * question.runs * longest
    while given_up := [number for number, run in enumerate(runs) if run.trip is None]:
        longest *= _LONGER
        if len(given_up) * longest > affordable:
            break
        for number in given_up:
            runs[number] = _simulate_run(question, number, longest)
    return runs


def _simulate_run(question: TripQuestion, number: int, longest: int) -> SimulatedTrip:
    rng = np.random.default_rng((question.seed, number))
    start = rng.random() * question.window_s  # anywhere between the borders of a time window's buckets
    fates = Channel.of(question.error_rate, question.burst_length).draw(rng)
    return follow_breaker(question, fates, longest, start)


def follow_breaker(question: TripQuestion, fates: Iterator[bool], longest: int, start: float = 0.0) -> SimulatedTrip:
    """Let one request after the other come to a fresh breaker, at most `longest` up to the trip; calls take no time.

    `fates`: whether the calls fail, of the refused requests, too; `start`: time of the first one.
    """
    breaker = build(question.breaker(), start, lambda _: None)
    trip = _first_trip(breaker, islice(fates, longest), start, question.rate)
    if trip is None:
        return SimulatedTrip(longest)
    refused = 0
    for request, failed in enumerate(islice(fates, max(0, question.requests - trip)), trip + 1):
        now = start + (request - 1) / question.rate
        permit = breaker.admit(now)
        if isinstance(permit, Refusal):
            refused += 1
            continue
        breaker.report(permit, FAILURE if failed else SUCCESS, now)
        if breaker.state is OPEN:
            break
        if breaker.state is CLOSED:
            return SimulatedTrip(trip, trip, request if refused else None)
    return SimulatedTrip(trip, trip)


def _first_trip(breaker: Breaker, fates: Iterator[bool], start: float, rate: float) -> int | None:
    for request, failed in enumerate(fates, 1):
        now = start + (request - 1) / rate
        permit = breaker.shared_permit or breaker.admit(now)
        if isinstance(permit, Refusal):
            raise TypeError("a closed breaker refused: not one that opens")
        breaker.report(permit, FAILURE if failed else SUCCESS, now)
        if breaker.state is OPEN:
            return request
    return None
