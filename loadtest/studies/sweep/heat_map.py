"""Heat maps over two settings, a cell for each point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from loadtest.report import theme
from loadtest.report.numbers import number
from loadtest.studies.sweep.marks import BEST, BEST_WORD, DEFAULT, PANELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from loadtest.studies.sweep.plan import Plan
    from loadtest.studies.sweep.ranking import MeanWithInterval, Ranking
    from loadtest.studies.sweep.view import View

Dashes = Literal["-", "--"]
# Light is little, dark is much; readable in grey and with any kind of colour vision.
_COLOURS = "cividis_r"
# With more columns, a cell has no room for its figure; with more than the first, panels stand one below the other.
_BESIDE, _WRITTEN = 5, 12
_TICKS = 12


def heat_map(plan: Plan, ranking: Ranking, view: View) -> Figure:
    """Return four heat maps over two settings; the cells have their figures while there is room for them."""
    columns, rows = len(view.x.values), len(view.cells)
    wide = columns > _WRITTEN
    beside = columns <= _BESIDE or (wide and rows > _BESIDE)
    height = 0.75 + (min(2.4, 0.3 * rows) if wide else 0.46 * rows)
    with theme.style():
        figure = theme.new_figure((1.2 + 2 * height) if beside else (0.9 + 4 * height))
        grid = figure.subplots(2, 2, squeeze=False) if beside else figure.subplots(4, 1, squeeze=False)
        for axis, (name, title) in zip(grid.ravel(), PANELS.items(), strict=True):
            _draw_panel(axis, ranking.figures[name], title, view)
            if beside or name == "in_flight_s":
                axis.set_xlabel(view.x.key)
            for index, word, colour, dashes in _marks(plan, ranking):
                _draw_outline(axis, view, index, word, colour, dashes)
        handles: list[Any] = [
            Patch(facecolor="none", edgecolor=colour, linestyle=dashes, linewidth=2, label=word)
            for index, word, colour, dashes in _marks(plan, ranking)
            if _find_cell(view, index) is not None
        ]
        if _find_cell(view, plan.default) is None:
            handles.append(Line2D([], [], linestyle="none", label="(the default is not in this picture)"))
        if any(cell is None for row in view.cells for cell in row):
            handles.append(Patch(facecolor="none", edgecolor=theme.INK, hatch="///", label="no such settings"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9)
        return figure


def _marks(plan: Plan, ranking: Ranking) -> list[tuple[int, str, str, Dashes]]:
    return [(plan.default, "default", DEFAULT, "--"), (ranking.best, BEST_WORD, BEST, "-")]


def _draw_panel(axis: Axes, figures: Sequence[MeanWithInterval], title: str, view: View) -> None:
    values = np.array(
        [[np.nan if cell is None else figures[cell].mean for cell in row] for row in view.cells], dtype=float
    )
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    norm = Normalize(low, high if high > low else low + 1)
    mesh = axis.pcolormesh(
        values, cmap=_COLOURS, norm=norm, edgecolors="white", linewidth=0.2 if len(view.x.values) > _WRITTEN else 0.6
    )
    axis.add_patch(
        Rectangle((0, 0), *reversed(values.shape), facecolor="none", edgecolor=theme.INK, hatch="///", lw=0, zorder=0)
    )
    bar = axis.figure.colorbar(mesh, ax=axis, pad=0.01, aspect=12)
    bar.locator = MaxNLocator(4)
    bar.update_ticks()
    widest = _widest([figures[cell] for row in view.cells for cell in row if cell is not None])
    axis.set_title(f"{title}\nmean per run{widest}", fontsize=9.5)
    axis.grid(visible=False)
    axis.tick_params(length=0)
    _set_ticks(axis, view)
    if len(view.x.values) <= _WRITTEN:
        for row, cells in enumerate(view.cells):
            for column, cell in enumerate(cells):
                if cell is not None:
                    _write_cell(axis, column, row, figures[cell], mpl.colormaps[_COLOURS](norm(figures[cell].mean)))


def _widest(shown: Sequence[MeanWithInterval]) -> str:
    """', 95 % intervals +- 1.3 at most', where there are intervals."""
    halves = [(each.high - each.low) / 2 for each in shown if each.low is not None and each.high is not None]
    return f"; 95 % intervals ± {number(max(halves))} at most" if halves else ""


def _set_ticks(axis: Axes, view: View) -> None:
    for side, of in (("x", view.x), ("y", view.y)):
        if of is None:
            continue
        step = -(-len(of.values) // _TICKS)
        places = [index + 0.5 for index in range(0, len(of.values), step)]
        getattr(axis, f"set_{side}ticks")(places, of.values[::step])
    if view.y is not None:
        axis.set_ylabel(view.y.key)


def _write_cell(
    axis: Axes, column: int, row: int, figure: MeanWithInterval, colour: tuple[float, float, float, float]
) -> None:
    """Write mean and interval into a cell, dark on light and light on dark."""
    red, green, blue, _ = colour
    ink = "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "white"
    axis.text(column + 0.5, row + 0.58, number(figure.mean), ha="center", va="center", color=ink, fontsize=8.5)
    if figure.low is not None and figure.high is not None:
        text = f"{number(figure.low)} to {number(figure.high)}"
        axis.text(column + 0.5, row + 0.25, text, ha="center", va="center", color=ink, fontsize=6.2)


def _find_cell(view: View, index: int) -> tuple[int, int] | None:
    """Return (column, row) of a point; none where the view does not show it."""
    return next(
        ((column, row) for row, cells in enumerate(view.cells) for column, cell in enumerate(cells) if cell == index),
        None,
    )


def _draw_outline(axis: Axes, view: View, index: int, word: str, colour: str, dashes: Dashes) -> None:
    place = _find_cell(view, index)
    if place is None:
        return
    column, row = place
    inset = 0.03
    corner, size = (column + inset, row + inset), 1 - 2 * inset
    axis.add_patch(Rectangle(corner, size, size, facecolor="none", edgecolor="white", linewidth=3.6, zorder=4))
    axis.add_patch(
        Rectangle(corner, size, size, facecolor="none", edgecolor=colour, linewidth=2.2, linestyle=dashes, zorder=5)
    )
    if len(view.x.values) <= _WRITTEN:
        left = dashes == "-"
        axis.text(
            column + (0.1 if left else 0.9),
            row + 0.9,
            word.partition(":")[0],
            ha="left" if left else "right",
            va="top",
            fontsize=5.8,
            fontweight="bold",
            color="black",
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"},
            zorder=6,
        )
