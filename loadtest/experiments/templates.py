"""Render an experiment's own Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from loadtest.report.render import table


def render_notes(module_file: str, **values: Any) -> str:
    """Return `notes.md.j2` of the folder that `module_file` is in, filled in."""
    environment = Environment(
        loader=FileSystemLoader(Path(module_file).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, whose HTML is disabled when it becomes a page
    )
    return environment.get_template("notes.md.j2").render(table=table, **values)
