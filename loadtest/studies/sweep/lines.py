"""Lines with a band over one setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loadtest.report import theme
from loadtest.studies.sweep.marks import BEST_MARK, BEST_WORD, DEFAULT, DEFAULT_MARK, PANELS, UNGUARDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from loadtest.studies.sweep.grid import Axis
    from loadtest.studies.sweep.plan import Plan
    from loadtest.studies.sweep.ranking import MeanWithInterval, Ranking
    from loadtest.studies.sweep.view import View


def lines(plan: Plan, ranking: Ranking, view: View) -> Figure:
    """Return the figures over one setting, each with the band of its intervals."""
    with theme.style():
        figure = theme.new_figure(6.2)
        axes = figure.subplots(2, 2, squeeze=False, sharex=True)
        shown = [(place, index) for place, index in enumerate(view.cells[0]) if index is not None]
        for axis, (name, title) in zip(axes.ravel(), PANELS.items(), strict=True):
            _draw_line(axis, [(place, ranking.figures[name][index]) for place, index in shown], view.x)
            _draw_marks(axis, plan, ranking, name, view)
            axis.set_title(f"{title}, mean per run", fontsize=10)
            axis.set_ylim(bottom=0)
        for axis in axes[1]:
            axis.set_xlabel(view.x.key)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
        return figure


def _draw_line(axis: Axes, figures: Sequence[tuple[int, MeanWithInterval]], of: Axis) -> None:
    xs = [_x(of, place) for place, _ in figures]
    means = np.array([each.mean for _, each in figures])
    spans = [(each.low, each.high) for _, each in figures if each.low is not None and each.high is not None]
    joined = of.numbers is not None
    axis.plot(xs, means, color=theme.INK, marker="o", markersize=4, lw=1.4 if joined else 0, label="mean over seeds")
    if spans:
        lows, highs = np.array(spans).T
        if joined:
            axis.fill_between(xs, lows, highs, color="#56B4E9", alpha=0.4, linewidth=0, label="95 % interval")
        else:
            around = [means - lows, highs - means]
            axis.errorbar(xs, means, yerr=around, fmt="none", color=theme.INK, capsize=4, label="95 % interval")
    if not joined:
        axis.set_xticks(range(len(of.values)), of.values)


def _draw_marks(axis: Axes, plan: Plan, ranking: Ranking, name: str, view: View) -> None:
    figures, cells = ranking.figures[name], view.cells[0]
    best = _x(view.x, cells.index(ranking.best))
    axis.plot([best], [figures[ranking.best].mean], **BEST_MARK, label=BEST_WORD)
    if plan.default in cells:
        at = _x(view.x, cells.index(plan.default))
        axis.plot([at], [figures[plan.default].mean], **DEFAULT_MARK, label="default")
    else:
        axis.axhline(figures[plan.default].mean, color=DEFAULT, linestyle="--", label="default")
    axis.axhline(figures[plan.unguarded].mean, color=UNGUARDED, linestyle=":", label="no breaker")


def _x(of: Axis, place: int) -> float:
    return of.numbers[place] if of.numbers is not None else place
