"""Run a sweep from where it stands to its report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inputs.wrong_input import WrongInputError
from loadtest.records import run_folder
from loadtest.scenario import files
from loadtest.scenario.model import choose_arm
from loadtest.studies.many_runs.code import code_hash
from loadtest.studies.sweep.grid import Axis, parse_grid
from loadtest.studies.sweep.plan import make_plan
from loadtest.studies.sweep.random_yardstick import misjudged_at_random
from loadtest.studies.sweep.ranking import rank_points
from loadtest.studies.sweep.report import write_report
from loadtest.studies.sweep.store import SweepFolder, SweepSpec, folder_for
from loadtest.studies.sweep.tasks import tasks
from loadtest.terminal.console import finishing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rich.console import Console

    from loadtest.studies.many_runs.work import StudyFigures
    from loadtest.studies.many_runs.workers import Crew
    from loadtest.studies.sweep.plan import Plan
    from loadtest.studies.sweep.ranking import Ranking


@dataclass(frozen=True)
class Sweep:
    """What is to be run, what was asked for, and where it is kept."""

    plan: Plan
    spec: SweepSpec
    folder: SweepFolder


def plan_sweep(root: Path, given: str, arm: str | None, grid: Sequence[str], seeds: Sequence[int]) -> Sweep:
    """Check all that was asked for, and find the folder that this very sweep has. Raises WrongInputError."""
    scenario, text = files.read(given)
    plan = make_plan(scenario, choose_arm(scenario, arm), parse_grid(grid), seeds)
    spec = SweepSpec.of(plan, given, text)
    return Sweep(plan, spec, folder_for(root, spec))


def resume_sweep(path: Path) -> Sweep:
    """Take up a sweep again from its folder. Raises WrongInputError, also where the code is another than then."""
    folder = SweepFolder(path)
    spec = folder.read_spec()
    if spec.code != code_hash():
        detail = (
            f"{path}: begun with other code of the lab ({spec.code}, now {code_hash()}), whose results would not fit; "
            "run its command anew"
        )
        raise WrongInputError([{"field": "resume", "value": str(path), "detail": detail}])
    axes = [Axis(key, tuple(values)) for key, values in spec.grid.items()]
    scenario = files.parse(spec.scenario_text, "manifest.json")
    return Sweep(make_plan(scenario, spec.arm, axes, spec.seeds), spec, folder)


def conduct(sweep: Sweep, crew: AbstractContextManager[Crew], console: Console) -> Ranking:
    """Run what is missing, keep each result at once, and write the report. Only one may do so at a time.

    Raises DiskError.
    What ends it early, Ctrl-C among it, leaves whole results behind; the next time goes on from there.
    """
    with run_folder.reserve_place(sweep.folder.path, f"sweep of {sweep.spec.scenario}"):
        sweep.folder.begin(sweep.plan, sweep.spec)
        measured = sweep.folder.load(sweep.plan)
        if len(measured) < sweep.plan.runs:
            with crew as run_tasks, _progress(console) as progress:
                bar = progress.add_task("", total=sweep.plan.runs, completed=len(measured))
                for count in _run(sweep, run_tasks, measured):
                    progress.advance(bar, count)
        with finishing():
            sweep.folder.finish(sweep.plan, measured)
            ranking = rank_points(sweep.plan, measured)
            ranking = replace(ranking, at_random=misjudged_at_random(sweep.plan, measured, ranking.best))
            write_report(sweep.folder, sweep.plan, sweep.spec, ranking)
    return ranking


def _run(sweep: Sweep, run_tasks: Crew, measured: dict[tuple[int, int], StudyFigures]) -> Iterator[int]:
    for results in run_tasks(tasks(sweep.plan, list(measured))):
        sweep.folder.append(sweep.plan, results)
        measured.update({(result.point, result.seed): result.figures for result in results})
        yield len(results)


def _progress(console: Console) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("runs,"), TimeRemainingColumn(compact=True))
    return Progress(*columns, TextColumn("left"), console=console, disable=not console.is_terminal, transient=True)
