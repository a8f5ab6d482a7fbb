"""The command `fill`, which the web UI uses."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import Annotated

import typer


def fill(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a prepared run.")]) -> None:
    """Fill a prepared run folder on virtual time, and print nothing."""
    from rich.console import Console

    from loadtest.disk.trouble import DiskError
    from loadtest.engines.virtual.engine import run_on_virtual_time
    from loadtest.records.news import News
    from loadtest.records.run_folder import RunFolder
    from loadtest.studies.many_runs.processes import spread_in_order
    from loadtest.terminal.console import fail
    from loadtest.terminal.narrator import Narrator

    run = RunFolder(folder)
    manifest = run.manifest()
    narrator = Narrator(
        Console(quiet=True), run.scenario(), manifest.arms, manifest.seeds, News(run), virtual=True, quiet=True
    )
    try:
        run_on_virtual_time(run, narrator, spread_in_order)
    except DiskError as error:
        fail(run.describe_loss(error), 1)
