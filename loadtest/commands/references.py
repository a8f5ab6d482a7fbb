"""The command `references`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import Annotated

import typer

from loadtest.commands.options import OutDir, read_settings, wrong_input
from loadtest.terminal.console import fail, out
from loadtest.terminal.interruption import interruption_in


def references(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="These references only (default: all).")
    ] = None,
    out_dir: OutDir = None,
) -> None:
    """Reproduce all references from their rows or on virtual time, and compare. Exit code 1 if one differs.

    For each that cannot be reproduced, it says why. Nothing is written.
    """
    from loadtest.studies.references.recheck import find_references, recheck_reference

    root = read_settings(out=out_dir).out
    chosen = folders or find_references(root)
    if not chosen:
        raise wrong_input("out", str(root), "a folder with references in it")
    for folder in chosen:
        if not folder.is_dir():
            raise wrong_input("DIR", str(folder), "folders of references")
    differing = 0
    try:
        for folder in chosen:
            recheck = recheck_reference(folder, out)
            differing += bool(recheck.differences)
            result = "DIFFERS" if recheck.differences else "the same"
            out.print(
                f"{folder}: {recheck.how}" + ("" if recheck.how.startswith("not ") else f": {result}"), markup=False
            )
            for each in recheck.differences:
                out.print(f"  {each}", markup=False)
    except BaseException as error:
        interrupted = interruption_in(error)
        if interrupted is None:
            raise
        fail("interrupted: nothing was written", interrupted.exit_code)
    if differing:
        fail(f"{differing} of {len(chosen)} references differ from what the code gives", 1)
