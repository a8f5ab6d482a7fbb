"""What an experiment of the reference document is: its figures, its part of the report, its place among many seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadtest.experiments.many_seeds import SeedDistribution
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.measured import Measured
    from loadtest.records.summary import ArmSummary, DocumentFigure
    from loadtest.report.part import ReportPart


@dataclass(frozen=True)
class Experiment:
    """One experiment. Its name is that of its folder, with hyphens.

    `compare` holds the arms of one run against the document; `compare_chance` the folded arms of one run against those
    of its figures that chance decides, for the distribution over `seeds`. `part` is what the experiment adds to the
    report. In `same_on_both_engines` are the arms whose every request has to be the same on both engines.
    """

    compare: Callable[[Sequence[Measured]], list[DocumentFigure]]
    compare_chance: Callable[[Mapping[str, ArmSummary]], list[DocumentFigure]]
    part: Callable[[FinishedRun, SeedDistribution | None], ReportPart]
    seeds: str
    same_on_both_engines: tuple[str, ...] = ()
