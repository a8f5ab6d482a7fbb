"""Where a pinned run stands among all runs that its scenario could have given: many seeds on virtual time.

The result is kept beside the scenario, so that every report can show it: `make distribution` makes it anew.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from inputs.extra import require
from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.registry import experiment_of
from loadtest.figures.comparison import compare
from loadtest.figures.summary import fold
from loadtest.scenario import files
from loadtest.scenario.seeds import parse_seeds
from loadtest.terminal.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loadtest.scenario.model import Scenario

# What virtual time does not have: the time that the client's process takes.
_OUTSIDE = {"client_cpu_s"}


def conditions(found: Scenario) -> str:
    """Name what the distribution depends on: load, faults and arms, without the seed and the texts.

    What stands at its default is left out, so that a setting that is new changes nothing.
    """
    texts = {"seed", "pinned", "title", "about", "expect", "document", "baseline", "name"}
    return sha256(
        found.model_dump_json(
            exclude={**dict.fromkeys(texts, True), "arms": {"__all__": {"documented"}}}, exclude_defaults=True
        ).encode()
    ).hexdigest()[:16]


def measure(found: Scenario, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the document's figures for each seed, the runs that never tripped, and what the arms differ by.

    `figures`: name -> a value for each seed; `never_tripped`: arm with a breaker -> runs, and `share_tripped` the share
    of the others with its exact 95 % interval; `paired`: figure -> the means
    of both arms, their difference and its 95 % interval from resampling runs, where the scenario has a baseline.
    """
    experiment = experiment_of(found)
    compare_chance = experiment.compare_chance if experiment else lambda _: []
    figures: dict[str, list[float]] = {}
    never = {name: 0 for name, arm in found.arms.items() if arm.decides}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in found.arms}
    with progress("seeds", len(seeds)) as tell:
        for number, seed in enumerate(seeds, start=1):
            folded = {arm: fold(simulate(found, arm, seed)) for arm in found.arms}
            for name in never:
                never[name] += not folded[name]["trips"]
            for name, each in folded.items():
                runs[name] += each["runs"]
            for figure in compare_chance(folded):
                figures.setdefault(figure.name, []).append(round(float(figure.measured or 0.0), 3))
            tell(number)
    compared = compare(found.baseline, {name: {"runs": each} for name, each in runs.items()})
    return {
        "conditions": conditions(found),
        "runs": len(seeds),
        "never_tripped": never,
        "share_tripped": {name: _share(len(seeds) - count, len(seeds)) for name, count in never.items()},
        "figures": figures,
        "paired": {
            arm: {name: pair for name, pair in pairs.items() if pair["interval"] and name not in _OUTSIDE}
            for arm, pairs in (compared or {"arms": {}})["arms"].items()
        },
    }


def _share(hits: int, of: int) -> dict[str, Any]:
    from scipy import stats  # noqa: PLC0415 - half a second's work, which a report can do without

    found = stats.binomtest(hits, of).proportion_ci(0.95, "exact")
    return {"share": hits / of, "interval": [float(found.low), float(found.high)]}


def kept_for(found: Scenario) -> dict[str, Any] | None:
    """Return the distribution kept for a shipped scenario; None if none is kept, or only for other settings."""
    file = _file(found.name)
    if not file.is_file():
        return None
    kept = dict(json.loads(file.read_text(encoding="utf-8")))
    return kept if kept["conditions"] == conditions(found) else None


def make(name: str, seeds: str) -> dict[str, Any]:
    """Measure a shipped scenario, and keep the result beside it."""
    require("scipy", "distribution", "make .venv/.lab")
    found, _ = files.read(name)
    kept = {"seeds": seeds, **measure(found, parse_seeds(seeds))}
    _file(name).write_text(json.dumps(kept) + "\n", encoding="utf-8")
    return kept


def _file(name: str) -> Path:
    return files.folder_of(name) / "seeds.json"
