"""The picture of the Pareto front: what has to be paid for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from loadtest.report import theme
from loadtest.studies.sweep.marks import (
    BEATEN_MARK,
    BEST_MARK,
    BEST_WORD,
    DEFAULT_MARK,
    FRONT_MARK,
    PANELS,
    UNGUARDED_MARK,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from loadtest.studies.sweep.plan import Plan
    from loadtest.studies.sweep.ranking import MeanWithInterval, Ranking

MOST_NUMBERED = 30
# As a share of the picture: nearer numbers would lie on top of each other.
_APART = 0.07


def pareto(plan: Plan, ranking: Ranking) -> Figure:
    """Return good requests refused against bad calls let through, and against seconds held; numbers name the front."""
    with theme.style():
        figure = theme.new_figure(4.6)
        panels = figure.subplots(1, 2)
        for axis, name in zip(panels, ("bad_calls", "in_flight_s"), strict=True):
            _draw_trade(axis, plan, ranking, name)
        handles = [
            Line2D([], [], label=f"on the front ({len(ranking.front)})", **FRONT_MARK),
            Line2D([], [], label="beaten by another point", **BEATEN_MARK),
            Line2D([], [], label=BEST_WORD, **BEST_MARK),
            Line2D([], [], label="default", **DEFAULT_MARK),
            Line2D([], [], label="no breaker", **UNGUARDED_MARK),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=9)
        return figure


def _draw_trade(axis: Axes, plan: Plan, ranking: Ranking, name: str) -> None:
    across, up = ranking.figures["false_positives"], ranking.figures[name]
    beaten = [index for index in range(plan.on_grid) if index not in set(ranking.front)]
    for group, mark in ((beaten, BEATEN_MARK), (ranking.front, FRONT_MARK)):
        axis.plot([across[each].mean for each in group], [up[each].mean for each in group], **mark)
    for index, mark in ((ranking.best, BEST_MARK), (plan.default, DEFAULT_MARK), (plan.unguarded, UNGUARDED_MARK)):
        axis.plot([across[index].mean], [up[index].mean], **mark)
    for index in {*ranking.front, plan.default}:
        _draw_cross(axis, across[index], up[index])
    _write_numbers(axis, [(across[index].mean, up[index].mean) for index in numbered_points(ranking)])
    axis.set_xlabel("good requests refused, mean per run")
    axis.set_ylabel(f"{PANELS[name].lower()}, mean per run")
    axis.set_title(f"{PANELS[name]} against good requests refused", fontsize=10)


def _draw_cross(axis: Axes, across: MeanWithInterval, up: MeanWithInterval) -> None:
    """Draw both 95 % intervals of a point."""
    if across.low is not None and across.high is not None:
        axis.plot([across.low, across.high], [up.mean, up.mean], color="#999999", linewidth=1, zorder=2)
    if up.low is not None and up.high is not None:
        axis.plot([across.mean, across.mean], [up.low, up.high], color="#999999", linewidth=1, zorder=2)


def numbered_points(ranking: Ranking) -> list[int]:
    """Return the points of the front that have a number, from the one that refuses the fewest good requests on.

    Of a front of more than MOST_NUMBERED points, those that misjudge least.
    """
    on_front = set(ranking.front)
    refused = ranking.figures["false_positives"]
    some = [index for index in ranking.order if index in on_front][:MOST_NUMBERED]
    return sorted(some, key=lambda index: (refused[index].mean, index))


def _write_numbers(axis: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Write numbers beside the points, in their order; where two would lie on each other, only the first."""
    places = np.array(points)
    size = np.maximum(np.ptp(places, axis=0), 1e-9)
    written: list[int] = []
    for index, place in enumerate(places):
        if all(np.hypot(*((place - places[other]) / size)) > _APART for other in written):
            axis.annotate(str(index + 1), place, xytext=(6, 5), textcoords="offset points", fontsize=8, zorder=7)
            written.append(index)
