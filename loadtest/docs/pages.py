"""Put each table between its markers: `<!-- settings:start -->` ... `<!-- settings:end -->`. Pure but for `rewrite`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inputs.wrong_input import WrongInputError
from loadtest.disk.whole import write_whole
from loadtest.docs import metrics, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Table = Sequence[Sequence[str]]

# Which tables stand in which page, by the name in their markers.
PAGES: Mapping[str, Mapping[str, Callable[[], Table]]] = {
    "settings.md": {
        "client-settings": settings.client_table,
        "breaker-settings": settings.breaker_table,
        "backend-settings": settings.backend_table,
        "loadtest-settings": settings.load_generator_table,
    },
    "metrics-and-traces.md": {
        "client-metrics": metrics.client_table,
        "backend-metrics": metrics.backend_table,
    },
}


def page_with_tables(text: str, tables: Mapping[str, Table]) -> str:
    """Return a page with its tables made anew. Raises KeyError for a table whose markers the page does not have."""
    for name, table in tables.items():
        before, start, rest = text.partition(f"<!-- {name}:start -->\n")
        _, end, after = rest.partition(f"<!-- {name}:end -->\n")
        if not start or not end:
            raise KeyError(name)
        text = before + start + _markdown(table) + end + after
    return text


def rewrite(folder: Path) -> list[Path]:
    """Rewrite the tables of every page in `folder`; return the pages that changed.

    Raises WrongInputError, and DiskError.
    """
    changed = []
    for name, tables in PAGES.items():
        page = folder / name
        try:
            before = page.read_text(encoding="utf-8")
            after = page_with_tables(before, {name: make() for name, make in tables.items()})
        except (OSError, KeyError) as error:
            detail = f"{page}: allowed: a page that is there and has the markers of its tables ({error})"
            raise WrongInputError([{"field": "folder", "value": str(page), "detail": detail}]) from error
        if after != before:
            write_whole(page, after)
            changed.append(page)
    return changed


def _markdown(table: Table) -> str:
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
