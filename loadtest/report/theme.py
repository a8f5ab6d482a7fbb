"""How charts look: told apart by colour and by shape, readable on white and on a dark page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import style as mpl_style
from matplotlib.figure import Figure

from client.dashboard import looks
from loadtest.disk.room import check_room

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# Stand-ins: in the SVG they become variables that follow the reader's colour scheme; in the PNG they are what they are.
INK = "#1f2329"
GRID = "#d0d7df"
_STYLE = (
    "<style>:root{--ink:#1f2328;--grid:#d0d7de}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--grid:#3a424c}}</style>"
)
OUTCOMES, STATES = looks.OUTCOMES, looks.STATES
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
    """Write name.svg (transparent, follows the colour scheme) and name.png (white). Raises OSError."""
    folder.mkdir(exist_ok=True)
    svg = folder / f"{name}.svg"
    with style(), mpl.rc_context({"svg.hashsalt": name}):
        try:
            figure.savefig(folder / f"{name}.png", facecolor="white", dpi=150, metadata={"Software": None})
        except OSError as error:
            if error.errno is None:  # from Pillow: 'encoder error -2' is all that it says of a full disk
                check_room(folder)
            raise
        figure.savefig(svg, transparent=True, metadata={"Date": None, "Creator": None})
    text = svg.read_text(encoding="utf-8")
    text = text.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")
    text = re.sub(r"(<svg [^>]*>)", lambda match: match[1] + _STYLE, text, count=1)
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    svg.write_text(text, encoding="utf-8")
