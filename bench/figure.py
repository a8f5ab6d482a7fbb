"""One measured ratio, and the report of all of them."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LIBRARIES = ("pybreaker", "httpx", "httpx-aiohttp", "aiohttp", "uvicorn", "uvloop", "httptools", "fastapi")


@dataclass(frozen=True)
class Figure:
    """`what` against `against`, both in `unit`: medians over the repeats, which were taken in turn."""

    what: str
    against: str
    unit: str
    values: tuple[float, ...]
    against_values: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of the ratios of neighbouring repeats, so that a slow moment of the machine hits both sides."""
        return median(value / other for value, other in zip(self.values, self.against_values, strict=True))


def write(folder: Path, figures: Sequence[Figure], notes: Sequence[str]) -> str:
    """Write bench.json and bench.md; return the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in _LIBRARIES},
    }
    found = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    text = json.dumps({"machine": machine, "figures": found, "notes": list(notes)}, indent=2)
    (folder / "bench.json").write_text(text + "\n", encoding="utf-8")
    rows = [
        f"| {figure.what} | {_number(figure.values)} {figure.unit} | {figure.against} "
        f"| {_number(figure.against_values)} {figure.unit} | {figure.ratio:.2f} |"
        for figure in figures
    ]
    told = (
        f"{machine['measured']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}. "
        "Medians over repeats taken in turn; absolute figures are this machine's, the ratios carry over."
    )
    table = ["| what | measured | against | measured | ratio |", "|---|---|---|---|---|", *rows]
    ends = [f"- {note}" for note in notes]
    markdown = "\n".join(["# Cost of a protected call", "", told, "", *table, "", *ends, ""])
    (folder / "bench.md").write_text(markdown, encoding="utf-8")
    return markdown


def _number(values: Sequence[float]) -> str:
    middle = median(values)
    return f"{middle:,.0f}" if middle >= 100 else f"{middle:.3g}"
