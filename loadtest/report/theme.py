"""How charts look: told apart by colour and by shape, readable on white and on a dark page.

Colours are Okabe and Ito's, chosen to be told apart with any kind of colour vision.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
from matplotlib import style as mpl_style
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# Stand-ins: in the SVG they become variables that follow the reader's colour scheme; in the PNG they are what they are.
INK = "#1f2329"
GRID = "#d0d7df"
_STYLE = (
    "<style>:root{--ink:#1f2328;--grid:#d0d7de}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--grid:#3a424c}}</style>"
)


class Look(NamedTuple):
    """How one kind of thing is drawn, always the same way."""

    colour: str
    marker: str
    hatch: str
    word: str


OUTCOMES = {
    "ok": Look("#009E73", "o", "", "ok"),
    "error": Look("#D55E00", "X", "xx", "error"),
    "timeout": Look("#CC79A7", "s", "..", "timeout"),
    "fast_fail": Look("#56B4E9", "v", "//", "fast-fail"),
    "rejected": Look("#F0E442", "P", "++", "rejected"),
    "cancelled": Look("#999999", "*", "--", "cancelled"),
}
STATES = {
    "closed": Look("none", "", "", "closed"),
    "open": Look("#0072B2", "", "///", "open"),
    "half-open": Look("#E69F00", "", "...", "half-open"),
}
ARMS = (
    *(("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"), ("#E69F00", (0, (5, 1, 1, 1)))),
    *(("#56B4E9", (0, (8, 2))), ("#999999", (0, (1, 1))), ("#8B5A2B", (0, (3, 1, 1, 1, 1, 1)))),
)

_MPLSTYLE = Path(__file__).with_name("breaker-lab.mplstyle")


def style() -> AbstractContextManager[None]:
    """Return a context in which charts are drawn in the lab's style."""
    return mpl_style.context(_MPLSTYLE)


def new_figure(height: float, width: float = 9.0) -> Figure:
    """Return an empty figure; sizes in inches."""
    return Figure(figsize=(width, height))


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write name.svg (transparent, follows the colour scheme) and name.png (white)."""
    folder.mkdir(exist_ok=True)
    with style(), mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(folder / f"{name}.png", facecolor="white", dpi=150, metadata={"Software": None})
        svg = folder / f"{name}.svg"
        figure.savefig(svg, transparent=True, metadata={"Date": None, "Creator": None})
    text = svg.read_text(encoding="utf-8")
    text = text.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")
    text = re.sub(r"(<svg [^>]*>)", lambda match: match[1] + _STYLE, text, count=1)
    svg.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")
