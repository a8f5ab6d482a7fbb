"""An answer in words: a small table, and sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest.probability.answer import TripAnswer, TripFigure
    from loadtest.probability.question import TripQuestion


def table(found: TripAnswer) -> Table:
    """Return one line for each figure, which says how it was found."""
    question = found.question
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    drawn.add_column("a fresh breaker")
    drawn.add_column("", justify="right")
    if found.runs:
        drawn.add_column("95 % interval")
    drawn.add_column("how")
    rows: list[tuple[str, TripFigure, Callable[[float], str]]] = [
        (f"trip within {question.requests} calls", found.figures.trips, _percent_text),
        ("mean calls to the first trip", found.figures.calls, _calls_text),
        ("10 % have tripped by call", found.figures.tenth, _calls_text),
        ("half have tripped by call", found.figures.half, _calls_text),
        ("90 % have tripped by call", found.figures.most, _calls_text),
        (f"{_probe_words(question)[0]}, once tripped", found.figures.recovers, _percent_text),
        (f"whole cycle within {question.requests} requests", found.figures.cycle, _percent_text),
    ]
    for name, figure, write in rows:
        if figure.interval is None:
            drawn.add_row(name, write(figure.value), *[""] * bool(found.runs), "exact")
        else:
            low, high = figure.interval
            interval = f"{write(low)} or more" if high is None else f"{write(low)} to {write(high)}"
            drawn.add_row(name, write(figure.value), interval, "simulated")
    return drawn


def sentences(found: TripAnswer) -> str:
    """Return what it comes to, what was simulated, and what the whole cycle is: a line each."""
    question = found.question
    failures = (
        "independently" if question.burst_length is None else f"in bursts of {question.burst_length:g} on average"
    )
    chance = found.figures.trips
    answer = (
        f"If {100 * question.error_rate:g} % of the calls fail {failures}, a breaker that opens "
        f"{_describe_policy(question)} trips within {question.requests} calls with a chance of "
        f"{100 * chance.value:.3g} %{_origin(chance)}; "
        f"{_describe_first_trip(found)}."
    )
    lines = [answer]
    if found.runs:
        gave_up = f"; {found.given_up:,} of them ended without a trip" if found.given_up else ""
        lines.append(f"Simulated: {found.runs:,} runs of the lab's own breaker, seed {question.seed}{gave_up}.")
    return "\n".join([*lines, _describe_cycle(question)])


def _origin(figure: TripFigure) -> str:
    return " (exact)" if figure.interval is None else " (simulated)"


def _describe_first_trip(found: TripAnswer) -> str:
    mean = found.figures.calls
    if mean.interval is not None and mean.interval[1] is None:
        return f"the first trip takes more than {_calls_text(mean.interval[0])} calls on average (simulated)"
    if math.isinf(mean.value):
        never = "it never trips" if found.question.error_rate == 0 else "the first trip is too far away for a number"
        return f"{never}{_origin(mean)}"
    return f"the first trip takes {_calls_text(mean.value)} calls on average{_origin(mean)}"


def _describe_cycle(question: TripQuestion) -> str:
    """Say what the whole cycle is, and why there can be none."""
    probes = " and ".join(_probe_words(question))
    meant = (
        f"Whole cycle: of {question.requests} requests at {question.rate:g}/s one trips the breaker, "
        f"{question.refused} that come in the next {question.reset_timeout:g} s are refused, and the {probes} it; "
        "calls take no time."
    )
    if not question.refused:
        return f"{meant} It cannot happen: none comes while the breaker is open."
    if question.requests < question.shortest_cycle:
        return f"{meant} It cannot happen: it takes at least {question.shortest_cycle} requests."
    return meant


def _describe_policy(question: TripQuestion) -> str:
    if question.policy == "consecutive":
        return f"after {question.fail_max} consecutive failures"
    window = f"{question.window_calls} calls" if question.policy == "count_window" else f"{question.window_s:g} s"
    return f"at {100 * question.failure_rate:g} % failures in the last {window} ({question.min_calls} calls at least)"


def _probe_words(question: TripQuestion) -> tuple[str, str]:
    if question.success_threshold == 1:
        return "first probe succeeds", "closes"
    return f"first {question.success_threshold} probes succeed", "close"


def _percent_text(share: float) -> str:
    return "?" if math.isnan(share) else f"{100 * share:.4g} %"


def _calls_text(number: float) -> str:
    """Write a number of calls with as many digits as anybody wants."""
    if math.isnan(number):
        return "?"
    if math.isinf(number):
        return "infinite"
    return f"{number:,.0f}" if 100 <= number < 1e9 else f"{number:.4g}"
