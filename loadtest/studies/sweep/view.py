"""What of a grid fits on a page: all of it with one or two settings, else the slice through the best point. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtest.studies.sweep.grid import Axis
    from loadtest.studies.sweep.plan import Plan


@dataclass(frozen=True)
class View:
    """The points in rows and columns; none where the settings do not fit together. With one axis there is one row."""

    x: Axis
    y: Axis | None
    cells: tuple[tuple[int | None, ...], ...]
    fixed: tuple[tuple[str, str], ...]

    @property
    def fixed_text(self) -> str:
        """'key = value, ...': what is the same in the whole view."""
        return ", ".join(f"{key} = {value}" for key, value in self.fixed)


def choose_view(plan: Plan, best: int) -> View:
    """Show the first two axes, the longer one from left to right; the others stand at the best point's values."""
    shown = sorted(range(min(2, len(plan.axes))), key=lambda place: -len(plan.axes[place].values))
    x, y = shown[0], shown[1] if len(shown) == 2 else None
    at = {point.values: index for index, point in enumerate(plan.points[: plan.on_grid])}
    here = list(plan.points[best].values)
    rows: list[tuple[int | None, ...]] = []
    for y_value in plan.axes[y].values if y is not None else ("",):
        row = []
        for x_value in plan.axes[x].values:
            here[x] = x_value
            if y is not None:
                here[y] = y_value
            row.append(at.get(tuple(here)))
        rows.append(tuple(row))
    fixed = tuple(
        (axis.key, plan.points[best].values[place]) for place, axis in enumerate(plan.axes) if place not in shown
    )
    return View(plan.axes[x], plan.axes[y] if y is not None else None, tuple(rows), fixed)
