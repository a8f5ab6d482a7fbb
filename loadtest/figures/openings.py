"""What one opening of a breaker refused, and whether it was right to. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from client.breakers.interface import State
from client.pipeline.call import Outcome
from loadtest.scenario.arm_figures import FalsePositives

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row

# Read once: looking up a member of an enum takes longer than comparing with it, and this is done for every row.
_OK, _FAST_FAIL = Outcome.OK, Outcome.FAST_FAIL
_CLOSED = State.CLOSED


def openings(arm: Measured) -> list[tuple[int, float, float | None]]:
    """Return (seed, opened, closed again or none) for each trip; an opening includes its half-open times."""
    found: list[tuple[int, float, float | None]] = []
    for seed in arm.seeds:
        opened: float | None = None
        for change in arm.of_seed(seed).changes:
            if change.is_trip:
                opened = change.at_s
            elif change.after == _CLOSED and opened is not None:
                found.append((seed, opened, change.at_s))
                opened = None
        if opened is not None:
            found.append((seed, opened, None))
    return found


def _refused_rows(arm: Measured, seed: int, start: float, end: float | None) -> list[Row]:
    """Return what one opening refused. A refusal in closed is a policy's that refuses a share, or a ramp's."""
    return [
        row
        for row in arm.of_seed(seed).rows
        if row.outcome == _FAST_FAIL
        and row.state != _CLOSED
        and start <= row.end_s
        and (end is None or row.sent_s <= end)
    ]


def wrong_refusals(rows: Iterable[Row]) -> int:
    """Count refusals, in whatever state, of calls that the backend would have answered."""
    return sum(row.outcome == _FAST_FAIL and row.would_have == _OK for row in rows)


def false_positives(arm: Measured) -> FalsePositives:
    """Count refusals of calls that the backend would have answered, and trips that refused more of them than failures.

    A refused 404 is neither: the caller has lost no answer, and the backend was spared no failure. A trip that refused
    nothing else cannot be judged and is not counted.
    """
    trips = 0
    for seed, opened, closed in openings(arm):
        refused = [row for row in _refused_rows(arm, seed, opened, closed) if not row.blameless]
        trips += sum(row.would_have == _OK for row in refused) > len(refused) / 2
    return FalsePositives(wrong_refusals(arm.rows), trips)


def recovery_delay(arm: Measured) -> float | None:
    """Mean time from the backend's recovery to the breaker's closing, over the openings that show both.

    The recovery is the first refusal after which every refused call of that opening would have been answered. A refused
    404 says nothing of it.
    """
    delays = []
    for seed, opened, closed in openings(arm):
        healthy: float | None = None
        for row in _refused_rows(arm, seed, opened, closed):
            if row.blameless:
                continue
            healthy = None if row.would_have != _OK else row.sent_s if healthy is None else healthy
        if healthy is not None and closed is not None:
            delays.append(closed - healthy)
    return float(np.mean(delays)) if delays else None
