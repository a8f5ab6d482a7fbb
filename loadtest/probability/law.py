"""The law of the first trip: at which call, and whether that call failed.

A breaker in front of a channel is a Markov chain whose trip is absorbing. It is followed call by call until the law of
those that have not tripped has settled (its quasi-stationary law: Darroch and Seneta, Journal of Applied Probability 2
(1965) 88); from there on each call trips the same share of them, and the rest is a geometric series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

# The law has settled once no state's share moves by more than this part of itself in a call.
_SETTLED = 1e-12
# Looking costs as much as a call.
_LOOK_EACH = 8
# So few are left that they cannot be seen in any figure.
_NOBODY = 1e-17
# Below this a number has too few digits to compare.
_TOO_SMALL = 1e-280


class Chain(Protocol):
    """A breaker that has not tripped. `alive`: the chance of each of its states; `constant`: they no longer change."""

    alive: Vector
    constant: bool

    def step(self) -> tuple[float, float]:
        """Go one call on; return the chances that it trips there, by a failure and by a success."""


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """Chances of the first trip at calls 1, 2, ... by a failure, and by a success; then a geometric tail.

    `left` of all have not tripped by then; each later call is a failure that trips the share `hazard` of them. Without
    a `hazard` nothing is known of later calls: what depends on them is none.
    """

    on_failure: Vector
    on_success: Vector
    left: float
    hazard: float | None

    def within(self, calls: int) -> float | None:
        """Return the chance of a trip in the first `calls` calls."""
        known = len(self.on_failure)
        total = float(self.on_failure[:calls].sum() + self.on_success[:calls].sum())
        if calls > known and self.left:
            if self.hazard is None:
                return None
            total -= self.left * math.expm1((calls - known) * math.log1p(-self.hazard))
        return min(1.0, total)

    def on_success_within(self, calls: int) -> float:
        """Return the chance of a trip in the first `calls` calls, at one that succeeded."""
        return float(self.on_success[:calls].sum())

    def mean(self) -> float | None:
        """Return the expected number of calls up to the trip; infinite where there may be none."""
        known = len(self.on_failure)
        head = float(np.arange(1, known + 1) @ (self.on_failure + self.on_success))
        if not self.left:
            return head
        if self.hazard is None:
            return None
        return head + self.left * (known + 1 / self.hazard) if self.hazard else math.inf

    def quantile(self, share: float) -> float | None:
        """Return the number of calls by which `share` of all breakers have tripped; infinite where they never have."""
        reached = np.cumsum(self.on_failure + self.on_success)
        index = int(np.searchsorted(reached, share - _SETTLED))
        if index < len(reached):
            return index + 1
        if not self.left:  # all have tripped, up to rounding
            return len(reached)
        if self.hazard is None:
            return None
        if not self.hazard:
            return math.inf
        return len(reached) + math.ceil(math.log((1 - share) / self.left) / math.log1p(-self.hazard) - _SETTLED)


def first_calls(chain: Chain, calls: int) -> Law:
    """Follow the chain for so many calls."""
    trips = [chain.step() for _ in range(calls)]
    return _law(trips, float(chain.alive.sum()), None)


def first_trip(chain: Chain) -> Law:
    """Follow the chain until the rest is a geometric series, or nothing is left."""
    trips: list[tuple[float, float]] = []
    before, left = chain.alive, 1.0
    while True:
        trips.append(chain.step())
        was, left = left, max(0.0, left - sum(trips[-1]))
        if chain.constant:
            left = float(chain.alive.sum())
            looks = len(trips) % _LOOK_EACH == 0
            if left < _NOBODY:
                return _law(trips, 0.0, 0.0)
            if looks and len(before) == len(chain.alive) and _is_alike(before / was, chain.alive / left):
                return _law(trips, left, trips[-1][0] / was)
        before = chain.alive


def _law(trips: list[tuple[float, float]], left: float, hazard: float | None) -> Law:
    on_failure, on_success = np.array(trips).T
    return Law(on_failure, on_success, left, hazard)


def _is_alike(before: Vector, after: Vector) -> bool:
    seen = after > _TOO_SMALL
    return bool(np.all(np.abs(after[seen] - before[seen]) <= _SETTLED * after[seen]))
