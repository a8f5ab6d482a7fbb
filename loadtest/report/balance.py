"""The chart of the verdicts: what each policy lost and saved, disturbance by disturbance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from client.dashboard import looks
from loadtest.records.comparison import Judgement
from loadtest.report import theme
from loadtest.report.random_yardstick import runs_at_random

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from loadtest.records.comparison import VerdictCell, Verdicts

_ANSWERS = looks.Look("#0072B2", "", "", "answers lost (left) or won (right)")
_SECONDS = looks.Look("#E69F00", "", "///", "request-seconds saved (right) or spent (left)")
_CALLS = looks.Look("none", "D", "", "backend calls saved")
_AT_RANDOM = "as many refused at random"
_COLUMNS = 2
# Beyond all that can be lost or saved; more than this won, or spent, is cut off.
_EDGE = 105.0


def balance(verdicts: Verdicts) -> Figure:
    """One panel a disturbance, one row a policy: what it lost to the left, what it saved to the right, and the verdict.

    Lines across the bars are what refusing as many requests at random would have lost and saved.
    """
    with theme.style():
        arms = list(verdicts.arms)
        places = list(next(iter(verdicts.arms.values())))
        lines = -(-len(places) // _COLUMNS)
        figure = theme.new_figure(0.7 + lines * (0.7 + 0.32 * len(arms)))
        axes = figure.subplots(lines, _COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
        for axis, place in zip(axes, places, strict=False):
            _panel(axis, place, {arm: verdicts.arms[arm][place] for arm in arms})
        for axis in axes[len(places) :]:
            axis.set_visible(False)
        for axis in axes[max(0, len(places) - _COLUMNS) : len(places)]:
            axis.set_xlabel(f"worse < % of what {verdicts.baseline} has > better")
            axis.tick_params(labelbottom=True)
        handles = [
            Patch(facecolor=_ANSWERS.colour, edgecolor="white", label=_ANSWERS.word),
            Patch(facecolor=_SECONDS.colour, edgecolor="white", hatch=_SECONDS.hatch, label=_SECONDS.word),
            Line2D(
                [],
                [],
                linestyle="none",
                marker=_CALLS.marker,
                markerfacecolor="white",
                markeredgecolor=theme.INK,
                label=_CALLS.word,
            ),
        ]
        if runs_at_random(verdicts):
            handles.append(Line2D([], [], linestyle="none", marker="|", color=theme.INK, label=_AT_RANDOM))
        figure.legend(
            handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9 if len(handles) == 3 else 8
        )
        return figure


def _draw_chance(axis: Axes, row: float, *shares: float) -> None:
    """Draw a line across each bar of a row, at what refusing at random gives."""
    for share, at in zip(shares, (row - 0.19, row + 0.19), strict=True):
        axis.vlines(100 * share, at - 0.2, at + 0.2, color=theme.INK, linewidth=1.6)


def _panel(axis: Axes, place: str, cells: dict[str, VerdictCell]) -> None:
    rows = np.arange(len(cells), dtype=float)
    answers = [-100 * cell.lost.share for cell in cells.values()]
    seconds = [100 * cell.seconds_saved.share for cell in cells.values()]
    calls = [100 * cell.calls_saved.share for cell in cells.values()]
    axis.barh(rows - 0.19, answers, height=0.36, color=_ANSWERS.colour, edgecolor="white", linewidth=0.6)
    axis.barh(
        rows + 0.19, seconds, height=0.36, color=_SECONDS.colour, edgecolor="white", hatch=_SECONDS.hatch, linewidth=0.6
    )
    axis.plot(
        calls,
        rows + 0.19,
        linestyle="none",
        marker=_CALLS.marker,
        markersize=5,
        markerfacecolor="white",
        markeredgecolor=theme.INK,
    )
    for row, cell in zip(rows, cells.values(), strict=True):
        if cell.random_yardstick is not None and cell.random_yardstick.calls_saved.share:
            _draw_chance(axis, row, -cell.random_yardstick.lost.share, cell.random_yardstick.seconds_saved.share)
    axis.axvline(0, color=theme.INK, linewidth=0.8)
    for row, cell in zip(rows, cells.values(), strict=True):
        weight = "bold" if cell.verdict in (Judgement.HARMED, Judgement.HELPED) else "normal"
        axis.text(
            1.02,
            row,
            cell.verdict.replace(", ", ",\n"),
            transform=axis.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            fontweight=weight,
            color=theme.INK,
        )
    axis.set_title(place)
    axis.set_yticks(rows, list(cells))
    axis.set_ylim(len(cells) - 0.4, -0.6)
    axis.set_xlim(-_EDGE, _EDGE)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.0f}" if value else "0"))
    axis.grid(visible=False, axis="y")
