"""Which arm helped and which harmed, disturbance by disturbance: the rule, and its application. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from client.pipeline.call import Outcome
from loadtest.figures.comparison import interval
from loadtest.figures.random_yardstick import RandomRuns, Savings, mean_by_seed, measure_yardstick
from loadtest.records.comparison import BothSides, Gain, Judgement, Stretch, VerdictCell, Verdicts
from loadtest.scenario.phases import OVERALL, disturbances, group_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadtest.figures.random_yardstick import RandomRun
    from loadtest.records.summary import ArmSummary, RunFigures
    from loadtest.scenario.arm_figures import PhaseFigures

# More answers lost or won than this share of the requests count, and more than this number in a run: so much a race
# between two timers may move.
ANSWERS = 0.01
FEW = 2
# Request-seconds or backend calls saved beyond the answers lost count from this share of the baseline's on.
SAVING = 0.10


@dataclass(frozen=True)
class RunTotals:
    """What one run spent and got, in one group of phases or in several."""

    requests: int = 0
    ok: int = 0
    seconds: float = 0.0
    calls: int = 0

    def __add__(self, other: RunTotals) -> RunTotals:
        """Return both together."""
        return RunTotals(
            self.requests + other.requests,
            self.ok + other.ok,
            self.seconds + other.seconds,
            self.calls + other.calls,
        )


class Shares(NamedTuple):
    """One run against the baseline's. Shares of what the baseline has, but `answers`: of the requests; `won`: a number.

    `answers` and `lost` are of opposite sign; the saving `beyond` is what is left of `saved` when `lost` is taken off:
    if calls do not wait for each other, whoever refuses at random saves one per cent of the work for each per cent of
    the answers. Elsewhere refusing at random saves more, which `random_yardstick` measures.
    """

    won: int
    answers: float
    lost: float
    seconds_saved: float
    seconds_beyond: float
    calls_saved: float
    calls_beyond: float


def compare_totals(base: RunTotals, other: RunTotals) -> Shares:
    """Compare one run with the baseline's."""
    won = other.ok - base.ok
    answers = won / base.requests if base.requests else 0.0
    lost = -won / base.ok if base.ok else 0.0
    seconds = 1 - other.seconds / base.seconds if base.seconds else 0.0
    calls = 1 - other.calls / base.calls if base.calls else 0.0
    return Shares(won, answers, lost, seconds, seconds - max(0.0, lost), calls, calls - max(0.0, lost))


def decide_verdict(*, won: bool, lost: bool, saved: bool, spent: bool) -> Judgement:
    """Return the verdict: the gain is answers won or work saved, the harm answers lost or work spent.

    Lost or won: more than ANSWERS of the requests, and more than FEW. Saved: SAVING beyond what is lost, of seconds or
    of calls. Spent: SAVING more of either.
    """
    gain, harm = won or saved, lost or spent
    if gain and harm:
        return Judgement.TRADE
    return Judgement.HELPED if gain else Judgement.HARMED if harm else Judgement.SAME


def verdict_over_seeds(runs: Sequence[Shares]) -> Judgement:
    """Return the verdict on the means over seeds; `unclear` where the intervals do not back it."""
    by_means, by_intervals = (_decide_by(runs, goes_beyond) for goes_beyond in (_mean_beyond, _interval_beyond))
    return by_means if by_means == by_intervals else Judgement.UNCLEAR


def _decide_by(runs: Sequence[Shares], goes_beyond: Callable[[Sequence[float], float], bool]) -> Judgement:
    """Decide with `goes_beyond(values, limit)`."""

    def exceeds(name: str, limit: float) -> bool:
        return goes_beyond([getattr(run, name) for run in runs], limit)

    def falls_below(name: str, limit: float) -> bool:
        return goes_beyond([-getattr(run, name) for run in runs], limit)

    saved = exceeds("seconds_beyond", SAVING) or exceeds("calls_beyond", SAVING)
    spent = falls_below("seconds_saved", SAVING) or falls_below("calls_saved", SAVING)
    won = exceeds("answers", ANSWERS) and exceeds("won", FEW)
    lost = falls_below("answers", ANSWERS) and falls_below("won", FEW)
    return decide_verdict(won=won, lost=lost, saved=saved, spent=spent)


def _mean_beyond(values: Sequence[float], limit: float) -> bool:
    return bool(values) and float(np.mean(values)) > limit


def _interval_beyond(values: Sequence[float], limit: float) -> bool:
    """Whether the interval, where there are enough runs for one, excludes that there is nothing."""
    bounds = interval(values) if _mean_beyond(values, limit) else None
    return _mean_beyond(values, limit) and (bounds is None or bounds[0] > 0)


def judge_arms(
    baseline: str | None, arms: Mapping[str, ArmSummary], at_random: Mapping[str, RandomRuns] | None = None
) -> Verdicts | None:
    """Return the verdict on each arm in each disturbance and overall, from folded arms on the same weather.

    A disturbance is its phases and the quiet time after them; `parts` has both by themselves. One that no request
    met is left out, as is an arm without a seed of the baseline's. None without named phases, a baseline, or a second
    arm. `at_random`: runs that refused as many requests as an arm, but at random; only what an arm saved beyond them
    counts as saved.
    """
    if baseline is None or baseline not in arms:
        return None
    phases = arms[baseline].phases or {}
    named = [name for name in disturbances(phases) if phases[name].requests]
    base = {run.seed: run for run in arms[baseline].runs}
    others = {name: [run for run in arm.runs if run.seed in base] for name, arm in arms.items() if name != baseline}
    others = {name: runs for name, runs in others.items() if runs}
    if not named or not others:
        return None
    return Verdicts(
        baseline,
        runs=len(base),
        arms={
            name: {
                **{each: _judge_disturbance(base, runs, each, chance.in_disturbances) for each in named},
                OVERALL: _judge_pairs(
                    {run.seed: (_totals(base[run.seed]), _totals(run)) for run in runs},
                    [(each.refusing.seed, _totals(each.baseline), _totals(each.refusing)) for each in chance.overall],
                ),
            }
            for name, runs in others.items()
            for chance in [(at_random or {}).get(name, RandomRuns())]
        },
    )


def _judge_disturbance(
    base: Mapping[int, RunFigures], runs: Sequence[RunFigures], disturbance: str, at_random: Sequence[RandomRun]
) -> VerdictCell:
    groups = (disturbance, group_after(disturbance))
    there = [group for group in groups if group in (runs[0].phases or {})]
    parts = {group: _sum_stretch(list(_pair_groups(base, runs, [group]).values())) for group in there}
    chance = [
        (each.refusing.seed, _totals_of(each.baseline, groups), _totals_of(each.refusing, groups)) for each in at_random
    ]
    return replace(_judge_pairs(_pair_groups(base, runs, groups), chance), parts=parts)


def _judge_pairs(
    pairs: Mapping[int, tuple[RunTotals, RunTotals]], chance: Sequence[tuple[int, RunTotals, RunTotals]]
) -> VerdictCell:
    """Judge (baseline, other) of each seed. `chance`: the seed, the baseline and a run that refused at random."""
    shares = {seed: compare_totals(*pair) for seed, pair in pairs.items()}
    gains: dict[str, Any] = {
        name: _gain([getattr(each, name) for each in shares.values()]) for name in Shares._fields[1:]
    }
    stretch = vars(_sum_stretch(list(pairs.values())))
    if not chance:
        return VerdictCell(verdict=verdict_over_seeds(list(shares.values())), **stretch, **gains)
    savings = [(seed, _savings(compare_totals(base, refusing))) for seed, base, refusing in chance]
    expected = mean_by_seed(savings, shares)
    judged = [_reduce_by_chance(each, expected[seed]) for seed, each in shares.items()]
    own = {seed: _savings(each) for seed, each in shares.items()}
    return VerdictCell(
        verdict=verdict_over_seeds(judged),
        **stretch,
        **gains,
        random_yardstick=measure_yardstick(savings, expected, own),
    )


def _savings(shares: Shares) -> Savings:
    return Savings(**{name: getattr(shares, name) for name in Savings._fields})


def _reduce_by_chance(shares: Shares, expected: Savings) -> Shares:
    """Take off what refusing at random would have saved beyond the answers that it loses."""
    return shares._replace(
        seconds_beyond=shares.seconds_beyond - expected.seconds_beyond,
        calls_beyond=shares.calls_beyond - expected.calls_beyond,
    )


def _gain(values: Sequence[float]) -> Gain:
    return Gain(float(np.mean(values)), interval(values))


def _sum_stretch(pairs: Sequence[tuple[RunTotals, RunTotals]]) -> Stretch:
    """Return the means over seeds."""

    def compare_sides(name: str) -> BothSides:
        return BothSides(*(float(np.mean([getattr(pair[side], name) for pair in pairs])) for side in (0, 1)))

    return Stretch(
        compare_sides("requests").baseline, compare_sides("ok"), compare_sides("seconds"), compare_sides("calls")
    )


def _pair_groups(
    base: Mapping[int, RunFigures], runs: Sequence[RunFigures], groups: Sequence[str]
) -> dict[int, tuple[RunTotals, RunTotals]]:
    return {run.seed: (_totals_of(base[run.seed], groups), _totals_of(run, groups)) for run in runs}


def _totals_of(run: RunFigures, groups: Sequence[str]) -> RunTotals:
    phases = run.phases or {}
    return sum((_totals(phases[group]) for group in groups if group in phases), RunTotals())


def _totals(figures: RunFigures | PhaseFigures) -> RunTotals:
    return RunTotals(figures.requests, figures.outcomes[Outcome.OK], figures.in_flight_s, figures.backend_calls)
