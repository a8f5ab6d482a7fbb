"""What refusing as many requests at random would have done: the choice of the requests, and the figures. Pure.

With a queue a refusal saves more than itself: whoever waits behind it waits less. So the yardstick of a policy is a
simulated run in which as many requests are refused, but at random; `loadtest/experiments` makes it. Chance knows
neither which requests will fail nor when the backend does: in each disturbance it refuses as many as the policy, spread
evenly over it and the quiet time after it, and for the verdict on the whole run, spread over all of that.
"""

from __future__ import annotations

import random
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from client.pipeline.call import Outcome
from loadtest.figures.comparison import UNSEEN, interval
from loadtest.figures.summary import sort_rows
from loadtest.records.comparison import Gain, RandomYardstick
from loadtest.scenario.phases import OVERALL, disturbance_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loadtest.records.comparison import VerdictCell
    from loadtest.records.rows import Row
    from loadtest.records.summary import RunFigures
    from loadtest.scenario.phases import Span


class RandomRun(NamedTuple):
    """A run that refused at random, and the baseline's on the same weather; of one seed, which both name."""

    baseline: RunFigures
    refusing: RunFigures


class RandomRuns(NamedTuple):
    """Runs that refused as many requests as an arm in each disturbance, and runs that did so in the whole."""

    in_disturbances: Sequence[RandomRun] = ()
    overall: Sequence[RandomRun] = ()


class Savings(NamedTuple):
    """What one run saved against the baseline's, as shares; `beyond`: less the answers lost."""

    lost: float
    seconds_saved: float
    seconds_beyond: float
    calls_saved: float
    calls_beyond: float


def choose_refused(rows: Sequence[Row], phases: Sequence[Span], seed: int, draw: int) -> frozenset[str]:
    """Draw as many requests as were refused, and return their ids; another `draw` gives others.

    With `phases`, as many as in each disturbance with the quiet time after it, and in the time before the first.
    """
    stretches: dict[str, list[Row]] = {}
    for name, some in (sort_rows(rows, phases) if phases else {OVERALL: rows}).items():
        stretches.setdefault(disturbance_of(name), []).extend(some)
    chosen: set[str] = set()
    for name, group in stretches.items():
        refused = sum(row.outcome == Outcome.FAST_FAIL for row in group)
        chosen |= draw_requests([row.id for row in group], refused, f"{seed} {draw} {name}")
    return frozenset(chosen)


def draw_requests(ids: Iterable[int], count: int, key: str) -> frozenset[str]:
    """Draw some of the requests at random, the same for the same key."""
    draws = random.Random(f"{key} refused at random")  # noqa: S311 - a yardstick keeps no secret
    return frozenset(map(str, draws.sample(sorted(ids), count)))


def mean_by_seed(savings: Sequence[tuple[int, Savings]], seeds: Iterable[int]) -> dict[int, Savings]:
    """Return the mean of each seed, from (seed, savings) of each run that refused at random.

    A seed without such a run has the mean of the others.
    """
    found: dict[int, list[Savings]] = {}
    for seed, each in savings:
        found.setdefault(seed, []).append(each)
    means = {seed: _mean(several) for seed, several in found.items()}
    usual = _mean(list(means.values()))
    return {seed: means.get(seed, usual) for seed in seeds}


def _mean(several: Sequence[Savings]) -> Savings:
    return Savings(*map(fmean, zip(*several, strict=True)))


def measure_yardstick(
    savings: Sequence[tuple[int, Savings]], expected: Mapping[int, Savings], seconds_lead: Gain, calls_lead: Gain
) -> RandomYardstick:
    """Return the yardstick of an arm. `expected`: the means of `savings` by seed; leads: what the arm has beyond it."""
    seeds = list(dict.fromkeys(seed for seed, _ in savings))
    return RandomYardstick(
        runs=len(savings),
        **{name: _gain([getattr(expected[seed], name) for seed in seeds]) for name in Savings._fields},
        seconds_lead=seconds_lead,
        calls_lead=calls_lead,
    )


def _gain(values: Sequence[float]) -> Gain:
    return Gain(fmean(values), interval(values, UNSEEN))


def leads_of(cell: VerdictCell) -> tuple[Gain, Gain]:
    """Return what an arm saved of seconds and of calls beyond the yardstick, which is 0 where it refused nothing."""
    if cell.random_yardstick is None:
        return cell.seconds_beyond, cell.calls_beyond
    return cell.random_yardstick.seconds_lead, cell.random_yardstick.calls_lead
