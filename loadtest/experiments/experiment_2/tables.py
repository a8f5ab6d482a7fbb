"""The tables of where a run stands among many seeds. Pure."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

from loadtest.figures.document import tolerance_of
from loadtest.report.tables import number_text, value_text

if TYPE_CHECKING:
    from loadtest.experiments.many_seeds import SeedDistribution
    from loadtest.figures.finished import FinishedRun


def seed_rows(done: FinishedRun, kept: SeedDistribution | None) -> list[dict[str, str]]:
    """Return where the document's value falls among many seeds: the median, the middle 95 %, and the share within."""
    rows = []
    for figure in done.summary.document if kept else []:
        values = sorted(kept.figures.get(figure.name, [])) if kept else []
        if len(set(values)) < 2:
            continue
        due = float(figure.value)
        tolerance = tolerance_of(due, figure.unit)
        within = sum(abs(value - due) <= tolerance for value in values) / len(values)
        low, middle, high = quantiles(values, n=40)[0], median(values), quantiles(values, n=40)[-1]
        rows.append(
            {
                "name": figure.name,
                "document": value_text(figure.value, figure.unit),
                "measured": value_text(figure.measured, figure.unit),
                "median": value_text(middle, figure.unit),
                "middle": f"{number_text(low, figure.unit)} to {value_text(high, figure.unit)}",
                "within": f"{100 * within:.0f} %",
            }
        )
    return rows


def paired_rows(kept: SeedDistribution | None) -> list[dict[str, str]]:
    """Return what each arm differs by from the baseline over many seeds, with its interval."""
    return [
        {
            "arm": arm,
            "figure": name,
            "baseline": f"{pair.baseline:.4g}",
            "value": f"{pair.value:.4g}",
            "difference": f"{pair.difference:+.4g}",
            "interval": f"{pair.interval[0]:+.4g} to {pair.interval[1]:+.4g}",
        }
        for arm, figures in (kept.paired if kept else {}).items()
        for name, pair in figures.items()
        if pair.interval
    ]


def count_seeds_within_all(done: FinishedRun, kept: SeedDistribution | None) -> int:
    """Count the seeds that meet every figure of the document within its tolerance."""
    if kept is None:
        return 0
    figures = [figure for figure in done.summary.document if figure.name in kept.figures]
    return sum(
        all(
            abs(kept.figures[figure.name][place] - float(figure.value))
            <= tolerance_of(float(figure.value), figure.unit)
            for figure in figures
        )
        for place in range(kept.runs)
    )
