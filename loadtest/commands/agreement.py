"""The command `agreement`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from loadtest.commands.options import OutDir, read_settings
from loadtest.terminal.console import fail, out


def agreement(
    live: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="A live run to compare with virtual time; repeat it (default: run both now)."),
    ] = None,
    out_dir: OutDir = None,
) -> None:
    """Run the document's experiments on both engines with the same seeds, and compare every request.

    Exit code 1 if the engines do not agree.
    """
    import subprocess
    from tempfile import TemporaryDirectory

    from loadtest.experiments.registry import experiments
    from loadtest.records.run_folder import RunFolder
    from loadtest.studies.agreement.conduct import agreement_of, run_live, write_agreement

    root = read_settings(out=out_dir).out / "agreement"
    with TemporaryDirectory() as scratch:
        try:
            folders = [RunFolder(each) for each in live or ()] or [
                run_live(name, Path(scratch)) for name in experiments()
            ]
        except subprocess.CalledProcessError as error:
            fail(f"the live run ended with exit code {error.returncode}", max(1, error.returncode))
        agreements = {folder.scenario().name: agreement_of(folder) for folder in folders}
    folder = root / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    out.print(f"{write_agreement(folder, agreements)}\nin {folder}", markup=False)
    raise typer.Exit(0 if all(arm.ok for arms in agreements.values() for arm in arms) else 1)
