"""The end of a run or of its report: the result and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import typer
from rich.markup import escape

from loadtest.terminal.console import fail, out

if TYPE_CHECKING:
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.run_folder import RunFolder
    from loadtest.terminal.interruption import Interrupted


def conclude(folder: RunFolder, done: FinishedRun, interrupted: Interrupted | None, failed: str) -> NoReturn:
    """Print the result, and end with the right exit code."""
    out.print()
    out.print(done.summary.headline, markup=False)
    for each in done.failures:
        out.print(f"[bold]NOT OK[/bold] {escape(each.name)}: {escape(each.detail)}")
    out.print(f"report: {folder.path / 'report.html'}", markup=False)
    if failed:
        fail(failed, 1)
    if interrupted:
        kept = (
            "the run is complete"
            if done.manifest.complete
            else "the rows so far are kept, and the run is marked incomplete"
        )
        fail(f"interrupted: {kept}", interrupted.exit_code)
    raise typer.Exit(1 if done.failures else 0)
