"""The command `run`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from inputs.wrong_input import WrongInputError, closest
from loadtest.commands.completion import arms, engines, scenarios
from loadtest.commands.conclude import conclude
from loadtest.commands.options import (
    BackendUrl,
    ClientUrl,
    OutDir,
    Quiet,
    check_tracing,
    find_file,
    find_services,
    read_settings,
    wrong_input,
)
from loadtest.terminal import interruption
from loadtest.terminal.console import fail, finishing, out

if TYPE_CHECKING:
    from loadtest.engines.live.services import Urls
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.manifest import Engine
    from loadtest.records.run_folder import RunFolder
    from loadtest.terminal.interruption import Interrupted


def run(  # noqa: PLR0913 - each is an option
    name: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.", autocompletion=scenarios
        ),
    ],
    arm: Annotated[
        list[str] | None,
        typer.Option(help="Run only this arm; repeat it for more (default: all).", autocompletion=arms),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="live|virtual", help="Real services and real time, or a clock that jumps.", autocompletion=engines
        ),
    ] = "live",
    seeds: Annotated[str, typer.Option(help="Such as 1-20 or 3,7 (default: the scenario's seed).")] = "",
    jitter: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="On virtual time: send each request up to so much late, such as 5ms (default: 0)."
        ),
    ] = "0",
    client_url: ClientUrl = None,
    backend_url: BackendUrl = None,
    out_dir: OutDir = None,
    *,
    quiet: Quiet = False,
) -> None:
    """Run a scenario, and write its rows, summary and report. Exit code 1 if a check or an expectation fails."""
    from loadtest.disk.trouble import DiskError
    from loadtest.records import run_folder
    from loadtest.scenario import files
    from loadtest.scenario.seeds import parse_seeds
    from loadtest.terminal.errors import ChildError

    chosen = read_settings(client_url=client_url, backend_url=backend_url, out=out_dir)
    scenario, text = files.read(find_file(name, chosen))
    arms = scenario.choose_arms(arm or [])
    numbers = parse_seeds(seeds) or [scenario.seed]
    # The virtual engine does without services: those that the environment names, as in a container, are not meant.
    named = client_url is not None or backend_url is not None
    urls = find_services(chosen) if named or engine != "virtual" else None
    chosen_engine = _check_engine(engine, urls)
    jitter_s = _check_jitter(jitter, chosen_engine)
    check_tracing(chosen, urls)
    with run_folder.reserve_place(chosen.out, scenario.name, urls.client if urls else None):
        folder = run_folder.create(chosen.out, scenario, text, chosen_engine, arms, numbers, jitter_s)
        if not quiet:
            out.print(f"[bold]{escape(scenario.title)}[/bold]\nfiles in {escape(str(folder.path))}")
        interrupted: Interrupted | None = None
        failed = ""
        try:
            _fill_folder(folder, urls, quiet=quiet)
        except BaseException as error:
            if isinstance(error, DiskError):
                fail(folder.describe_loss(error), 1)
            interrupted = interruption.interruption_in(error)
            if interrupted is None:
                if not isinstance(error, ChildError):
                    raise
                failed = str(error)
        done, late, unlinked = _finish_run(folder, failed, interrupted)
        conclude(folder, done, interrupted or late, failed or unlinked)


def _fill_folder(folder: RunFolder, urls: Urls | None, *, quiet: bool) -> None:
    """Run the folder's manifest, and show the progress."""
    from loadtest.engines.live.engine import run_live
    from loadtest.engines.virtual.engine import run_on_virtual_time
    from loadtest.records.news import News
    from loadtest.studies.many_runs.processes import spread_in_order
    from loadtest.terminal.narrator import Narrator

    manifest = folder.manifest()
    virtual = manifest.engine == "virtual"
    narrator = Narrator(
        out, folder.scenario(), manifest.arms, manifest.seeds, News(folder), virtual=virtual, quiet=quiet
    )
    if virtual:
        run_on_virtual_time(folder, narrator, spread_in_order)
    else:
        run_live(folder, urls, narrator)


def _check_engine(engine: str, urls: Urls | None) -> Engine:
    """Raise WrongInputError for an unknown engine, and for services that the virtual one cannot use."""
    from loadtest.records.manifest import ENGINES

    known = next((each for each in ENGINES if each == engine), None)
    if known is None:
        message = f"engine: got {engine!r}{closest(engine, ENGINES)}; allowed: {', '.join(ENGINES)}"
        raise WrongInputError([{"field": "engine", "value": engine, "detail": message}])
    if engine == "virtual" and urls is not None:
        message = f"client-url: got {urls.client!r}; the virtual engine runs both services itself: leave it out"
        raise WrongInputError([{"field": "client-url", "value": urls.client, "detail": message}])
    return known


def _check_jitter(text: str, engine: Engine) -> float:
    """Return seconds. Raises WrongInputError for what is no such time, and for any on the live engine."""
    from loadtest.records.manifest import LEAST_JITTER_S, MOST_JITTER_S

    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s)|0+(?:\.0*)?", text.strip())
    seconds = float(found[1]) / {"ms": 1000, "s": 1}[found[2]] if found and found[2] else 0.0
    limits = f"0, or a time from {1000 * LEAST_JITTER_S:g}ms to {MOST_JITTER_S:g}s"
    if not found or (seconds and not LEAST_JITTER_S <= seconds <= MOST_JITTER_S):
        raise wrong_input("jitter", text, f"{limits} with its unit, ms or s, such as 5ms")
    if seconds and engine == "live":
        message = (
            f"jitter: got {text!r}; allowed on the live engine: 0, since its requests are as late as the machine makes "
            f"them; with --engine virtual: {limits}"
        )
        raise WrongInputError([{"field": "jitter", "value": text, "detail": message}])
    return round(seconds, 9)


def _finish_run(
    folder: RunFolder, failed: str, earlier: Interrupted | None
) -> tuple[FinishedRun, Interrupted | None, str]:
    """Complete the manifest and write the report, in spite of one signal; a second one interrupts it.

    Return the run, the signal, and a sentence where `latest` does not point to the run.
    """
    from loadtest.disk.trouble import DiskError
    from loadtest.experiments.finish import finish

    done: FinishedRun | None = None
    unlinked = ""
    try:
        with finishing():
            if folder.log.exists() and folder.log.stat().st_size == 0:
                folder.log.unlink()
            unlinked = folder.end(complete=folder.has_ended() and not failed)
            done = finish(folder)
    except BaseException as error:
        interrupted = interruption.interruption_in(error) or earlier
        if isinstance(error, DiskError):
            why = "; ".join(each for each in (failed, folder.describe_loss(error)) if each)
            fail(f"interrupted: {why}" if interrupted else why, interrupted.exit_code if interrupted else 1)
        if interrupted is None:
            raise
        if done is None:
            hint = f"`python -m loadtest report {folder.path}` writes it"
            fail(f"interrupted while writing the report: {hint}; the rows are kept", interrupted.exit_code)
        return done, interrupted, unlinked
    return done, None, unlinked
