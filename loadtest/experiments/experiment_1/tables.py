"""The table of what independent failures give over many seeds. Pure."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

from loadtest.experiments.experiment_1.document import IN_PRINT

if TYPE_CHECKING:
    from loadtest.experiments.many_seeds import SeedDistribution


def chance_rows(kept: SeedDistribution | None) -> list[dict[str, str]]:
    """Return what independent failures give over many seeds, beside what the document's transcript has of each."""
    if kept is None:
        return []
    return [
        {
            "name": name,
            "document": str(value),
            "median": f"{median(values):g}",
            "middle": f"{quantiles(values, n=40)[0]:g} to {quantiles(values, n=40)[-1]:g}",
            "same": f"{100 * sum(each == value for each in values) / len(values):.1f} %",
        }
        for name, value in IN_PRINT.items()
        for values in [kept.figures[name]]
    ]
