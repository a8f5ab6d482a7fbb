"""What Experiment 1 adds to the lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.experiments.experiment import Experiment
from loadtest.experiments.experiment_1.document import compare, compare_chance
from loadtest.experiments.experiment_1.headline import chance_of_trip, headline
from loadtest.experiments.experiment_1.tables import chance_rows
from loadtest.experiments.templates import render_notes
from loadtest.report.part import ReportPart

if TYPE_CHECKING:
    from loadtest.experiments.many_seeds import SeedDistribution
    from loadtest.figures.finished import FinishedRun


def part(done: FinishedRun, kept: SeedDistribution | None) -> ReportPart:
    """Return its headline, and why the document's transcript is a rare event."""
    chances = [chance_of_trip(done, arm.arm) for arm in done.arms]
    notes = render_notes(
        __file__,
        figures=done.summary.document,
        chance=next((each for each in chances if each is not None), None),
        kept=kept,
        by_chance=chance_rows(kept),
    )
    return ReportPart(headline(done), notes)


EXPERIMENT = Experiment(
    compare=compare,
    compare_chance=compare_chance,
    part=part,
    seeds="1-2000",
    same_on_both_engines=("replay",),
)
