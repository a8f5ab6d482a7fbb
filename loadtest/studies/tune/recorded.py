"""Hold the rebuilt pattern against the recorded calls: what a breaker loses of both, and whether they agree. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

from loadtest.studies.tune.replay import Replayed, replay
from loadtest.studies.tune.search import JUDGE, LEARN, OFF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.problem import Problem
    from loadtest.studies.tune.search import Ledger

WHOLE = "whole"
PART_NAMES = {WHOLE: "the whole log", LEARN: "the first part", JUDGE: "the rest"}
# Beyond what the draws of the rebuilt pattern explain, in shares of the answers.
_ALLOWED = 0.01
# A breaker that costs more than none on the recorded calls, by this share, is not what the search took it for.
_DEARER = 0.05


@dataclass(frozen=True)
class Agreement:
    """Shares of the answers that a breaker loses on one part: of the recorded calls, and of the rebuilt pattern.

    `expected`: where 19 of 20 further draws of the rebuilt pattern would lie, and the recorded calls with them, were
    they one of its draws.
    """

    part: str
    recorded: float
    rebuilt: float
    rebuilt_trips: float
    expected: tuple[float, float]
    most_lost: float

    @property
    def holds(self) -> bool:
        """Whether the recorded calls lie there, or within a percentage point of it, and break no limit alone."""
        low, high = self.expected
        if self.recorded > self.most_lost >= self.rebuilt:
            return False
        return low - _ALLOWED <= self.recorded <= high + _ALLOWED

    def __str__(self) -> str:
        """Say both shares."""
        return (
            f"on {PART_NAMES[self.part]} {_percent(self.recorded)} of the answers of the recorded calls, "
            f"{_percent(self.rebuilt)} in the rebuilt pattern"
        )


@dataclass
class RecordedCalls:
    """The recorded calls of a log, and what breakers do to them. Of a scenario there are none."""

    problem: Problem
    ledgers: Mapping[str, Ledger]
    _known: dict[tuple[str, PolicySettings], Replayed] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be replayed."""
        return (LEARN, JUDGE, WHOLE) if self.problem.parts and self.problem.log else ()

    def replay(self, part: str, breaker: PolicySettings) -> Replayed:
        """Replay a part of the log, or the whole of it; each once."""
        key = part, breaker
        if key not in self._known:
            log = self.problem.log if part == WHOLE else (self.problem.parts or {})[part].recorded
            if log is None:
                raise ValueError("a scenario has no recorded calls")
            self._known[key] = replay(log, breaker, self.problem.timeout.total_s)
        return self._known[key]

    def agreement(self, part: str, breaker: PolicySettings) -> Agreement:
        """Hold one part against its draws."""
        ledger = self.ledgers[part]
        pairs = ledger.pairs(breaker)
        shares = [(bare.ok - own.ok) / bare.ok if bare.ok else 0.0 for own, bare in pairs]
        mean, count = float(np.mean(shares)), len(shares)
        half = 0.0
        if count > 1:
            spread = float(np.std(shares, ddof=1)) * math.sqrt(1 + 1 / count)
            half = float(student.ppf(0.975, count - 1)) * spread
        trips = float(np.mean([own.trips for own, _ in pairs]))
        recorded, rebuilt = self.replay(part, breaker).lost_share, ledger.lost_share(breaker)
        return Agreement(part, recorded, rebuilt, trips, (mean - half, mean + half), ledger.aim.most_lost)

    def disagreements(self, breaker: PolicySettings) -> list[Agreement]:
        """Return the parts on which the recorded calls and the rebuilt pattern disagree about a breaker."""
        found = [self.agreement(part, breaker) for part in self.parts if part != WHOLE]
        return [each for each in found if not each.holds]

    def objections(self, breaker: PolicySettings) -> list[str]:
        """Say why this breaker cannot be stood for on the recorded calls; nothing where it can."""
        if breaker == OFF or not self.parts:
            return []
        aim = self.ledgers[JUDGE].aim
        said = [
            f"loses {_percent(lost)} of the answers of the recorded calls on {PART_NAMES[part]}, more than the "
            f"{_percent(aim.most_lost)} that may be lost"
            for part in self.parts
            if (lost := self.replay(part, breaker).lost_share) > aim.most_lost
        ]
        said += [f"loses {each}: they disagree" for each in self.disagreements(breaker)]
        own, none = (self.replay(WHOLE, each).cost(aim.weights) for each in (breaker, OFF))
        if own > (1 + _DEARER) * none and self.replay(WHOLE, breaker).failures:
            said.append(f"costs more than no breaker on the recorded calls, {own:.3g} and {none:.3g}")
        return said


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
