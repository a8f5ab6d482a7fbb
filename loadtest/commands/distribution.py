"""The command `distribution`."""

from __future__ import annotations

from typing import Annotated

import typer

from loadtest.terminal.console import out


def distribution(
    seeds: Annotated[str, typer.Option(help="Such as 1-20 (default: as many as each experiment's report shows).")] = "",
) -> None:
    """Repeat the document's experiments over many seeds on virtual time, for their reports."""
    from loadtest.experiments.distribution import make_distribution
    from loadtest.experiments.registry import experiments

    for name, experiment in experiments().items():
        kept = make_distribution(name, seeds or experiment.seeds)
        never = ", ".join(f"{arm} {count}" for arm, count in kept.never_tripped.items())
        out.print(f"{name}: seeds {kept.seeds}, runs that never tripped: {never}", markup=False)
