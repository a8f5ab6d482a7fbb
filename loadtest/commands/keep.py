"""The command `keep`."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import Annotated

import typer

from loadtest.commands.options import OutDir, read_settings, wrong_input
from loadtest.terminal.console import fail, out


def keep(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A finished run, or the folder of a study.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="reference, or reference-... for another one.")] = (
        "reference"
    ),
    out_dir: OutDir = None,
    *,
    rows: Annotated[bool, typer.Option("--rows", help="Keep the rows, not only their hashes.")] = False,
) -> None:
    """Turn a folder of results into a reference, results/<scenario>/reference, small enough for the repository.

    The summary and the report are rebuilt from the rows.
    """
    from loadtest.disk.trouble import DiskError
    from loadtest.studies.references.keep import keep_reference

    if not re.fullmatch(r"reference(-[a-z0-9-]+)?", name):
        raise wrong_input("name", name, "reference, or reference- and lower-case letters, digits and hyphens")
    try:
        target = keep_reference(folder, read_settings(out=out_dir).out, name, rows=rows)
    except DiskError as error:
        fail(f"{error}; the reference that was there is kept", 1)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    out.print(f"{target}: {size / 1000:,.0f} KB", markup=False)
