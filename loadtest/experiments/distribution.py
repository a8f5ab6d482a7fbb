"""Where a pinned run stands among all runs that its scenario could have given: many seeds on virtual time.

The result is kept beside the scenario, so that every report can show it: `make distribution` makes it anew.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from inputs.extra import require
from loadtest.disk.whole import write_whole
from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.many_seeds import SeedDistribution, ShareOfRuns
from loadtest.experiments.registry import experiment_of
from loadtest.figures.comparison import compare_arms
from loadtest.figures.summary import fold
from loadtest.records.shapes import as_json
from loadtest.scenario import files
from loadtest.scenario.seeds import parse_seeds
from loadtest.terminal.progress import progress

if TYPE_CHECKING:
    from pathlib import Path

    from loadtest.records.summary import RunFigures
    from loadtest.scenario.model import Scenario

# What virtual time does not have: the time that the client's process takes.
_OUTSIDE = {"client_cpu_s"}


def conditions(scenario: Scenario) -> str:
    """Name what the distribution depends on: load, faults and arms, without the seed and the texts.

    What stands at its default is left out, so that a setting that is new changes nothing.
    """
    texts = {"seed", "pinned", "title", "about", "expect", "document", "baseline", "name"}
    return sha256(
        scenario.model_dump_json(
            exclude={**dict.fromkeys(texts, True), "arms": {"__all__": {"documented"}}}, exclude_defaults=True
        ).encode()
    ).hexdigest()[:16]


def measure_distribution(scenario: Scenario, seeds: str) -> SeedDistribution:
    """Run every arm with each of the seeds, such as 1-500. Raises WrongInputError for seeds that are none."""
    numbers = parse_seeds(seeds)
    experiment = experiment_of(scenario)
    compare_chance = experiment.compare_chance if experiment else lambda _: []
    figures: dict[str, list[float]] = {}
    never = {name: 0 for name, arm in scenario.arms.items() if arm.decides}
    runs: dict[str, list[RunFigures]] = {name: [] for name in scenario.arms}
    with progress("seeds", len(numbers)) as on_progress:
        for number, seed in enumerate(numbers, start=1):
            folded = {arm: fold(simulate(scenario, arm, seed)) for arm in scenario.arms}
            for name in never:
                never[name] += not folded[name].trips
            for name, each in folded.items():
                runs[name] += each.runs
            for figure in compare_chance(folded):
                figures.setdefault(figure.name, []).append(round(float(figure.measured or 0.0), 3))
            on_progress(number)
    compared = compare_arms(scenario.baseline, runs)
    return SeedDistribution(
        seeds=seeds,
        conditions=conditions(scenario),
        runs=len(numbers),
        never_tripped=never,
        share_tripped={name: _share(len(numbers) - count, len(numbers)) for name, count in never.items()},
        figures=figures,
        paired={
            arm: {name: pair for name, pair in vars(pairs).items() if pair.interval and name not in _OUTSIDE}
            for arm, pairs in (compared.arms.items() if compared else ())
        },
    )


def _share(hits: int, of: int) -> ShareOfRuns:
    from scipy import stats  # noqa: PLC0415 - half a second's work, which a report can do without

    bounds = stats.binomtest(hits, of).proportion_ci(0.95, "exact")
    return ShareOfRuns(hits / of, [float(bounds.low), float(bounds.high)])


def read_distribution(scenario: Scenario) -> SeedDistribution | None:
    """Return the distribution kept for a shipped scenario; None if none is kept, or only for other settings."""
    file = _file(scenario.name)
    if not file.is_file():
        return None
    kept = TypeAdapter(SeedDistribution).validate_json(file.read_bytes())
    return kept if kept.conditions == conditions(scenario) else None


def make_distribution(name: str, seeds: str) -> SeedDistribution:
    """Measure a shipped scenario, and keep the result beside it. Raises DiskError."""
    require("scipy", "distribution", "make .venv/.lab")
    scenario, _ = files.read(name)
    measured = measure_distribution(scenario, seeds)
    write_whole(_file(name), json.dumps(as_json(measured)) + "\n")
    return measured


def _file(name: str) -> Path:
    return files.folder_of(name) / "seeds.json"
