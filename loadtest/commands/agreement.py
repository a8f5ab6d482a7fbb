"""The command `agreement`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadtest.commands.options import OutDir, read_settings
from loadtest.terminal.console import fail, out

if TYPE_CHECKING:
    from loadtest.records.run_folder import RunFolder


def agreement(
    live: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="A live run to compare with virtual time; repeat it (default: run them now)."),
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100,
            help="Live runs of each scenario in which requests wait for each other (default: 5, or 0 with --live).",
        ),
    ] = None,
    streams: Annotated[
        int, typer.Option(min=20, max=10_000, help="Virtual runs with jitter that these are held against.")
    ] = 200,
    out_dir: OutDir = None,
) -> None:
    """Run the same scenarios on both engines with the same seeds, and compare.

    The document's experiments are compared request by request; scenarios with a queue, with calls that hang and with 30
    requests in flight by their figures, since there milliseconds decide what becomes of a request.

    Exit code 1 if the engines do not agree.
    """
    import subprocess
    from tempfile import TemporaryDirectory

    from loadtest.disk.room import check_room
    from loadtest.records.run_folder import RunFolder, wanted
    from loadtest.studies.agreement.conduct import agreement_of, write_agreement
    from loadtest.studies.agreement.overload import judge_live, measure_live, overload_scenarios

    root = read_settings(out=out_dir).out / "agreement"
    with wanted(root):  # before minutes are spent
        root.mkdir(parents=True, exist_ok=True)
        check_room(root)
    with TemporaryDirectory(prefix="breaker-lab-") as scratch:
        try:
            folders = [RunFolder(each) for each in live or ()] or _run_experiments(Path(scratch))
            folders += _run_overload(Path(scratch), runs if runs is not None else 0 if live else 5)
        except subprocess.CalledProcessError as error:
            fail(f"the live run ended with exit code {error.returncode}", max(1, error.returncode))
        by_name: dict[str, list[RunFolder]] = {}
        for each in folders:
            by_name.setdefault(each.scenario().name, []).append(each)
        waiting = {name: by_name.pop(name) for name in overload_scenarios() if name in by_name}
        agreements = {name: agreement_of(each) for name, several in by_name.items() for each in several}
        ranges = {name: judge_live(name, measure_live(each), streams) for name, each in waiting.items()}
    folder = root / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    out.print(f"{write_agreement(folder, agreements, ranges)}\nin {folder}", markup=False)
    agree = [arm.ok for arms in agreements.values() for arm in arms] + [each.ok for each in ranges.values()]
    raise typer.Exit(0 if all(agree) else 1)


def _run_experiments(scratch: Path) -> list[RunFolder]:
    """Make a live run of each experiment. Raises CalledProcessError."""
    from loadtest.experiments.registry import experiments
    from loadtest.studies.agreement.conduct import run_live

    return [run_live(name, scratch) for name in experiments()]


def _run_overload(scratch: Path, runs: int) -> list[RunFolder]:
    """Make so many live runs of each scenario in which requests wait for each other."""
    from loadtest.studies.agreement.overload import overload_scenarios, run_overload

    return [
        run_overload(name, scratch / f"{number}", f"live run {number} of {runs}")
        for number in range(1, runs + 1)
        for name in overload_scenarios()
    ]
