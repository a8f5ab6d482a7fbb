"""The yardstick of each arm that refuses: runs on virtual time that refuse as many requests at random.

Of a live run, too: they are simulated on its weather, and held against a simulated baseline.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from client.pipeline.call import Outcome
from loadtest.engines.virtual.jitter import Jitter
from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.random_yardstick import RandomRun, RandomRuns, choose_refused
from loadtest.figures.summary import fold
from loadtest.figures.verdict import judge_arms
from loadtest.scenario.load.schedule import requests_in
from loadtest.scenario.phases import spans

if TYPE_CHECKING:
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.summary import RunFigures

# Runs for each arm: this many seeds at most, and where there are fewer, several draws of each.
_SEEDS, _DRAWS = 20, 5
# Requests that a report simulates for all its arms: about 4 s. Beyond the second number not even one run of each arm.
_REQUESTS, _MOST_REQUESTS = 100_000, 500_000


def with_yardsticks(done: FinishedRun) -> FinishedRun:
    """Return the run with its verdicts judged against refusing at random.

    As it is where there are none, where no arm refused anything, where a run was cut off or is too long to simulate.
    """
    verdicts = done.summary.verdicts
    if verdicts is None or not done.manifest.complete:
        return done
    arms = [name for name in verdicts.arms if done.summary.arms[name].outcomes[Outcome.FAST_FAIL]]
    each_run = sum(requests_in(done.scenario.load_of(name)) for name in arms)
    if not arms or each_run > _MOST_REQUESTS:
        return done
    at_random = _refuse_at_random(done, verdicts.baseline, arms, max(1, _REQUESTS // 2 // each_run))
    judged = judge_arms(
        verdicts.baseline, {name: done.summary.arms[name] for name in (verdicts.baseline, *verdicts.arms)}, at_random
    )
    return replace(done, summary=replace(done.summary, verdicts=judged))


def _refuse_at_random(done: FinishedRun, baseline: str, arms: list[str], most_runs: int) -> dict[str, RandomRuns]:
    """Return the runs of each arm; at most `most_runs` of each kind."""
    seeds = done.manifest.seeds[: min(_SEEDS, most_runs)]
    draws = max(1, min(math.ceil(_DRAWS / len(seeds)), most_runs // len(seeds)))
    bases = {seed: _baseline_of(done, baseline, seed) for seed in seeds}
    measured = {arm.arm: arm for arm in done.arms}
    found = {}
    for name in arms:
        runs: tuple[list[RandomRun], list[RandomRun]] = ([], [])
        for seed, draw in product(seeds, range(draws)):
            phases = spans(done.scenario.plan_of(name, seed))
            for kind, stretches in zip(runs, (phases, ()), strict=True):
                refused = choose_refused(measured[name].of_seed(seed).rows, stretches, seed, draw)
                run = simulate(done.scenario, name, seed, _jitter_of(done), refused)
                kind.append(RandomRun(bases[seed], fold(run, phases).runs[0]))
        found[name] = RandomRuns(*runs)
    return found


def _baseline_of(done: FinishedRun, baseline: str, seed: int) -> RunFigures:
    """Return the baseline's figures on virtual time: of a live run they are simulated, as those beside them are."""
    if done.manifest.engine == "virtual":
        return next(run for run in done.summary.arms[baseline].runs if run.seed == seed)
    return fold(simulate(done.scenario, baseline, seed), spans(done.scenario.plan_of(baseline, seed))).runs[0]


def _jitter_of(done: FinishedRun) -> Jitter | None:
    return Jitter(done.manifest.jitter_s) if done.manifest.jitter_s else None
