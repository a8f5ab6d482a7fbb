"""The chart of how a pinned run's figures fall among many seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from loadtest.report import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from loadtest.records.summary import DocumentFigure


def seeds(kept: dict[str, list[float]], figures: Sequence[DocumentFigure]) -> Figure:
    """Each figure over many seeds, with the document's value and this run's; `kept` maps a figure to its values."""
    with theme.style():
        shown = [figure for figure in figures if len(set(kept.get(figure.name, []))) > 1]
        columns = 3
        figure = theme.new_figure(0.6 + 1.9 * -(-len(shown) // columns))
        axes = figure.subplots(-(-len(shown) // columns), columns, squeeze=False).ravel()
        for axis, each in zip(axes, shown, strict=False):
            values = kept[each.name]
            axis.hist(values, bins=_bins(values, each.unit), color="#56B4E9", edgecolor=theme.INK, linewidth=0.3)
            if each.measured is not None:
                axis.axvline(each.measured, color="#D55E00", linewidth=3.5)
            axis.axvline(each.value, color=theme.INK, linestyle="--", linewidth=1.4)
            axis.set_title(each.name, fontsize=8)
            axis.set_xlabel(each.unit, fontsize=8)
            axis.set_ylabel("seeds", fontsize=8)
            axis.tick_params(labelsize=8)
            axis.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        for axis in axes[len(shown) :]:
            axis.set_visible(False)
        handles = [
            Patch(facecolor="#56B4E9", edgecolor=theme.INK, label="seeds, virtual time"),
            Line2D([], [], color=theme.INK, linestyle="--", label="the document"),
            Line2D([], [], color="#D55E00", linewidth=2.2, label="this run"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
        return figure


def _bins(values: Sequence[float], unit: str) -> np.ndarray[Any, np.dtype[np.float64]] | int:
    """Whole percents in the middle of their bins, at most about 30 of them; times in 24 bins."""
    if unit != "%":
        return 24
    width = max(1, round((max(values) - min(values)) / 30))
    return np.arange(np.floor(min(values)) - 0.5, max(values) + width, width)
