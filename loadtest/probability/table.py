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


def answer_table(answer: TripAnswer) -> Table:
    """Return one line for each figure, which says how it was found."""
    question = answer.question
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("a fresh breaker")
    table.add_column("", justify="right")
    if answer.runs:
        table.add_column("95 % interval")
    table.add_column("how")
    rows: list[tuple[str, TripFigure, Callable[[float], str]]] = [
        (f"trip within {question.requests} calls", answer.figures.trips, _percent),
        ("mean calls to the first trip", answer.figures.calls, _calls),
        ("10 % have tripped by call", answer.figures.tenth, _calls),
        ("half have tripped by call", answer.figures.half, _calls),
        ("90 % have tripped by call", answer.figures.most, _calls),
        (f"{_probes_text(question)[0]}, once tripped", answer.figures.recovers, _percent),
        (f"whole cycle within {question.requests} requests", answer.figures.cycle, _percent),
    ]
    for name, figure, write in rows:
        if figure.interval is None:
            table.add_row(name, write(figure.value), *[""] * bool(answer.runs), "exact")
        else:
            low, high = figure.interval
            interval = f"{write(low)} or more" if high is None else f"{write(low)} to {write(high)}"
            table.add_row(name, write(figure.value), interval, "simulated")
    return table


def answer_text(answer: TripAnswer) -> str:
    """Return what it comes to, what was simulated, and what the whole cycle is: a line each."""
    question = answer.question
    failures = (
        "independently" if question.burst_length is None else f"in bursts of {question.burst_length:g} on average"
    )
    chance = answer.figures.trips
    first = (
        f"If {100 * question.error_rate:g} % of the calls fail {failures}, a breaker that opens "
        f"{_opening_text(question)} trips within {question.requests} calls with a chance of "
        f"{100 * chance.value:.3g} %{_how_text(chance)}; {_trip_text(answer)}."
    )
    lines = [first]
    if answer.runs:
        gave_up = f"; {answer.given_up:,} of them ended without a trip" if answer.given_up else ""
        lines.append(f"Simulated: {answer.runs:,} runs of the lab's own breaker, seed {question.seed}{gave_up}.")
    return "\n".join([*lines, _cycle_text(question)])


def _how_text(figure: TripFigure) -> str:
    return " (exact)" if figure.interval is None else " (simulated)"


def _trip_text(answer: TripAnswer) -> str:
    mean = answer.figures.calls
    if mean.interval is not None and mean.interval[1] is None:
        return f"the first trip takes more than {_calls(mean.interval[0])} calls on average (simulated)"
    if math.isinf(mean.value):
        never = "it never trips" if answer.question.error_rate == 0 else "the first trip is too far away for a number"
        return f"{never}{_how_text(mean)}"
    return f"the first trip takes {_calls(mean.value)} calls on average{_how_text(mean)}"


def _cycle_text(question: TripQuestion) -> str:
    """Say what the whole cycle is, and why there can be none."""
    probes = " and ".join(_probes_text(question))
    meant = (
        f"Whole cycle: of {question.requests} requests at {question.rate:g}/s one trips the breaker, "
        f"{question.refused} that come in the next {question.reset_timeout:g} s are refused, "
        f"and the {probes} it; calls take no time."
    )
    if not question.refused:
        return f"{meant} It cannot happen: none comes while the breaker is open."
    if question.requests < question.shortest_cycle:
        return f"{meant} It cannot happen: it takes at least {question.shortest_cycle} requests."
    return meant


def _opening_text(question: TripQuestion) -> str:
    if question.policy == "consecutive":
        return f"after {question.fail_max} consecutive failures"
    window = f"{question.window_calls} calls" if question.policy == "count_window" else f"{question.window_s:g} s"
    return f"at {100 * question.failure_rate:g} % failures in the last {window} ({question.min_calls} calls at least)"


def _probes_text(question: TripQuestion) -> tuple[str, str]:
    if question.success_threshold == 1:
        return "first probe succeeds", "closes"
    return f"first {question.success_threshold} probes succeed", "close"


def _percent(share: float) -> str:
    return "?" if math.isnan(share) else f"{100 * share:.4g} %"


def _calls(number: float) -> str:
    """Write a number of calls with as many digits as anybody wants."""
    if math.isnan(number):
        return "?"
    if math.isinf(number):
        return "infinite"
    return f"{number:,.0f}" if 100 <= number < 1e9 else f"{number:.4g}"
