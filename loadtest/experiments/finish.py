"""From the rows of a run to its summary and report; the same after a run and on any later day."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from loadtest.disk.room import check_room
from loadtest.disk.whole import whole_files
from loadtest.experiments.distribution import read_distribution
from loadtest.experiments.random_refusals import with_yardsticks
from loadtest.experiments.registry import experiment_of
from loadtest.figures.finished import measure_run
from loadtest.records.shapes import as_json
from loadtest.report.all_runs import update_index
from loadtest.report.headline import headline
from loadtest.report.part import ReportPart
from loadtest.report.render import write_report

if TYPE_CHECKING:
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.run_folder import RunFolder


def measure_with_part(folder: RunFolder) -> tuple[FinishedRun, ReportPart]:
    """Fold a run, with what its experiment adds to the report, and write nothing. Raises WrongInputError."""
    experiment = experiment_of(folder.scenario())
    done = with_yardsticks(measure_run(folder, experiment.compare if experiment else None))
    part = experiment.part(done, read_distribution(done.scenario)) if experiment else ReportPart()
    return replace(done, summary=replace(done.summary, headline=headline(done, part))), part


def finish(folder: RunFolder) -> FinishedRun:
    """Write summary.json and the report, all or nothing, and the page of all runs.

    Raises WrongInputError where there is no run, and DiskError.
    """
    check_room(folder.path)  # measuring and drawing take seconds
    done, part = measure_with_part(folder)
    with whole_files(folder.path) as draft:
        (draft / "summary.json").write_text(json.dumps(as_json(done.summary), indent=2) + "\n", encoding="utf-8")
        write_report(draft, done, part)
    update_index(folder.path)
    return done
