"""Where a pinned run stands among all runs that its scenario could have given: many seeds on virtual time.

The result is kept beside the scenario, so that every report can show it: `make distribution` makes it anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from loadtest import scenario
from loadtest.document import compare_experiment_2
from loadtest.seeds import parse_seeds
from loadtest.summary import fold
from loadtest.virtual.simulate import simulate


def conditions(found: scenario.Scenario) -> str:
    """Name what the distribution depends on: load, faults and arms, without the seed and the texts.

    What stands at its default is left out, so that a setting that is new changes nothing.
    """
    texts = {"seed", "pinned", "title", "about", "expect", "document", "baseline", "name"}
    return sha256(found.model_dump_json(exclude=texts, exclude_defaults=True).encode()).hexdigest()[:16]


def measure(found: scenario.Scenario, seeds: str) -> dict[str, Any]:
    """Return every figure of the document's Experiment 2 for each seed, and how many runs never tripped."""
    figures: dict[str, list[float]] = {}
    never = 0
    chosen = parse_seeds(seeds)
    for number, seed in enumerate(chosen, start=1):
        arms = {arm: fold(simulate(found, arm, seed)) for arm in found.arms}
        never += not any(arm["trips"] for arm in arms.values())
        for figure in compare_experiment_2(arms):
            figures.setdefault(figure.name, []).append(round(float(figure.measured or 0.0), 3))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number} of {len(chosen)} seeds")
    return {"conditions": conditions(found), "seeds": seeds, "never_tripped": never, "figures": figures}


def known(found: scenario.Scenario) -> dict[str, Any] | None:
    """Return the distribution kept for a shipped scenario; none where there is none, or where it was for others."""
    file = resources.files("loadtest") / "scenarios" / f"{found.name}.seeds.json"
    if not file.is_file():
        return None
    kept = dict(json.loads(file.read_text(encoding="utf-8")))
    return kept if kept["conditions"] == conditions(found) else None


def main() -> None:
    """Measure a shipped scenario and keep the result beside it."""
    parser = argparse.ArgumentParser(prog="distribution", description=__doc__)
    parser.add_argument("--seeds", default="1-500", help="seeds to run (default: 1-500)")
    options = parser.parse_args()
    found, _ = scenario.read("experiment-2")
    kept = measure(found, options.seeds)
    path = Path(__file__).parents[1] / "scenarios" / f"{found.name}.seeds.json"
    path.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path.name}: {options.seeds}, {kept['never_tripped']} runs never tripped\n")


if __name__ == "__main__":
    main()
