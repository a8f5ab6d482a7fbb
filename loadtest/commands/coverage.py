"""The command `coverage`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loadtest.commands.options import wrong_input
from loadtest.terminal.console import out


def coverage(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the pages.")] = Path("docs"),
) -> None:
    """Measure how often the 95 % intervals cover the truth; rewrite coverage.json and its table in docs/reports.md."""
    import json

    from loadtest.disk.room import check_room
    from loadtest.disk.whole import write_whole
    from loadtest.studies.coverage.measure import as_json, as_table, measure_coverage

    page = folder / "reports.md"
    start, end = "<!-- coverage:start -->\n", "<!-- coverage:end -->\n"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    before, found_start, rest = text.partition(start)
    _, found_end, after = rest.partition(end)
    if not found_start or not found_end:
        raise wrong_input(
            "folder", str(folder), f"a folder whose reports.md has the lines {start.strip()} and {end.strip()}"
        )
    check_room(folder)  # before hours are spent
    kept = as_json(measure_coverage())
    write_whole(folder / "coverage.json", json.dumps(kept, indent=1) + "\n")
    write_whole(page, before + start + as_table(kept) + end + after)
    out.print(as_table(kept), markup=False)
