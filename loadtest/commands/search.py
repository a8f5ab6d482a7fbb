"""The command `search`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from loadtest.terminal.console import out


def search(
    seconds: Annotated[float, typer.Option(min=0, help="Time for drawing settings.")] = 240.0,
    climbs: Annotated[int, typer.Option(min=1, help="Number of the best to improve.")] = 12,
    steps: Annotated[int, typer.Option(min=0, help="Small changes to try on each of them.")] = 250,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 1,
) -> None:
    """Repeat the search for the settings and the seed of Experiment 2; print the results, best first."""
    from loadtest.experiments.experiment_2.search import search_settings

    tried, best = search_settings(seconds, climbs, steps, seed, _print_progress)
    for score, settings in best:
        out.print(f"{score:.3f} {json.dumps(settings)}", markup=False)
    out.print(f"{tried} runs drawn", markup=False)


def _print_progress(progress: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{progress} ")
