"""Draw many small experiments from a large pool of runs, and count the intervals that cover the pool's own mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.comparison import interval, step_of
from loadtest.figures.summary import fold
from loadtest.records.comparison import ComparedArm
from loadtest.scenario import files
from loadtest.terminal.progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SEEDS = (5, 10, 20, 50)
EXPERIMENTS = 4000


@dataclass(frozen=True)
class Source:
    """Where the runs of a pool come from: two arms of a scenario, with the seeds from 1 on."""

    scenario: str
    baseline: str
    arm: str
    runs: int


SOURCES = (
    Source("experiment-2", "without", "with", 3000),
    Source("policies", "off", "count-window", 600),
    Source("policies", "off", "throttle", 600),
)
Pair = tuple[float, float]


@dataclass(frozen=True)
class Coverage:
    """The share of intervals that cover the pool's mean difference, in the order of SEEDS."""

    scenario: str
    arm: str
    figure: str
    runs: int
    shares: list[float]


def measure_coverage(sources: Sequence[Source] = SOURCES, experiments: int = EXPERIMENTS) -> list[Coverage]:
    """Return the coverage for every figure whose difference varies from run to run."""
    found = []
    for source in sources:
        for figure, pairs in draw_pool(source).items():
            if len({after - before for before, after in pairs}) > 1:
                shares = [share_covered(figure, pairs, seeds, experiments) for seeds in SEEDS]
                found.append(Coverage(source.scenario, source.arm, figure, source.runs, shares))
    return found


def draw_pool(source: Source) -> dict[str, list[Pair]]:
    """Return (baseline, arm) of every run for each figure that virtual time has."""
    scenario, _ = files.read(source.scenario)
    names = [each.name for each in fields(ComparedArm) if each.name != "client_cpu_s"]
    pool: dict[str, list[Pair]] = {name: [] for name in names}
    with progress(f"{source.scenario}, {source.arm}", source.runs) as on_progress:
        for seed in range(1, source.runs + 1):
            sides = [fold(simulate(scenario, arm, seed)) for arm in (source.baseline, source.arm)]
            for name in names:
                before, after = (getattr(side, name) for side in sides)
                if before is not None and after is not None:
                    pool[name].append((before, after))
            on_progress(seed)
    return pool


def share_covered(figure: str, pairs: Sequence[Pair], seeds: int, experiments: int) -> float:
    """Return the share of experiments, of so many seeds each, whose interval covers the mean of the whole pool."""
    pool = np.asarray(pairs)
    truth = float((pool[:, 1] - pool[:, 0]).mean())
    chosen = np.random.default_rng(seeds).integers(0, len(pool), (experiments, seeds))
    covered = 0
    for places in chosen:
        before, after = pool[places, 0], pool[places, 1]
        bounds = interval((after - before).tolist(), step_of(figure, float(before.mean()), float(after.mean())))
        covered += bounds is not None and bounds[0] <= truth <= bounds[1]
    return covered / experiments


def as_json(found: Sequence[Coverage]) -> dict[str, Any]:
    """Return what is kept."""
    return {"schema": 1, "experiments": EXPERIMENTS, "seeds": list(SEEDS), "figures": [asdict(each) for each in found]}


def as_table(kept: Mapping[str, Any]) -> str:
    """Return the Markdown table of what is kept."""
    head = ["scenario", "arm", "figure", *(f"{seeds} seeds" for seeds in kept["seeds"])]
    rows = []
    for each in kept["figures"]:
        shares = [f"{100 * share:.1f} %" for share in each["shares"]]
        rows.append([each["scenario"], f"`{each['arm']}`", f"`{each['figure']}`", *shares])
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))
