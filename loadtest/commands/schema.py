"""The command `schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from loadtest.commands.options import wrong_input
from loadtest.terminal.console import out


def schema(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the schemas.")] = Path("docs/schema"),
) -> None:
    """Rewrite the JSON Schema of a run's files from the shapes in loadtest/records."""
    from loadtest.disk.trouble import reason_of
    from loadtest.disk.whole import write_whole
    from loadtest.records.schema import SHAPES, file_of, schema_of

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in SHAPES:
            text = json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"
            write_whole(folder / file_of(name), text)
    except OSError as error:
        raise wrong_input("out", str(folder), f"a writable folder ({reason_of(error)})") from error
    out.print(f"{len(SHAPES)} schemas in {folder}", markup=False)
