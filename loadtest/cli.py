"""The command line: python -m loadtest."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.markup import escape

from backend.settings import BackendSettings
from client.settings import ClientSettings
from loadtest import commands, interruption, run_folder, scenario, versus
from loadtest.commands import fail, out, wrong
from loadtest.finish import Finished, finish, measure
from loadtest.index import find, update_index, write_index
from loadtest.interruption import Interrupted
from loadtest.live.admin import Service
from loadtest.live.engine import locust_command, run_live
from loadtest.live.services import ChildError, Urls, end, last_words, own_services
from loadtest.narrator import Narrator
from loadtest.probability.command import probability
from loadtest.report.headline import headline
from loadtest.report.versus import headline as versus_headline
from loadtest.report.versus import write_versus
from loadtest.seeds import parse_seeds
from loadtest.sweep.command import sweep
from loadtest.tune.command import tune
from loadtest.virtual.engine import run_on_virtual_time
from service import tracing
from service.server import listen
from service.settings import from_environment
from service.wrong_input import WrongInputError, closest

if TYPE_CHECKING:
    from loadtest.settings import LoadtestSettings

app = typer.Typer(
    help="Experiments with circuit breakers on real services.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


ClientUrl = Annotated[str | None, typer.Option(help="Use this client instead of starting one.")]
BackendUrl = Annotated[str | None, typer.Option(help="Use this backend instead of starting one.")]
Out = Annotated[Path | None, typer.Option(help="Folder of all runs (default: results).")]


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.")],
    arm: Annotated[list[str] | None, typer.Option(help="Run this arm only; may be repeated (default: all).")] = None,
    engine: Annotated[
        str, typer.Option(metavar="live|virtual", help="Real services and real time, or a clock that jumps.")
    ] = "live",
    seeds: Annotated[str, typer.Option(help="Such as 1-20 or 3,7 (default: the scenario's seed).")] = "",
    client_url: ClientUrl = None,
    backend_url: BackendUrl = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Folder of all runs (default: results).")] = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only say where the report is.")] = False,
) -> None:
    """Run a scenario, write its rows, summary and report. Exit code 1 when a check or an expectation fails."""
    settings = commands.settings(client_url=client_url, backend_url=backend_url, out=out_dir)
    found, text = scenario.read(name)
    arms = found.choose_arms(arm or [])
    chosen = parse_seeds(seeds) or [found.seed]
    urls = _urls(settings)
    _check_engine(engine, urls)
    _check_tracing(settings, urls)
    with run_folder.only_run(settings.out, found.name, urls.client if urls else None):
        folder = run_folder.create(settings.out, found, text, engine, arms, chosen)
        if not quiet:
            out.print(f"[bold]{escape(found.title)}[/bold]\nfiles in {escape(str(folder.path))}")
        interrupted: Interrupted | None = None
        failed = ""
        try:
            narrator = Narrator(out, found, folder, quiet=quiet)
            if engine == "virtual":
                run_on_virtual_time(folder, narrator)
            else:
                run_live(folder, urls, narrator)
        except BaseException as error:
            interrupted = interruption.behind(error)
            if interrupted is None:
                if not isinstance(error, ChildError):
                    raise
                failed = str(error)
        done, late = _finished(folder, failed)
        _conclude(folder, done, interrupted or late, failed)


def _check_engine(engine: str, urls: Urls | None) -> None:
    """Raise WrongInputError for an engine that is none, or for services that the virtual one cannot use."""
    if engine not in ("live", "virtual"):
        said = f"engine: got {engine!r}{closest(engine, ['live', 'virtual'])}; allowed: live, virtual"
        raise WrongInputError([{"field": "engine", "value": engine, "detail": said}])
    if engine == "virtual" and urls is not None:
        said = f"client-url: got {urls.client!r}; the virtual engine runs both services inside itself, leave it out"
        raise WrongInputError([{"field": "client-url", "value": urls.client, "detail": said}])


def _finished(folder: run_folder.RunFolder, failed: str) -> tuple[Finished, Interrupted | None]:
    """Close the books and write the report, which an interruption does not cut off before the second."""
    done: Finished | None = None
    try:
        with commands.finishing():
            if folder.log.exists() and folder.log.stat().st_size == 0:
                folder.log.unlink()
            folder.update_manifest(complete=folder.all_ended() and not failed)
            done = finish(folder)
    except BaseException as error:
        interrupted = interruption.behind(error)
        if interrupted is None:
            raise
        if done is None:
            again = f"`python -m loadtest report {folder.path}` writes it"
            fail(f"interrupted while the report was written: {again}; what was measured is kept", interrupted.exit_code)
        return done, interrupted
    return done, None


def _conclude(folder: run_folder.RunFolder, done: Finished, interrupted: Interrupted | None, failed: str) -> NoReturn:
    """Say what came out, and end with the exit code that fits."""
    out.print()
    out.print(headline(done), markup=False)
    for each in done.broken:
        out.print(f"[bold]NOT OK[/bold] {escape(each.name)}: {escape(each.detail)}")
    out.print(f"report: {folder.path / 'report.html'}", markup=False)
    if failed:
        fail(failed, 1)
    if interrupted:
        kept = "the run is complete" if done.manifest["complete"] else "what was measured is kept, marked incomplete"
        fail(f"interrupted: {kept}", interrupted.exit_code)
    raise typer.Exit(1 if done.broken else 0)


@app.command()
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
    """Rebuild summary and report of a run from its rows, or compare two runs. Needs no service and no network.

    Exit code 1 when a check or an expectation fails, as after the run itself; a comparison ends with 0.
    """
    if other is not None:
        _compare(folder, other, out_dir)
        return
    if out_dir is not None:
        raise wrong("out", str(out_dir), "with two runs only: a report stands in the folder of its run")
    with commands.finishing():
        done = finish(run_folder.RunFolder(folder))
    _conclude(run_folder.RunFolder(folder), done, None, "")


def _compare(first: Path, second: Path, out_dir: Path | None) -> None:
    if first.resolve() == second.resolve():
        raise wrong("A, B", str(first.resolve()), "two runs; these are the same folder")
    found = versus.hold(*(measure(run_folder.RunFolder(each)) for each in (first, second)))
    names = [each.resolve().name for each in (first, second)]
    folder = out_dir or second.resolve().parent / f"compare-{names[0]}-{names[1]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with commands.finishing():
            write_versus(found, folder, (str(first), str(second)))
    except OSError as error:
        raise wrong("out", str(folder), f"a folder that can be written ({error.strerror})") from error
    update_index(second)
    out.print(versus_headline(found), markup=False)
    out.print(f"report: {folder / 'compare.html'}", markup=False)


@app.command()
def index(
    out_dir: Annotated[Path | None, typer.Option("--out", help="Folder of all runs (default: results).")] = None,
) -> None:
    """Write the page of all runs anew: index.html in the folder of results. Each run and each report does it, too."""
    root = commands.settings(out=out_dir).out
    if not root.is_dir():
        raise wrong("out", str(root), "a folder that is there")
    try:
        page = write_index(root)
    except OSError as error:
        raise wrong("out", str(root), f"a folder that can be written ({error.strerror})") from error
    found = find(root)
    out.print(f"{len(found.runs)} run(s): {page}", markup=False)
    for name, why in found.skipped:
        out.print(f"left out: {name}: {why}", markup=False)


app.command()(probability)
app.command()(sweep)
app.command()(tune)


@app.command()
def ui(
    client_url: ClientUrl = None,
    backend_url: BackendUrl = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Folder of all runs (default: results).")] = None,
    port: Annotated[str | None, typer.Option(metavar="N", help="Port of the web UI (default: 8089).")] = None,
    scenarios: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Offer the scenario files of this folder, too (default: this one)."),
    ] = None,
) -> None:
    """Open Locust's web UI: a form to choose a run, a tab that shows the breaker, and a link to each report."""
    settings = commands.settings(
        client_url=client_url, backend_url=backend_url, out=out_dir, ui_port=port, ui_scenarios=scenarios
    )
    if not settings.ui_scenarios.is_dir():
        raise wrong("scenarios", str(settings.ui_scenarios), "a folder")
    urls = _urls(settings)
    _check_tracing(settings, urls)
    listen(settings.ui_host, settings.ui_port).close()
    settings.out.mkdir(parents=True, exist_ok=True)
    write_index(settings.out)
    log = settings.out / ".ui.log"
    try:
        if urls is not None:
            _serve_ui(settings, urls, log)
        else:
            with own_services(log) as started:
                _serve_ui(settings, started, log)
    except Interrupted as signalled:
        raise typer.Exit(0 if signalled.exit_code == 130 else signalled.exit_code) from None


def _check_tracing(settings: LoadtestSettings, urls: Urls | None) -> None:
    """Raise WrongInputError, before anything is started, where traces that are asked for cannot be had."""
    if urls is None:  # the settings of our own services, too
        tracing.check(from_environment(ClientSettings).tracing, "CLIENT_TRACING")
        tracing.check(from_environment(BackendSettings).tracing, "BACKEND_TRACING")
    tracing.check(settings.tracing, "LOADTEST_TRACING")


def _serve_ui(settings: LoadtestSettings, urls: Urls, log: Path) -> None:
    """Run Locust; what it prints, its tables at the end among it, goes to the log, and to the UI's own page of logs."""
    where = ["--host", urls.client, "--backend-url", urls.backend]
    options = [*where, "--results", str(settings.out), "--own-scenarios", str(settings.ui_scenarios)]
    place = ["--web-host", settings.ui_host, "--web-port", str(settings.ui_port), "--until-stdin-closes"]
    command = locust_command(*options, *place, "--loglevel", "WARNING")
    with log.open("ab") as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True)
    out.print(f"Locust's web UI: http://{settings.ui_host}:{settings.ui_port} (Ctrl-C ends it; log in {log})")
    try:
        code = process.wait()
    finally:
        end(process)
    if code:
        raise ChildError(f"Locust ended with exit code {code}: {last_words(log)}")


def _urls(settings: LoadtestSettings) -> Urls | None:
    """Return the services to attach to, after asking whether they are there; none to start our own."""
    if settings.client_url is None and settings.backend_url is None:
        return None
    if settings.client_url is None or settings.backend_url is None:
        raise wrong("client-url, backend-url", None, "both, or neither of them")
    Service("client", settings.client_url).check("/breaker")
    Service("backend", settings.backend_url).check("/faults")
    return Urls(settings.client_url.rstrip("/"), settings.backend_url.rstrip("/"))


def main() -> None:
    """Run the command line; a user's mistake ends with exit code 2 and a sentence for each."""
    interruption.listen()
    try:
        app()
    except WrongInputError as error:
        for problem in error.problems:
            commands.say(problem["detail"])
        raise SystemExit(2) from None
    except ChildError as error:
        commands.say(str(error))
        raise SystemExit(1) from None
    except SystemExit:
        raise
    except BaseException as error:
        interrupted = interruption.behind(error)
        if interrupted is None:
            raise
        commands.say("interrupted")
        raise SystemExit(interrupted.exit_code) from None
