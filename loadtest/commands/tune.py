"""The command `tune`."""

from __future__ import annotations

import math
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated

import typer

from inputs.wrong_input import WrongInputError, closest
from loadtest.commands.completion import arms, sources
from loadtest.commands.options import OutDir, Quiet, find_file, read_settings
from loadtest.terminal.console import fail, finishing, out
from loadtest.terminal.interruption import interruption_in

if TYPE_CHECKING:
    from loadtest.studies.tune.conduct import Tuned
    from loadtest.studies.tune.problem import LogPart, Problem, TuneOptions

# Time of a request on virtual time.
_REQUEST_S = 3e-5


def tune(  # noqa: PLR0913, PLR0917 - each is an option
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="An access log (CSV or JSON lines), the shipped one `checkout`, a scenario's name, or a .toml file.",
            autocompletion=sources,
        ),
    ],
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=NUMBER",
            help="What things cost, in answers lost: good_refused=1, bad_let_through=0.2, seconds_held=0.1 by default. "
            "A refused request that would have been answered is an answer lost; five bad calls let through, or ten "
            "seconds of waiting, count as one. Repeat it for more.",
        ),
    ] = None,
    most_lost: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Largest share of the answers that may be lost, 0 to 1 (default: 0.1)."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Search only this policy; repeat it for more (default: all)."),
    ] = None,
    holdout: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Share of the log's time, at its end, on which the settings are scored (default: 0.4).",
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="How long callers wait (default: from the log or the arm)."),
    ] = None,
    time_is: Annotated[
        str | None,
        typer.Option(
            metavar="start|end", help="Whether the log's times are the start or the end of a request (default: start)."
        ),
    ] = None,
    duration_is: Annotated[
        str | None,
        typer.Option(metavar="s|ms|us|ns", help="Unit of a log's durations (default: by the column's name, or found)."),
    ] = None,
    failure_status: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Statuses of a log that are failures, such as 5xx,429 (default: 5xx)."),
    ] = None,
    neutral_status: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Statuses of a log that say nothing about the backend's health (default: 4xx)."
        ),
    ] = None,
    bad_share: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Largest share of unreadable lines in a log (default: 0.05).")
    ] = None,
    arm: Annotated[
        str | None,
        typer.Option(help="A scenario's arm to tune (default: the first with a breaker).", autocompletion=arms),
    ] = None,
    candidates: Annotated[
        str | None, typer.Option(metavar="N", help="Candidates in the first round; fewer is faster (default: 80).")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="N", help="Seeds for each finalist; more give narrower intervals (default: 12)."),
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="N", help="Seed of the search (default: 1).")] = None,
    jobs: Annotated[str | None, typer.Option(metavar="N", help="Processes (default: one for each core).")] = None,
    out_dir: OutDir = None,
    *,
    quiet: Quiet = False,
) -> None:
    """Find settings for an access log or a described fault profile, and score them on what the search did not see.

    An access log has a line for each request: time (seconds or ISO 8601), status (a code of HTTP or gRPC, or ok,
    error, timeout) and duration (seconds), as CSV with a header or as JSON lines.
    """
    from inputs.check import check
    from inputs.extra import require

    require("scipy", "tune", "make .venv/.lab")  # some of these import it
    from loadtest.disk.trouble import DiskError
    from loadtest.studies.many_runs import workers
    from loadtest.studies.tune.conduct import conduct
    from loadtest.studies.tune.objective import parse_weights
    from loadtest.studies.tune.problem import TuneOptions, read_problem
    from loadtest.studies.tune.report import check_writable, write_results
    from loadtest.studies.tune.search import Aim

    given = {
        "holdout": holdout,
        "bad_share": bad_share,
        "time_is": time_is,
        "duration_is": duration_is,
        "failure_status": failure_status,
        "neutral_status": neutral_status,
        "timeout": timeout,
        "most_lost": most_lost,
        "candidates": candidates,
        "seeds": seeds,
        "seed": seed,
    }
    options = check({name: value for name, value in given.items() if value is not None}, TuneOptions)
    local = check({} if jobs is None else {"jobs": jobs}, workers.LocalWorkers)
    aim = Aim(parse_weights(weight or []), options.most_lost)
    policies = _check_policies(policy or [])
    settings = read_settings(out=out_dir)
    root = settings.out
    path: Path | None = None
    lost = ""
    try:
        problem = read_problem(find_file(source, settings), arm, options)
        if not quiet:
            out.print(_problem_text(problem), markup=False)
            out.print(_duration_text(problem, options, len(policies), local.jobs), markup=False)
        check_writable(root)
        with workers.local(local.jobs) as crew:
            tuned = conduct(problem, options, aim, policies, crew, out)
        try:
            with finishing():
                path = write_results(root, tuned, policies)
        except DiskError as error:  # what took minutes is printed all the same
            lost = f"results folder {root}: cannot be written: {error.reason}; no report was written"
    except BaseException as error:
        interrupted = interruption_in(error)
        if interrupted is None:
            raise
        fail(f"interrupted: {path or 'nothing'} was written", interrupted.exit_code)
    if not quiet or lost:
        _print_result(tuned, problem)
    if path is None:
        fail(lost, 1)
    out.print(f"report: {path / 'tune.html'}", markup=False)


def _print_result(tuned: Tuned, problem: Problem) -> None:
    """Print what is recommended, what to know of it, and settings to paste."""
    from loadtest.studies.tune.headline import caution, headline, notes
    from loadtest.studies.tune.log_words import reading_notes
    from loadtest.studies.tune.snippets import snippets

    out.print()
    told = reading_notes(problem.log) if problem.log else []
    for text in (headline(tuned), caution(tuned), *(each for each in notes(tuned) if each not in told)):
        out.print(text.replace("**", "").replace("`", ""), markup=False)
    first = snippets(tuned.settings)[0]
    if first.text and tuned.recommends:
        out.print(f"\n{first.text.rstrip()}\n", markup=False)


def _problem_text(problem: Problem) -> str:
    """Say what was read, and how: in two lines, and a few more where the log was not plain."""
    from loadtest.studies.tune.log_words import reading_notes, unit_text
    from loadtest.studies.tune.search import JUDGE, LEARN
    from loadtest.studies.tune.words import strip_markup

    timeout = "none" if problem.timeout.total_s is None else f"{problem.timeout.total_s:g} s"
    waiting = f"timeout: {timeout}, {problem.timeout_from}"
    if problem.log is None or problem.parts is None:
        return f"{problem.name}, arm {problem.arm}: {problem.requests(LEARN):,} requests a run\n{waiting}"
    log = problem.log
    failed = sum(part.failures for part in problem.parts.values())
    first, rest = (problem.parts[name] for name in (LEARN, JUDGE))
    unit = f"; {unit_text(log)}" if unit_text(log) else ""
    how = "".join(f"{note}\n" for note in reading_notes(log) if not note.startswith("**Which unit"))
    text = (
        f"{problem.name}: {len(log.start_s):,} requests in {log.length_s / 60:.3g} minutes, {failed:,} failed; "
        f"{log.bad:,} of {log.lines:,} lines could not be read{unit}\n{how}"
        f"searched on the first {first.end_s / 60:.3g} minutes ({_count(first)}), scored on the rest ({_count(rest)})\n"
        f"{waiting}"
    )
    return strip_markup(text)


def _count(part: LogPart) -> str:
    from loadtest.studies.tune.unknown import incidents_text

    return incidents_text(len(part.incidents))


def _duration_text(problem: Problem, options: TuneOptions, policies: int, jobs: int) -> str:
    """Estimate the time, and say how to shorten it."""
    from loadtest.studies.tune.conduct import count_candidates, count_runs
    from loadtest.studies.tune.search import LEARN

    runs = count_runs(policies, count_candidates(problem.requests(LEARN), options.candidates), options.seeds)
    minutes = runs * problem.requests(LEARN) * _REQUEST_S / jobs / 60
    guess = f"about {math.ceil(minutes)} min; fewer --candidates and --seeds are faster"
    return f"{runs:,} runs of {problem.requests(LEARN):,} requests on {jobs} cores: {guess}"


def _check_policies(wanted: list[str]) -> tuple[str, ...]:
    from loadtest.studies.tune.space import space

    known = tuple(space(1.0))
    for name in wanted:
        if name not in known:
            message = f"policy: got {name!r:.80}{closest(name, known)}; allowed: {', '.join(known)}"
            raise WrongInputError([{"field": "policy", "value": name, "detail": message}])
    return tuple(name for name in known if not wanted or name in wanted)
