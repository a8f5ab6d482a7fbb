"""The command `probability`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from loadtest.terminal.console import out


def probability(  # noqa: PLR0913 - each is an option
    *,
    error_rate: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE", help="Share of calls that fail, 0 to 1 (default: 0.3).", rich_help_panel="Failures"
        ),
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
            help="Share of failures in the window that trips the breaker (default: 0.5).",
            rich_help_panel="Breaker",
        ),
    ] = None,
    min_calls: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Calls needed in the window before its rate counts (default: 20).",
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
        str | None, typer.Option(metavar="N", help="Number of requests (default: 20).", rich_help_panel="Load")
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
        bool,
        typer.Option("--simulate", help="Also simulate what could be computed exactly.", rich_help_panel="Simulation"),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")] = False,
) -> None:
    """Compute how likely a breaker is to trip, how many calls that takes, and how likely its whole cycle is.

    Exact for `consecutive`, and for a `count_window` with few enough calls to follow every pattern of failures,
    such as 20 calls at a failure rate of 0.5, or 50 at 0.1. For larger windows, exact until the first call leaves the
    window.

    The rest is simulated with the lab's own breakers, and has a 95 % interval. Each figure says which it is.
    """
    from inputs.check import check
    from loadtest.probability.answer import answer_question
    from loadtest.probability.question import TripQuestion
    from loadtest.probability.table import answer_table, answer_text
    from loadtest.terminal.progress import progress

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
    question = check({**given, "simulate": simulate}, TripQuestion)
    with progress("runs", question.runs) as on_progress:
        result = answer_question(question, on_progress)
    if as_json:
        out.print(json.dumps(result.as_json(), indent=2, allow_nan=False), markup=False)
        return
    out.print(answer_table(result))
    out.print()
    out.print(answer_text(result), markup=False)
