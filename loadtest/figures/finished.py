"""A run with everything that was made of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadtest.figures import comparison, verdict
from loadtest.figures.expectation import check_expectations
from loadtest.figures.summary import fold
from loadtest.figures.validity import Check, check_claims, check_run, comparable
from loadtest.records import rows
from loadtest.records.measured import Measured, gather
from loadtest.scenario.phases import spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadtest.figures.document import DocumentFigure
    from loadtest.records.run_folder import RunFolder
    from loadtest.scenario.model import Scenario

    Compare = Callable[[Sequence[Measured]], list[DocumentFigure]]


@dataclass(frozen=True)
class Finished:
    """A run with everything that was made of it."""

    scenario: Scenario
    manifest: dict[str, Any]
    arms: list[Measured]
    summary: dict[str, Any]

    @property
    def untrusted(self) -> list[Check]:
        """Validity checks that failed."""
        return [check for check in map(_check, self.summary["validity"]) if not check.ok]

    @property
    def cautions(self) -> list[Check]:
        """Validity checks that hold, but come with a caution."""
        return [check for check in map(_check, self.summary["validity"]) if check.caution]

    @property
    def unmet(self) -> list[Check]:
        """Expectations that were not met."""
        return [check for check in map(_check, self.summary["expect"]) if not check.ok]

    @property
    def broken(self) -> list[Check]:
        """What makes the run exit with 1."""
        return [*self.untrusted, *self.unmet]


def _check(values: dict[str, Any]) -> Check:
    return Check(**values)


def measure(folder: RunFolder, compare: Compare | None = None) -> Finished:
    """Fold the rows of a run, and write nothing. Raises WrongInputError where the folder holds no run.

    `compare` holds the arms of the first seed against the document: its figures are those of one run.
    """
    manifest, scenario = folder.manifest(), folder.scenario()
    arms = gather(
        manifest["arms"],
        rows.read(folder.requests, rows.Row),
        rows.read(folder.transitions, rows.StateChange),
        rows.read(folder.samples, rows.Sample),
        rows.read(folder.arms, rows.ArmRecord),
    )
    figures = {arm.arm: fold(arm, spans(scenario.plan_of(arm.arm, scenario.seed))) for arm in arms}
    compared = comparable(manifest, scenario.baseline) if scenario.baseline else []
    same_weather = {name: figures[name] for name in compared}
    verdicts = verdict.judge(scenario.baseline, same_weather)
    held = comparison.compare(scenario.baseline, same_weather)
    # What was cut off is not held to what a whole run is expected to give.
    expected = check_expectations(scenario, arms) if manifest["complete"] else []
    document = compare([arm.of_seed(manifest["seeds"][0]) for arm in arms]) if compare else []
    checks = [*check_run(scenario, manifest, arms), *check_claims(held, len(manifest["seeds"]))]
    summary = {
        "schema": 1,
        "scenario": scenario.name,
        "engine": manifest["engine"],
        "complete": manifest["complete"],
        "seeds": manifest["seeds"],
        "arms": figures,
        "comparison": held,
        **({"verdicts": verdicts} if verdicts else {}),
        "document": [figure._asdict() for figure in document],
        "validity": [check.as_json() for check in checks],
        "expect": [check.as_json() for check in expected],
    }
    return Finished(scenario, manifest, arms, summary)
