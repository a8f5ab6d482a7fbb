"""From the rows of a run to its summary and report; the same after a run and on any later day."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadtest import comparison, document, rows, verdict
from loadtest.expectation import check_expectations
from loadtest.index import update_index
from loadtest.phases import spans
from loadtest.report.headline import headline
from loadtest.report.render import write_report
from loadtest.summary import Measured, fold, gather
from loadtest.validity import Check, check_claims, check_run, comparable

if TYPE_CHECKING:
    from loadtest.run_folder import RunFolder
    from loadtest.scenario import Scenario


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
        """Validity checks that hold, with something to bear in mind."""
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


def finish(folder: RunFolder) -> Finished:
    """Write summary.json, the report, and the page of all runs. Raises WrongInputError where there is no run."""
    finished = measure(folder)
    folder.write("summary.json", json.dumps(finished.summary, indent=2) + "\n")
    write_report(folder, finished)
    update_index(folder.path)
    return finished


def measure(folder: RunFolder) -> Finished:
    """Fold the rows of a run, and write nothing. Raises WrongInputError where the folder holds no run."""
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
        "document": [figure._asdict() for figure in _document(scenario, manifest, arms)],
        "validity": [check.as_json() for check in checks],
        "expect": [check.as_json() for check in expected],
    }
    finished = Finished(scenario, manifest, arms, summary)
    summary["headline"] = headline(finished)
    return finished


def _document(scenario: Scenario, manifest: dict[str, Any], arms: list[Measured]) -> list[document.Figure]:
    """Hold the first seed against the document: its figures are those of one run."""
    first = [arm.of_seed(manifest["seeds"][0]) for arm in arms]
    if scenario.document == "experiment-1":
        return document.compare_experiment_1(first)
    if scenario.document == "experiment-2":
        return document.compare_experiment_2({arm.arm: fold(arm) for arm in first})
    return []
