"""The command `report`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import Annotated

import typer

from inputs.wrong_input import WrongInputError
from loadtest.commands.conclude import conclude
from loadtest.commands.options import wrong_input
from loadtest.terminal.console import finishing, out


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a run, such as results/experiment-1/latest.")
    ],
    other: Annotated[
        Path | None, typer.Argument(metavar="[B]", help="A second run of the same scenario: compare the two.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder of a comparison (default: compare-A-B beside B).")
    ] = None,
) -> None:
    """Rebuild summary and report of a run from its rows, or compare two runs. Needs no services and no network.

    Exit code 1 if a check or an expectation fails, as after the run itself; a comparison ends with 0.
    """
    if other is not None:
        _compare(folder, other, out_dir)
        return
    if out_dir is not None:
        raise wrong_input("out", str(out_dir), "only with two runs: a report is in the folder of its run")
    from loadtest.disk.room import check_room
    from loadtest.disk.trouble import DiskError
    from loadtest.experiments.finish import finish
    from loadtest.records.run_folder import RunFolder

    RunFolder(folder).check_rows()
    try:
        check_room(folder)
    except DiskError as error:
        detail = f"{error}; its rows are kept, and so is a report that it has"
        raise WrongInputError([{"field": "DIR", "value": str(folder), "detail": detail}]) from error
    with finishing():
        done = finish(RunFolder(folder))
    conclude(RunFolder(folder), done, None, "")


def _compare(first: Path, second: Path, out_dir: Path | None) -> None:
    from loadtest.disk.trouble import reason_of
    from loadtest.figures.finished import measure_run
    from loadtest.figures.two_runs import compare_runs
    from loadtest.records.run_folder import RunFolder
    from loadtest.report.all_runs import update_index
    from loadtest.report.two_runs import headline, write_comparison

    if first.resolve() == second.resolve():
        raise wrong_input("A, B", str(first.resolve()), "two runs; these are the same folder")
    for each in (first, second):
        RunFolder(each).check_rows()
    compared = compare_runs(*(measure_run(RunFolder(each)) for each in (first, second)))
    names = [each.resolve().name for each in (first, second)]
    folder = out_dir or second.resolve().parent / f"compare-{names[0]}-{names[1]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with finishing():
            write_comparison(compared, folder, (str(first), str(second)))
    except OSError as error:
        raise wrong_input("out", str(folder), f"a writable folder ({reason_of(error)})") from error
    update_index(second)
    out.print(headline(compared), markup=False)
    out.print(f"report: {folder / 'compare.html'}", markup=False)
