"""A run with everything that was made of its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loadtest.figures.comparison import compare_arms
from loadtest.figures.document import check_figures
from loadtest.figures.expectation import check_expectations
from loadtest.figures.summary import fold
from loadtest.figures.validity import check_claims, check_run, comparable_arms
from loadtest.figures.verdict import judge_arms
from loadtest.records import rows
from loadtest.records.measured import Measured, gather_arms
from loadtest.records.summary import Summary
from loadtest.scenario.phases import spans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadtest.records.manifest import Manifest
    from loadtest.records.run_folder import RunFolder
    from loadtest.records.summary import ArmSummary, Check, DocumentFigure
    from loadtest.scenario.model import Scenario

    CompareWithDocument = Callable[[Sequence[Measured]], list[DocumentFigure]]


@dataclass(frozen=True)
class FinishedRun:
    """A run with everything that was made of it."""

    scenario: Scenario
    manifest: Manifest
    arms: list[Measured]
    summary: Summary

    @property
    def measured_arms(self) -> list[str]:
        """Arms of which there is at least one row."""
        return [arm.arm for arm in self.arms if arm.rows]

    @property
    def failed_checks(self) -> list[Check]:
        """Validity checks that failed."""
        return [check for check in self.summary.validity if not check.ok]

    @property
    def cautions(self) -> list[Check]:
        """Checks that hold, but come with a caution."""
        return [check for check in (*self.summary.validity, *self.summary.expect) if check.caution]

    @property
    def broken_bounds(self) -> list[Check]:
        """Expectations that were not met."""
        return [check for check in self.summary.expect if not check.ok]

    @property
    def failures(self) -> list[Check]:
        """What makes the run exit with 1."""
        return [*self.failed_checks, *self.broken_bounds]


def measure_run(folder: RunFolder, compare: CompareWithDocument | None = None) -> FinishedRun:
    """Fold the rows of a run, and write nothing. Raises WrongInputError where the folder holds no run.

    `compare` holds the arms of the first seed against the document: its figures are those of one run.
    """
    manifest, scenario = folder.manifest(), folder.scenario()
    arms = gather_arms(
        manifest.arms,
        rows.read(folder.requests, rows.Row),
        rows.read(folder.transitions, rows.StateChange),
        rows.read(folder.samples, rows.Sample),
        rows.read(folder.arms, rows.ArmRecord),
    )
    figures = {arm.arm: fold(arm, spans(scenario.plan_of(arm.arm, scenario.seed))) for arm in arms}
    compared = _comparable_figures(scenario, manifest, arms, figures)
    comparison = compare_arms(scenario.baseline, {name: each.runs for name, each in compared.items()})
    runs = min((len(each.runs) for each in compared.values()), default=0)
    checks = [*check_run(scenario, manifest, arms), *check_claims(comparison, runs)]
    document = _compare_with_document(manifest, arms, compare) if compare else []
    summary = Summary(
        schema=1,
        scenario=scenario.name,
        engine=manifest.engine,
        complete=manifest.complete,
        seeds=manifest.seeds,
        arms=figures,
        comparison=comparison,
        verdicts=judge_arms(scenario.baseline, compared),
        document=document,
        validity=checks,
        # What was cut off is not held to what a whole run is expected to give.
        expect=[
            *check_expectations(scenario, arms),
            *check_figures(document, pinned=manifest.seeds[0] == scenario.seed),
        ]
        if manifest.complete
        else [],
    )
    return FinishedRun(scenario, manifest, arms, summary)


def _comparable_figures(
    scenario: Scenario, manifest: Manifest, arms: Sequence[Measured], figures: Mapping[str, ArmSummary]
) -> dict[str, ArmSummary]:
    """Return the arms that may be compared, the baseline first. Of a run that was cut off, only what ran to its end."""
    names = comparable_arms(manifest, scenario.baseline) if scenario.baseline else []
    if manifest.complete:
        return {name: figures[name] for name in names}
    ended = {arm.arm: {record.seed for record in arm.records} for arm in arms}
    cut = {
        name: replace(figures[name], runs=[run for run in figures[name].runs if run.seed in ended[name]])
        for name in names
    }
    return {name: each for name, each in cut.items() if each.runs}


def _compare_with_document(
    manifest: Manifest, arms: Sequence[Measured], compare: CompareWithDocument
) -> list[DocumentFigure]:
    """Hold the first seed's arms against the document: of a run that was cut off, those that ran to their end."""
    firsts = [arm.of_seed(manifest.seeds[0]) for arm in arms]
    return compare(firsts if manifest.complete else [arm for arm in firsts if arm.records])
