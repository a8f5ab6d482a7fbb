"""The command `docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loadtest.terminal.console import out


def docs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the pages.")] = Path("docs"),
) -> None:
    """Rewrite the tables of settings and metrics in docs/ from the models and the registries."""
    from loadtest.docs.pages import rewrite

    changed = rewrite(folder)
    for page in changed:
        out.print(f"rewritten: {page}", markup=False)
    if not changed:
        out.print(f"the tables in {folder} are up to date", markup=False)
