"""From the rows of a run to its summary and report; the same after a run and on any later day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loadtest.experiments.distribution import kept_for
from loadtest.experiments.registry import experiment_of
from loadtest.figures.finished import measure
from loadtest.report.all_runs import update_index
from loadtest.report.headline import headline
from loadtest.report.part import Part
from loadtest.report.render import write_report

if TYPE_CHECKING:
    from loadtest.figures.finished import Finished
    from loadtest.records.run_folder import RunFolder


def measure_with_part(folder: RunFolder) -> tuple[Finished, Part]:
    """Fold a run, with what its experiment adds to the report, and write nothing. Raises WrongInputError."""
    experiment = experiment_of(folder.scenario())
    done = measure(folder, experiment.compare if experiment else None)
    part = experiment.part(done, kept_for(done.scenario)) if experiment else Part()
    done.summary["headline"] = headline(done, part)
    return done, part


def finish(folder: RunFolder) -> Finished:
    """Write summary.json, the report, and the page of all runs. Raises WrongInputError where there is no run."""
    done, part = measure_with_part(folder)
    folder.write("summary.json", json.dumps(done.summary, indent=2) + "\n")
    write_report(folder, done, part)
    update_index(folder.path)
    return done
