"""The command line: python -m loadtest."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from backend.settings import BackendSettings
from client.settings import ClientSettings
from loadtest import run_folder, scenario
from loadtest.finish import Finished, finish
from loadtest.live.admin import Service
from loadtest.live.engine import locust_command, run_live
from loadtest.live.services import ChildError, Urls, end, last_words, own_services
from loadtest.narrator import Narrator
from loadtest.probability.answer import answer
from loadtest.probability.progress import progress
from loadtest.probability.question import Question
from loadtest.probability.table import sentences, table
from loadtest.report.headline import headline
from loadtest.seeds import parse_seeds
from loadtest.settings import LoadtestSettings
from loadtest.sweep import workers
from loadtest.sweep.conduct import conduct, new_sweep, resumed
from loadtest.sweep.plan import MANY_REQUESTS
from loadtest.sweep.report import headline as best_point
from loadtest.tune.command import tune
from loadtest.virtual.engine import run_on_virtual_time
from service.problems import check
from service.server import listen
from service.settings import from_environment
from service.wrong_input import WrongInputError, closest

if TYPE_CHECKING:
    from types import FrameType

app = typer.Typer(
    help="Experiments with circuit breakers on real services.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Terminal(Console):
    """A console that falls silent when nobody can hear it: what is measured does not depend on who reads along."""

    def print(self, *what: Any, **how: Any) -> None:
        """Print, or from now on do not."""
        try:
            super().print(*what, **how)
        except (OSError, UnicodeEncodeError):
            self.quiet = True


out = Terminal(highlight=False, soft_wrap=True)
# What ends a run in good order: Ctrl-C, kill, and the closing of the terminal.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

ClientUrl = Annotated[str | None, typer.Option(help="Use this client instead of starting one.")]
BackendUrl = Annotated[str | None, typer.Option(help="Use this backend instead of starting one.")]
Out = Annotated[Path | None, typer.Option(help="Folder of all runs (default: results).")]


class Interrupted(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


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
    settings = _settings(client_url=client_url, backend_url=backend_url, out=out_dir)
    found, text = scenario.read(name)
    arms = found.choose_arms(arm or [])
    chosen = parse_seeds(seeds) or [found.seed]
    urls = _urls(settings)
    _check_engine(engine, urls)
    if urls is None:  # before anything is started: are the settings of our own services right?
        from_environment(ClientSettings)
        from_environment(BackendSettings)
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
        except Interrupted as signalled:
            interrupted = signalled
        except ChildError as error:
            failed = str(error)
        if folder.log.exists() and folder.log.stat().st_size == 0:
            folder.log.unlink()
        folder.update_manifest(complete=folder.all_ended() and not failed)
        _conclude(folder, _finished(folder), interrupted, failed)


def _check_engine(engine: str, urls: Urls | None) -> None:
    """Raise WrongInputError for an engine that is none, or for services that the virtual one cannot use."""
    if engine not in ("live", "virtual"):
        said = f"engine: got {engine!r}{closest(engine, ['live', 'virtual'])}; allowed: live, virtual"
        raise WrongInputError([{"field": "engine", "value": engine, "detail": said}])
    if engine == "virtual" and urls is not None:
        said = f"client-url: got {urls.client!r}; the virtual engine runs both services inside itself, leave it out"
        raise WrongInputError([{"field": "client-url", "value": urls.client, "detail": said}])


def _finished(folder: run_folder.RunFolder) -> Finished:
    try:
        return finish(folder)
    except Interrupted as signalled:
        again = f"`python -m loadtest report {folder.path}` writes it"
        _fail(f"interrupted while the report was written: {again}; what was measured is kept", signalled.exit_code)


def _conclude(folder: run_folder.RunFolder, done: Finished, interrupted: Interrupted | None, failed: str) -> NoReturn:
    """Say what came out, and end with the exit code that fits."""
    out.print()
    out.print(headline(done), markup=False)
    for each in done.broken:
        out.print(f"[bold]NOT OK[/bold] {escape(each.name)}: {escape(each.detail)}")
    out.print(f"report: {folder.path / 'report.html'}", markup=False)
    if failed:
        _fail(failed, 1)
    if interrupted:
        _fail("interrupted: what was measured is kept, marked incomplete", interrupted.exit_code)
    raise typer.Exit(1 if done.broken else 0)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a run, such as results/experiment-1/latest.")
    ],
) -> None:
    """Rebuild summary and report of a run from its rows. Needs no service and no network.

    Exit code 1 when a check or an expectation fails, as after the run itself.
    """
    _conclude(run_folder.RunFolder(folder), finish(run_folder.RunFolder(folder)), None, "")


@app.command()
def probability(  # noqa: PLR0913 - each is an option
    *,
    error_rate: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Calls that fail, 0 to 1 (default: 0.3).", rich_help_panel="Failures"),
    ] = None,
    burst_length: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Mean number of failures in a row (default: none, calls fail independently).",
            rich_help_panel="Failures",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="consecutive, count_window or time_window (default: consecutive).",
            rich_help_panel="Breaker",
        ),
    ] = None,
    fail_max: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="Consecutive failures that trip the breaker (default: 5).", rich_help_panel="Breaker"
        ),
    ] = None,
    failure_rate: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Failures in the window that trip the breaker (default: 0.5).",
            rich_help_panel="Breaker",
        ),
    ] = None,
    min_calls: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Calls in the window before its rate is believed (default: 20).",
            rich_help_panel="Breaker",
        ),
    ] = None,
    window_calls: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="Calls that a count window looks back on (default: 100).", rich_help_panel="Breaker"
        ),
    ] = None,
    window_s: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS", help="Time that a time window looks back on (default: 10).", rich_help_panel="Breaker"
        ),
    ] = None,
    reset_timeout: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS", help="Time open before the first probe (default: 30).", rich_help_panel="Breaker"
        ),
    ] = None,
    success_threshold: Annotated[
        str | None,
        typer.Option(metavar="N", help="Probes that must succeed to close (default: 1).", rich_help_panel="Breaker"),
    ] = None,
    requests: Annotated[
        str | None, typer.Option(metavar="N", help="Requests that come (default: 20).", rich_help_panel="Load")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="PER_S",
            help="Requests per second (default: 0.16, for four refusals in 30 s).",
            rich_help_panel="Load",
        ),
    ] = None,
    runs: Annotated[
        str | None,
        typer.Option(metavar="N", help="Runs of a simulation (default: 2000).", rich_help_panel="Simulation"),
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar="N", help="Seed of a simulation (default: 1).", rich_help_panel="Simulation")
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Simulate what could be exact, too.", rich_help_panel="Simulation")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")] = False,
) -> None:
    """Say how likely it is that a breaker trips, how many calls that takes, and how likely its whole cycle is.

    Exact for `consecutive`, and for a `count_window` of few enough calls to follow every pattern of failures in it,
    such as 20 calls at a failure rate of 0.5, or 50 at 0.1; of larger ones, as long as no call has left the window.

    The rest is simulated with runs of the lab's own breakers, and has a 95 % interval. Each figure says which it is.
    """
    options = {
        "error_rate": error_rate,
        "burst_length": burst_length,
        "policy": policy,
        "fail_max": fail_max,
        "failure_rate": failure_rate,
        "min_calls": min_calls,
        "window_calls": window_calls,
        "window_s": window_s,
        "reset_timeout": reset_timeout,
        "success_threshold": success_threshold,
        "requests": requests,
        "rate": rate,
        "runs": runs,
        "seed": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    question = check({**given, "simulate": simulate}, Question)
    with progress("runs", question.runs) as tell:
        found = answer(question, tell)
    if as_json:
        out.print(json.dumps(found.as_json(), indent=2, allow_nan=False), markup=False)
        return
    out.print(table(found))
    out.print()
    out.print(sentences(found), markup=False)


@app.command()
def sweep(  # noqa: PLR0913 - each is an option
    name: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.")
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUES", help="breaker.fail_max=3,5,8 or breaker.reset_timeout=5:60:5; repeat it."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Such as 1-200 or 3,7 (default: 1-100).")] = None,
    arm: Annotated[str | None, typer.Option(help="Whose settings to vary (default: the first with a breaker).")] = None,
    jobs: Annotated[str | None, typer.Option(metavar="N", help="Processes (default: one for each core).")] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="URL", help="Work on this Dask scheduler, such as tcp://host:8786.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="DIR", help="Go on with the sweep in this folder.")] = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Folder of all runs (default: results).")] = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only say where the report is.")] = False,
) -> None:
    """Try every combination of some settings on virtual time. The same command again goes on where it stopped."""
    if jobs is not None and dask is not None:
        raise _wrong("jobs, dask", None, "one of the two: the cluster has its own processes")
    hands = check({} if jobs is None else {"jobs": jobs}, workers.Hands)
    if resume is not None:
        if name or grid or seeds or arm or out_dir:
            raise _wrong("resume", str(resume), "without SCENARIO, --grid, --seeds, --arm, --out: the folder has them")
        planned = resumed(resume)
    elif name is None:
        raise _wrong("SCENARIO", None, "a scenario, or --resume DIR")
    else:
        chosen = parse_seeds("1-100" if seeds is None else seeds)
        if not chosen:
            raise _wrong("seeds", seeds, "whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9")
        planned = new_sweep(_settings(out=out_dir).out, name, arm, grid or [], chosen)
    plan = planned.plan
    if not quiet:
        skipped = f", {len(plan.skipped):,} left out ({plan.why_skipped})" if plan.skipped else ""
        counted = f"{plan.on_grid:,} points, {plan.runs:,} runs, {plan.requests:,} requests{skipped}"
        out.print(f"{counted}\nfiles in {planned.folder.path}", markup=False)
        if plan.requests > MANY_REQUESTS:
            out.print("this takes hours; Ctrl-C keeps what is done, and the same command goes on", markup=False)
    crew = workers.local(hands.jobs) if dask is None else workers.on_dask(dask)
    try:
        standing = conduct(planned, crew, out)
    except Interrupted as signalled:
        _fail("interrupted: what was measured is kept; the same command goes on from there", signalled.exit_code)
    if not quiet:
        out.print(f"\n{best_point(plan, standing).replace('`', '')}", markup=False)
    out.print(f"report: {planned.folder.path / 'sweep.html'}", markup=False)


app.command()(tune)


@app.command()
def ui(
    client_url: ClientUrl = None,
    backend_url: BackendUrl = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Folder of all runs (default: results).")] = None,
    port: Annotated[str | None, typer.Option(metavar="N", help="Port of the web UI (default: 8089).")] = None,
) -> None:
    """Open Locust's web UI, where a scenario and its arms are chosen in the form."""
    settings = _settings(client_url=client_url, backend_url=backend_url, out=out_dir, ui_port=port)
    urls = _urls(settings)
    listen(settings.ui_host, settings.ui_port).close()
    settings.out.mkdir(parents=True, exist_ok=True)
    log = settings.out / ".ui.log"
    try:
        if urls is not None:
            _serve_ui(settings, urls, log)
        else:
            with own_services(log) as started:
                _serve_ui(settings, started, log)
    except Interrupted as signalled:
        raise typer.Exit(0 if signalled.exit_code == 130 else signalled.exit_code) from None


def _serve_ui(settings: LoadtestSettings, urls: Urls, log: Path) -> None:
    """Run Locust; what it prints, its tables at the end among it, goes to the log, and to the UI's own page of logs."""
    where = ["--host", urls.client, "--client-url", urls.client, "--backend-url", urls.backend]
    options = [*where, "--results", str(settings.out)]
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


def _settings(**given: Any) -> LoadtestSettings:
    return from_environment(
        LoadtestSettings, None, **{name: value for name, value in given.items() if value is not None}
    )


def _urls(settings: LoadtestSettings) -> Urls | None:
    """Return the services to attach to, after asking whether they are there; none to start our own."""
    if settings.client_url is None and settings.backend_url is None:
        return None
    if settings.client_url is None or settings.backend_url is None:
        raise _wrong("client-url, backend-url", None, "both, or neither of them")
    Service("client", settings.client_url).check("/breaker")
    Service("backend", settings.backend_url).check("/faults")
    return Urls(settings.client_url.rstrip("/"), settings.backend_url.rstrip("/"))


def _wrong(field: str, value: object, allowed: str) -> WrongInputError:
    got = "" if value is None else f"got {value!r}; "
    return WrongInputError([{"field": field, "value": value, "detail": f"{field}: {got}allowed: {allowed}"}])


def _fail(why: str, code: int) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"loadtest: {why}", markup=False)
    raise typer.Exit(code)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    for each in _SIGNALS:  # a second one must not cut off the tidying up
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> None:
    """Run the command line; a user's mistake ends with exit code 2 and a sentence for each."""
    for each in _SIGNALS:
        signal.signal(each, _interrupt)
    try:
        app()
    except WrongInputError as error:
        for problem in error.problems:
            Console(stderr=True, highlight=False, soft_wrap=True).print(f"loadtest: {problem['detail']}", markup=False)
        raise SystemExit(2) from None
    except ChildError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"loadtest: {error}", markup=False)
        raise SystemExit(1) from None
    except Interrupted as signalled:
        raise SystemExit(signalled.exit_code) from None
