"""Which arm helped and which harmed, disturbance by disturbance: the rule, and its application. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from client.pipeline.call import Outcome
from loadtest.figures.comparison import UNSEEN, interval
from loadtest.figures.random_yardstick import RandomRuns, Savings, mean_by_seed, measure_yardstick
from loadtest.records.comparison import BothSides, Gain, Judgement, Stretch, VerdictCell, Verdicts
from loadtest.scenario.phases import OVERALL, disturbances, group_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from loadtest.figures.random_yardstick import RandomRun
    from loadtest.records.summary import ArmSummary, RunFigures
    from loadtest.scenario.arm_figures import PhaseFigures

# Answers lost or won count from this share of the requests on, or from this share of the baseline's answers on, and
# beyond this number in all runs together: so much a race between two timers may move.
ANSWERS = 0.01
OF_ANSWERS = 0.10
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


Pairs = Sequence[tuple[RunTotals, RunTotals]]


@dataclass(frozen=True)
class Shares:
    """All runs of an arm against the baseline's, as shares of what the baseline has; `answers`: of the requests.

    `answers` and `lost` are of opposite sign; the saving `beyond` is what is left of `saved` when `lost` is taken off:
    if calls do not wait for each other, whoever refuses at random saves one per cent of the work for each per cent of
    the answers. Elsewhere refusing at random saves more, which `random_yardstick` measures.
    """

    answers: Gain
    lost: Gain
    seconds_saved: Gain
    seconds_beyond: Gain
    calls_saved: Gain
    calls_beyond: Gain

    @property
    def balance(self) -> float:
        """The mean of both savings, less what was lost."""
        return (self.seconds_saved.share + self.calls_saved.share) / 2 - self.lost.share


class _Ratio(NamedTuple):
    """A sum over runs as a share of another one, and what each run adds to its error (linearized).

    Cochran, Sampling Techniques, 3rd edition, 2.11: the error of a ratio of sums is that of the mean of y - r x.
    """

    share: float
    errors: NDArray[np.float64]

    def gain(self) -> Gain:
        return Gain(self.share, interval((self.share + self.errors).tolist(), UNSEEN))


def compare_totals(pairs: Pairs, by_chance: Sequence[Savings] = ()) -> Shares:
    """Compare (baseline, other) of each run, all runs together.

    `by_chance`: what refusing at random saves in each run, which is taken off what is saved beyond the answers lost.
    """
    base, other = (_columns([pair[side] for pair in pairs]) for side in (0, 1))
    won = other["ok"] - base["ok"]
    answers, lost = _ratio(won, base["requests"]), _ratio(-won, base["ok"])
    seconds, calls = (_ratio(base[name] - other[name], base[name]) for name in ("seconds", "calls"))
    return Shares(
        answers=answers.gain(),
        lost=lost.gain(),
        seconds_saved=seconds.gain(),
        seconds_beyond=_less_chance(_less_lost(seconds, lost), [each.seconds_beyond for each in by_chance]).gain(),
        calls_saved=calls.gain(),
        calls_beyond=_less_chance(_less_lost(calls, lost), [each.calls_beyond for each in by_chance]).gain(),
    )


def _columns(runs: Sequence[RunTotals]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array([getattr(run, name) for run in runs], float) for name in RunTotals.__dataclass_fields__}


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> _Ratio:
    if not whole.sum():
        return _Ratio(0.0, np.zeros(len(whole)))
    share = float(part.sum() / whole.sum())
    return _Ratio(share, (part - share * whole) / whole.mean())


def _less_lost(saved: _Ratio, lost: _Ratio) -> _Ratio:
    """Take what was lost off what was saved; answers won are no saving."""
    return saved if lost.share <= 0 else _Ratio(saved.share - lost.share, saved.errors - lost.errors)


def _less_chance(saved: _Ratio, by_chance: Sequence[float]) -> _Ratio:
    if not by_chance:
        return saved
    expected = np.array(by_chance)
    mean = float(expected.mean())
    return _Ratio(saved.share - mean, saved.errors - (expected - mean))


def decide_verdict(*, won: bool, lost: bool, saved: bool, spent: bool, balance: float = 0.0) -> Judgement:
    """Return the verdict: the gain is answers won or work saved, the harm answers lost or work spent.

    A trade goes by its balance.
    """
    gain, harm = won or saved, lost or spent
    if gain and harm:
        return Judgement.TRADE_UP if balance > 0 else Judgement.TRADE_DOWN
    return Judgement.HELPED if gain else Judgement.HARMED if harm else Judgement.SAME


def verdict_over_seeds(pairs: Pairs, by_chance: Sequence[Savings] = ()) -> Judgement:
    """Return the verdict on (baseline, other) of each run, by what all runs have together.

    `by_chance`: what refusing at random saves in each run. It is taken off where answers are lost: whoever loses none
    has helped, however simple the rule that did it.

    `unclear` where the intervals do not back it: what is beyond its limit has to be more than nothing, and 'no
    difference' needs every interval within the limits. One run has no intervals: it can say what happened in it, but
    not that nothing would.
    """
    if not pairs:
        return Judgement.UNCLEAR
    shares = compare_totals(pairs)
    limit = _limit_of_answers([base for base, _ in pairs])
    if by_chance and _is_beyond(shares.answers, limit, -1):
        shares = compare_totals(pairs, by_chance)
    by_totals, by_intervals = (_decide_by(shares, limit, goes_beyond) for goes_beyond in (_is_beyond, _is_backed))
    if by_totals != by_intervals:
        return Judgement.UNCLEAR
    if by_totals == Judgement.SAME and not _lies_within(shares, limit):
        return Judgement.UNCLEAR
    return by_totals


def _limit_of_answers(base: Sequence[RunTotals]) -> float:
    """Return how many answers, as a share of all requests, may be lost or won without a word."""
    requests, ok = sum(run.requests for run in base), sum(run.ok for run in base)
    return max(FEW, min(ANSWERS * requests, OF_ANSWERS * ok)) / requests if requests else 0.0


def _decide_by(shares: Shares, limit: float, goes_beyond: Callable[[Gain, float, int], bool]) -> Judgement:
    """Decide with `goes_beyond(gain, limit, sign)`."""
    return decide_verdict(
        won=goes_beyond(shares.answers, limit, 1),
        lost=goes_beyond(shares.answers, limit, -1),
        saved=goes_beyond(shares.seconds_beyond, SAVING, 1) or goes_beyond(shares.calls_beyond, SAVING, 1),
        spent=goes_beyond(shares.seconds_saved, SAVING, -1) or goes_beyond(shares.calls_saved, SAVING, -1),
        balance=shares.balance,
    )


def _is_beyond(gain: Gain, limit: float, sign: int) -> bool:
    return sign * gain.share > limit


def _is_backed(gain: Gain, limit: float, sign: int) -> bool:
    """Whether the interval, where there are enough runs for one, excludes that there is nothing."""
    if not _is_beyond(gain, limit, sign):
        return False
    return gain.interval is None or min(sign * end for end in gain.interval) > 0


def _lies_within(shares: Shares, limit: float) -> bool:
    """Whether every interval lies within the limits; without intervals nobody knows."""
    held = (
        (shares.answers, -limit, limit),
        (shares.seconds_beyond, -math.inf, SAVING),
        (shares.calls_beyond, -math.inf, SAVING),
        (shares.seconds_saved, -SAVING, math.inf),
        (shares.calls_saved, -SAVING, math.inf),
    )
    return all(gain.interval and low <= gain.interval[0] < gain.interval[1] <= high for gain, low, high in held)


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
        runs=min(map(len, others.values())),
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
    runs = list(pairs.values())
    shares = compare_totals(runs)
    whole: dict[str, Any] = {**vars(_sum_stretch(runs)), **vars(shares), "balance": shares.balance}
    if not chance:
        return VerdictCell(verdict=verdict_over_seeds(runs), **whole)
    savings = [(seed, _savings_of(base, refusing)) for seed, base, refusing in chance]
    expected = mean_by_seed(savings, pairs)
    by_chance = list(expected.values())
    lead = compare_totals(runs, by_chance)
    return VerdictCell(
        verdict=verdict_over_seeds(runs, by_chance),
        **whole,
        random_yardstick=measure_yardstick(savings, expected, lead.seconds_beyond, lead.calls_beyond),
    )


def _savings_of(base: RunTotals, other: RunTotals) -> Savings:
    shares = compare_totals([(base, other)])
    return Savings(**{name: getattr(shares, name).share for name in Savings._fields})


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
