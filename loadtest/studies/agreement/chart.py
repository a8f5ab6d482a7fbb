"""The picture of agreement.md: where the live runs lie within the range of the virtual ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.report import theme
from loadtest.studies.agreement.ranges import FIGURES
from loadtest.studies.agreement.words import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from loadtest.studies.agreement.ranges import FigureRange, RangeAgreement

_LIVE, _OUTSIDE = "#0072B2", "#D55E00"
# Where the axis ends, in widths of the range from its middle; what lies beyond stands at the edge.
_EDGE = 1.5


def draw_ranges(found: Mapping[str, RangeAgreement]) -> Figure:
    """One panel a scenario, one line a figure: where it agrees is a band, each live run a point."""
    with theme.style():
        most = max(len(each.ranges) for each in found.values())
        figure = theme.new_figure(1.0 + 0.25 * most, 4.2 * len(found))
        panels = figure.subplots(1, len(found), squeeze=False)[0]
        for axis, (name, each) in zip(panels, found.items(), strict=True):
            _draw_panel(axis, name, each)
        return figure


def _draw_panel(axis: Axes, name: str, found: RangeAgreement) -> None:
    axis.axvspan(-0.5, 0.5, color=theme.GRID, alpha=0.6, linewidth=0)
    for line, each in enumerate(found.ranges):
        for value in each.live:
            outside = value in each.outside
            axis.plot(
                _place(each, value),
                line,
                linestyle="none",
                marker="X" if outside else "o",
                markersize=5,
                color=_OUTSIDE if outside else _LIVE,
                alpha=0.8,
            )
    axis.set_yticks(range(len(found.ranges)), [f"{each.arm}: {LABELS[each.figure]}" for each in found.ranges])
    axis.tick_params(axis="y", labelsize=8)
    axis.set_ylim(len(found.ranges) - 0.5, -0.5)
    axis.set_xlim(-1.1 * _EDGE, 1.1 * _EDGE)
    axis.set_xticks([-0.5, 0.5], ["lowest", "highest"])
    axis.set_title(f"{name}: {found.outside} of {found.checked} outside")
    axis.grid(visible=False)


def _place(found: FigureRange, value: float) -> float:
    """Return where a value stands: -0.5 is the lowest with which a figure agrees, 0.5 the highest."""
    low, high = found.low - FIGURES[found.figure], found.high + FIGURES[found.figure]
    if low == high:
        return 0.0 if value == low else _EDGE if value > high else -_EDGE
    return max(-_EDGE, min(_EDGE, (value - low) / (high - low) - 0.5))
