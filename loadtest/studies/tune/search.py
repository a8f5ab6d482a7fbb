"""Find settings: many candidates on few seeds, fewer on more, then around the best. The same seeds for all.

Successive halving (Jamieson and Talwalkar, AISTATS 2016) over an evenly spread first draw. The result depends only on
the seed, not on which process did the work or in which order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from client.breakers.settings import breaker_settings
from loadtest.figures.comparison import UNSEEN, interval, is_clear
from loadtest.studies.tune.objective import answers_lost, cost
from loadtest.studies.tune.runner import Job
from loadtest.studies.tune.space import Candidate, draw, draw_around

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from client.breakers.policy import PolicySettings
    from loadtest.studies.many_runs.work import StudyFigures
    from loadtest.studies.tune.objective import Weights
    from loadtest.studies.tune.runner import FiguresSource
    from loadtest.studies.tune.space import Dimension

OFF = breaker_settings(policy="off")
DEFAULT = breaker_settings()
LEARN, JUDGE = "learn", "judge"
# The seeds of the search; those that judge are others.
FIRST_SEED = {LEARN: 1, JUDGE: 1_000_001}
_FIRST_SEEDS, _SECOND_SEEDS = 1, 3
_KEPT_SHARE = 3
_NEIGHBOURS = 3
_REACHES = (1.0, 0.4)
_FINALISTS = 4


@dataclass(frozen=True)
class Aim:
    """The cost to minimize, and the largest share of the possible answers that may be lost."""

    weights: Weights
    most_lost: float


@dataclass
class Ledger:
    """The cost of the runs of one part, each compared with no breaker on the same seed."""

    part: str
    source: FiguresSource
    aim: Aim
    figures: dict[PolicySettings, dict[int, StudyFigures]] = field(default_factory=dict)

    def ensure_runs(self, breakers: Sequence[PolicySettings], seeds: int) -> None:
        """Run these breakers, and the arm without one, with the first `seeds` seeds of the part."""
        first = FIRST_SEED[self.part]
        jobs = [Job(self.part, each, first + index) for each in (OFF, *breakers) for index in range(seeds)]
        for job, found in self.source(jobs).items():
            self.figures.setdefault(job.breaker, {})[job.seed] = found

    def seeds_of(self, breaker: PolicySettings) -> list[int]:
        """Return the seeds with which it was run."""
        return sorted(self.figures[breaker])

    def costs(self, breaker: PolicySettings, weights: Weights | None = None) -> list[float]:
        """Return the cost of each seed."""
        using = weights or self.aim.weights
        return [cost(own, bare, using) for own, bare in self.pairs(breaker)]

    def pairs(self, breaker: PolicySettings) -> list[tuple[StudyFigures, StudyFigures]]:
        """Return, for each seed, the figures with this breaker and without any."""
        own, bare = self.figures[breaker], self.figures[OFF]
        return [(own[seed], bare[seed]) for seed in sorted(own)]

    def lost_share(self, breaker: PolicySettings) -> float:
        """Return the share of the answers that this breaker loses, over all seeds."""
        pairs = self.pairs(breaker)
        there = sum(bare.ok for _, bare in pairs)
        return sum(answers_lost(own, bare) for own, bare in pairs) / there if there else 0.0

    def is_allowed(self, breaker: PolicySettings) -> bool:
        """Return whether it loses no more answers than may be lost."""
        return self.lost_share(breaker) <= self.aim.most_lost

    def mean(self, breaker: PolicySettings, weights: Weights | None = None) -> float:
        """Return the mean cost over its seeds."""
        return float(np.mean(self.costs(breaker, weights)))

    def rank(self, breakers: Sequence[PolicySettings], weights: Weights | None = None) -> list[PolicySettings]:
        """Return them sorted, best first, those that lose too much last; ties keep their order."""
        keys = {
            each: (not self.is_allowed(each), round(self.mean(each, weights), 9)) for each in dict.fromkeys(breakers)
        }
        return sorted(keys, key=keys.__getitem__)

    def difference(self, breaker: PolicySettings, other: PolicySettings) -> PairedMean:
        """Return how much more `breaker` costs than `other`, paired by seed."""
        pairs = zip(self.costs(breaker), self.costs(other), strict=True)
        return PairedMean.of([mine - its for mine, its in pairs])


@dataclass(frozen=True)
class PairedMean:
    """A mean over seeds with its 95 % interval; no interval with too few seeds."""

    mean: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, values: Sequence[float]) -> PairedMean:
        """Take the interval of Student's t; values that are all alike leave room for what was not seen."""
        mean = float(np.mean(values))
        found = interval(values, UNSEEN * abs(mean) or None)
        return cls(mean, (found[0], found[1]) if found else None)

    @property
    def verdict(self) -> str:
        """'better' if the whole interval is below 0, 'worse' if it is above, else 'cannot tell'."""
        if self.interval is None or not is_clear(self.interval):
            return "cannot tell"
        return "better" if self.interval[1] < 0 else "worse"


@dataclass(frozen=True)
class SearchResult:
    """The result of the search: all settings tried, the finalists, best first, and the answer."""

    tried: tuple[PolicySettings, ...]
    finalists: tuple[PolicySettings, ...]
    best: PolicySettings
    answer: PolicySettings
    why: str


def count_search_runs(policies: int, candidates: int, seeds: int) -> int:
    """Return the approximate number of runs of a search."""
    kept = max(candidates // _KEPT_SHARE, 2 * policies)
    parents = policies + 2
    refined = len(_REACHES) * parents * _NEIGHBOURS * _SECOND_SEEDS
    return (
        candidates * _FIRST_SEEDS
        + kept * (_SECOND_SEEDS - _FIRST_SEEDS)
        + refined
        + (policies + _FINALISTS) * (seeds - _SECOND_SEEDS)
    )


def search(
    ledger: Ledger,
    spaces: Mapping[str, tuple[Dimension, ...]],
    candidates: int,
    seeds: int,
    seed: int,
    fixed: Sequence[PolicySettings] = (DEFAULT, OFF),
) -> SearchResult:
    """Search the spaces of the policies. `fixed` always take part, the default first among them."""
    places: dict[PolicySettings, Candidate] = {each: Candidate(each) for each in fixed}
    share = -(-candidates // len(spaces)) if spaces else 0
    for policy, dimensions in spaces.items():
        _add(places, draw(dimensions, policy, share, seed))
    ledger.ensure_runs(list(places), _FIRST_SEEDS)
    kept = _select_best(ledger, list(places), max(candidates // _KEPT_SHARE, 2), 2, fixed)
    ledger.ensure_runs(kept, _SECOND_SEEDS)
    for turn, reach in enumerate(_REACHES, start=1):
        parents = _select_best(ledger, kept, 2, 1, ())
        near = [
            each
            for parent in parents
            if parent.policy in spaces
            for each in draw_around(spaces[parent.policy], places[parent], _NEIGHBOURS, seed + turn, reach)
        ]
        _add(places, near)
        kept = list(dict.fromkeys([*kept, *(each.breaker for each in near)]))
        ledger.ensure_runs(kept, _SECOND_SEEDS)
    last = _select_best(ledger, kept, _FINALISTS, 1, fixed)
    ledger.ensure_runs(last, seeds)
    finalists = ledger.rank(last)
    best = finalists[0]
    answer, why = _choose_answer(ledger, finalists, fixed[0])
    return SearchResult(tuple(places), tuple(finalists), best, answer, why)


def _add(places: dict[PolicySettings, Candidate], new: Sequence[Candidate]) -> None:
    for each in new:
        places.setdefault(each.breaker, each)


def _select_best(
    ledger: Ledger, breakers: Sequence[PolicySettings], count: int, of_each: int, fixed: Sequence[PolicySettings]
) -> list[PolicySettings]:
    """Return the best `count`, the best `of_each` of each policy, and the fixed ones: no policy drops out early."""
    order = ledger.rank(breakers)
    by_policy: dict[str, int] = {}
    kept: list[PolicySettings] = []
    for place, each in enumerate(order):
        rank = by_policy[each.policy] = by_policy.get(each.policy, 0) + 1
        if place < count or rank <= of_each or each in fixed:
            kept.append(each)
    return kept


def _choose_answer(
    ledger: Ledger, finalists: Sequence[PolicySettings], default: PolicySettings
) -> tuple[PolicySettings, str]:
    """Choose something other than the default only if the search's own seeds can distinguish the two."""
    best = finalists[0]
    if best == default:
        return default, "nothing that was tried costs less than the default"
    lead = ledger.difference(best, default)
    if lead.verdict != "better" and ledger.is_allowed(default):
        return default, "nothing that was tried can be distinguished from the default"
    if best == OFF:
        return OFF, "no breaker that was tried costs less than having none"
    gain = ledger.difference(best, OFF)
    if gain.verdict != "better":
        return OFF, "no breaker that was tried can be distinguished from having none"
    return best, "it costs least, and less than the default and than no breaker"
