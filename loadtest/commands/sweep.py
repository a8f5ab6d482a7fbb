"""The command `sweep`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from loadtest.commands.completion import arms, scenarios
from loadtest.commands.options import OutDir, Quiet, find_file, read_settings, wrong_input
from loadtest.terminal.console import fail, out
from loadtest.terminal.interruption import interruption_in

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from loadtest.studies.many_runs import workers
    from loadtest.studies.sweep.conduct import Sweep
    from loadtest.studies.sweep.ranking import Ranking


def sweep(  # noqa: PLR0913 - each is an option
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.", autocompletion=scenarios
        ),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES", help="breaker.fail_max=3,5,8 or breaker.reset_timeout=5:60:5; repeat it for more."
        ),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Such as 1-200 or 3,7 (default: 1-100).")] = None,
    arm: Annotated[
        str | None,
        typer.Option(help="Arm whose settings to vary (default: the first with a breaker).", autocompletion=arms),
    ] = None,
    jobs: Annotated[str | None, typer.Option(metavar="N", help="Processes (default: one for each core).")] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="URL", help="Work on this Dask scheduler, such as tcp://host:8786.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="DIR", help="Continue the sweep in this folder.")] = None,
    out_dir: OutDir = None,
    *,
    quiet: Quiet = False,
) -> None:
    """Try every combination of some settings on virtual time.

    Run the same command again to continue after an interruption.
    """
    from inputs.check import check
    from loadtest.scenario.seeds import parse_seeds
    from loadtest.studies.many_runs import workers
    from loadtest.studies.sweep.conduct import plan_sweep, resume_sweep
    from loadtest.studies.sweep.plan import MANY_REQUESTS
    from loadtest.studies.sweep.report import headline

    if jobs is not None and dask is not None:
        raise wrong_input("jobs, dask", None, "only one of them: the cluster has its own processes")
    local = check({} if jobs is None else {"jobs": jobs}, workers.LocalWorkers)
    if resume is not None:
        if name or grid or seeds or arm or out_dir:
            raise wrong_input(
                "resume",
                str(resume),
                "--resume without SCENARIO, --grid, --seeds, --arm or --out: the folder already has them",
            )
        planned = resume_sweep(resume)
    elif name is None:
        raise wrong_input("SCENARIO", None, "a scenario, or --resume DIR")
    else:
        chosen = parse_seeds("1-100" if seeds is None else seeds)
        if not chosen:
            raise wrong_input("seeds", seeds, "whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9")
        settings = read_settings(out=out_dir)
        planned = plan_sweep(settings.out, find_file(name, settings), arm, grid or [], chosen)
    plan = planned.plan
    if not quiet:
        skipped = f", {len(plan.skipped):,} left out ({plan.why_skipped})" if plan.skipped else ""
        counted = f"{plan.on_grid:,} points, {plan.runs:,} runs, {plan.requests:,} requests{skipped}"
        out.print(f"{counted}\nfiles in {planned.folder.path}", markup=False)
        if plan.requests > MANY_REQUESTS:
            out.print("this takes hours; Ctrl-C keeps the finished runs, and the same command continues", markup=False)
    crew = workers.local(local.jobs) if dask is None else workers.on_dask(dask)
    ranking = _conduct(planned, crew)
    if not quiet:
        out.print(f"\n{headline(plan, ranking).replace('`', '')}", markup=False)
    out.print(f"report: {planned.folder.path / 'sweep.html'}", markup=False)


def _conduct(planned: Sweep, crew: AbstractContextManager[workers.Crew]) -> Ranking:
    """Run the sweep until it ends, a signal comes, or the disk is full."""
    from loadtest.disk.trouble import DiskError
    from loadtest.studies.sweep.conduct import conduct

    try:
        return conduct(planned, crew, out)
    except BaseException as error:
        interrupted = interruption_in(error)
        if isinstance(error, DiskError):
            fail(
                f"results folder {planned.folder.path}: cannot be written: {error.reason}; "
                f"{planned.folder.count_results()} finished runs are kept; the same command continues from there",
                interrupted.exit_code if interrupted else 1,
            )
        if interrupted is None:
            raise
        fail("interrupted: the finished runs are kept; the same command continues from there", interrupted.exit_code)
