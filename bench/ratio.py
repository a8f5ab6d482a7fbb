"""One measured ratio, and the report of all of them."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from statistics import median
from typing import TYPE_CHECKING, Any

from loadtest.disk.whole import whole_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIBRARIES = (
    *("pybreaker", "httpx", "httpx-aiohttp", "aiohttp", "uvicorn", "uvloop", "httptools", "fastapi"),
    *("aiobreaker", "circuitbreaker", "hyx", "interlock-cb", "purgatory", "simpy"),
)


@dataclass(frozen=True)
class Ratio:
    """`what` against `against`, both in `unit`: medians over the repeats, which were taken in turn.

    `at_most` or `at_least` bounds the ratio, `below` or `above` the value itself, where something is to be reached.
    """

    what: str
    against: str
    unit: str
    values: tuple[float, ...]
    against_values: tuple[float, ...]
    at_most: float | None = None
    at_least: float | None = None
    below: float | None = None
    above: float | None = None

    @property
    def median_ratio(self) -> float:
        """Median of the ratios of neighbouring repeats, so that a slow moment of the machine hits both sides."""
        return median(value / other for value, other in zip(self.values, self.against_values, strict=True))

    @property
    def reached(self) -> bool | None:
        """Whether every bound holds; None without a bound."""
        holding = [
            self.at_most is None or self.median_ratio <= self.at_most,
            self.at_least is None or self.median_ratio >= self.at_least,
            self.below is None or median(self.values) < self.below,
            self.above is None or median(self.values) > self.above,
        ]
        return all(holding) if self.bounds else None

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        parts = [
            None if self.at_most is None else f"at most {self.at_most:g}",
            None if self.at_least is None else f"at least {self.at_least:g}",
            None if self.below is None else f"below {self.below:,.12g} {self.unit}",
            None if self.above is None else f"above {self.above:,.12g} {self.unit}",
        ]
        return ", ".join(part for part in parts if part)


def machine() -> dict[str, Any]:
    """Return when and where this was measured, and with what."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


def write(folder: Path, ratios: Sequence[Ratio], notes: Sequence[str]) -> str:
    """Write bench.json and bench.md, both or none; return the Markdown. Raises DiskError."""
    where = machine()
    found = [{**asdict(ratio), "ratio": ratio.median_ratio, "reached": ratio.reached} for ratio in ratios]
    text = json.dumps({"machine": where, "figures": found, "notes": list(notes)}, indent=2)
    about = (
        f"{where['measured']}, {where['cores']} cores, {where['system']}, Python {where['python']}. "
        "Medians over repeats taken in turn; absolute figures are this machine's, the ratios carry over."
    )
    ends = [f"- {note}" for note in notes]
    markdown = "\n".join(["# Cost of a protected call", "", about, "", *table(ratios), "", *ends, ""])
    with whole_files(folder) as draft:
        (draft / "bench.json").write_text(text + "\n", encoding="utf-8")
        (draft / "bench.md").write_text(markdown, encoding="utf-8")
    return markdown


def table(ratios: Sequence[Ratio]) -> list[str]:
    """Return the lines of the Markdown table."""
    rows = [
        f"| {ratio.what} | {_number(ratio.values)} {ratio.unit} | {ratio.against} "
        f"| {_number(ratio.against_values)} {ratio.unit} | {ratio.median_ratio:.2f} | {ratio.bounds} "
        f"| {_WORDS[ratio.reached]} |"
        for ratio in ratios
    ]
    return ["| what | measured | against | measured | ratio | to reach | |", "|---|---|---|---|---|---|---|", *rows]


_WORDS = {True: "reached", False: "**short**", None: ""}


def _number(values: Sequence[float]) -> str:
    middle = median(values)
    return f"{middle:,.0f}" if middle >= 100 else f"{middle:.3g}"
