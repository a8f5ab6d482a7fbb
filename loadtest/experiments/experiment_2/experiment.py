"""What Experiment 2 adds to the lab."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from loadtest.experiments.experiment import Experiment
from loadtest.experiments.experiment_2 import document, seeds_chart
from loadtest.experiments.experiment_2.tables import count_seeds_within_all, paired_rows, seed_rows
from loadtest.experiments.templates import render_notes
from loadtest.figures.summary import fold
from loadtest.report.part import ReportPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.experiments.many_seeds import SeedDistribution
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.measured import Measured
    from loadtest.records.summary import DocumentFigure


def _compare(arms: Sequence[Measured]) -> list[DocumentFigure]:
    return document.compare({arm.arm: fold(arm) for arm in arms})


def part(done: FinishedRun, kept: SeedDistribution | None) -> ReportPart:
    """Return what the document leaves open, and where this run stands among many seeds."""
    kept = kept if done.summary.document else None
    notes = render_notes(
        __file__,
        figures=done.summary.document,
        scenario=done.scenario,
        manifest=done.manifest,
        kept=kept,
        places=seed_rows(done, kept),
        all_at_once=count_seeds_within_all(done, kept),
        paired=paired_rows(kept),
    )
    charts = {} if kept is None else {"seeds": partial(seeds_chart.seeds, kept.figures, done.summary.document)}
    return ReportPart(notes=notes, charts=charts)


EXPERIMENT = Experiment(compare=_compare, compare_chance=document.compare, part=part, seeds="1-500")
