"""The tables of a report: figures turned into rows of text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.pipeline.call import Outcome
from loadtest.figures.comparison import is_clear
from loadtest.report.headline import count_answered_elsewhere
from loadtest.report.numbers import short_time
from loadtest.scenario.arm_figures import figure_at

if TYPE_CHECKING:
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.measured import Measured
    from loadtest.records.summary import ArmSummary, DocumentFigure

# Shown where there were any.
ANSWERED_4XX = "of the errors: answered with 4xx"


# The percentiles that are shown, with their headings.
LATENCIES = {"p50": "median", "p90": "90 %", "p95": "95 %", "p99": "99 %", "max": "longest"}


def figure_rows(done: FinishedRun) -> list[dict[str, str]]:
    """Return the document's figures as text: name, document, measured, deviation, tolerance, verdict.

    The lines of its transcript that agree share one row; the transcript itself stands below.
    """
    figures = done.summary.document
    lines = [each for each in figures if each.name.startswith("trace, ")]
    agree = [each for each in lines if each.within]
    shown = [each for each in figures if each not in agree]
    all_lines = {
        "name": "printed trace: result, state and count",
        "document": f"{len(lines)} lines",
        "measured": f"{len(agree)} lines agree",
        "deviation": str(len(agree) - len(lines)),
        "tolerance": "exact",
        "verdict": "within" if len(agree) == len(lines) else "**outside**",
    }
    return [*([all_lines] if lines else []), *map(_figure_row, shown)]


def _figure_row(figure: DocumentFigure) -> dict[str, str]:
    return {
        "name": figure.name,
        "document": value_text(figure.value, figure.unit),
        "measured": value_text(figure.measured, figure.unit),
        "deviation": _deviation(figure),
        "tolerance": figure.tolerance,
        "verdict": "within" if figure.within else "**outside**",
    }


def metric_rows(done: FinishedRun) -> list[dict[str, str]]:
    """Return the five metrics that the document asks for, one row each, one column an arm."""
    arms = {name: arm for name, arm in done.summary.arms.items() if done.scenario.arms[name].guarded}
    none = dict.fromkeys((name for name in done.summary.arms if name not in arms), "no breaker")
    rows: dict[str, dict[str, str]] = {
        "1. state transitions": {name: _transitions(arm) for name, arm in arms.items()},
        "2. fast-fail rate": {name: _percent(arm.fast_fail_rate) for name, arm in arms.items()},
        "3. success rate in half-open": {name: _half_open(arm) for name, arm in arms.items()},
        "4. time in each state": {name: _times(arm) for name, arm in arms.items()},
        "5. false positives": {
            name: _false_positives(arm, count_answered_elsewhere(done, name)) for name, arm in arms.items()
        },
        "mean recovery delay": {name: _seconds(arm.recovery_delay_s) for name, arm in arms.items()},
    }
    return [{"metric": metric, **none, **values} for metric, values in rows.items()]


def comparison_rows(done: FinishedRun) -> list[dict[str, str]]:
    """Return the arms side by side, one row a figure."""
    shown: list[tuple[str, str, str]] = [
        ("requests", "requests", "count"),
        ("ok", "outcomes.ok", "count"),
        ("error", "outcomes.error", "count"),
        (ANSWERED_4XX, "answered_4xx", "count"),
        ("timeout", "outcomes.timeout", "count"),
        ("fast-fail", "outcomes.fast_fail", "count"),
        ("success rate", "success_rate", "percent"),
        ("success rate of actual backend calls", "backend_success_rate", "percent"),
        ("mean response time, refusals included", "mean_response_s", "seconds"),
        ("mean response time of calls that reached the backend", "mean_backend_response_s", "seconds"),
        ("median latency of the successful requests", "latency_s.ok.p50", "seconds"),
        ("95th percentile of the successful requests", "latency_s.ok.p95", "seconds"),
        ("95th percentile of these, from the intended time", "intended_latency_s.ok.p95", "seconds"),
        ("median latency of a fast-fail", "latency_s.fast_fail.p50", "seconds"),
        ("backend calls", "backend_calls", "count"),
        ("request-seconds held", "in_flight_s", "seconds"),
        ("backend worker-seconds used", "backend_busy_s", "seconds"),
        ("client CPU seconds", "client_cpu_s", "seconds"),
    ]
    if not any(arm.answered_4xx for arm in done.summary.arms.values()):
        shown = [each for each in shown if each[0] != ANSWERED_4XX]
    write = {"count": _count, "percent": _percent, "seconds": _seconds}
    return [
        {"figure": label, **{name: write[kind](figure_at(arm, path)) for name, arm in done.summary.arms.items()}}
        for label, path, kind in shown
    ]


def latency_rows(done: FinishedRun) -> list[dict[str, str]]:
    """Return percentiles of each arm's latency by outcome, the successful requests first.

    Outcomes are not mixed: a refusal takes no time, and would make any median look good.
    """
    return [
        {
            "arm": f"`{name}`",
            "outcome": outcome,
            "requests": str(done.summary.arms[name].outcomes[outcome]),
            **{each: _seconds(getattr(quantiles, each)) for each in LATENCIES},
        }
        for name in done.measured_arms
        for outcome, quantiles in done.summary.arms[name].latency_s.items()
        if outcome != "all"
    ]


def interval_rows(done: FinishedRun) -> list[dict[str, str]]:
    """Return differences from the baseline with their intervals, where there are enough runs for one."""
    comparison = done.summary.comparison
    if comparison is None:
        return []
    return [
        {
            "arm": arm,
            "figure": figure,
            "difference": f"{pair.difference:+.4g}",
            "interval": f"{pair.interval[0]:+.4g} to {pair.interval[1]:+.4g}",
        }
        for arm, figures in comparison.arms.items()
        for figure, pair in vars(figures).items()
        if pair.interval
    ]


def count_clear(done: FinishedRun) -> int:
    """Count the differences from the baseline whose interval is on one side of zero."""
    arms = done.summary.comparison.arms.values() if done.summary.comparison else ()
    return sum(is_clear(pair.interval) for figures in arms for pair in vars(figures).values())


def printable_arms(done: FinishedRun, most: int) -> list[Measured]:
    """Return the arms, first seed only, that are short enough to be printed request by request."""
    firsts = [arm.of_seed(arm.seeds[0]) for arm in done.arms if arm.seeds]
    return [arm for arm in firsts if len(arm.rows) <= most]


def value_text(value: float | str | None, unit: str) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    return f"{number_text(value, unit)} {unit}".strip()


def number_text(value: float, unit: str) -> str:
    """Write as many digits as a run of a hundred requests has to offer."""
    if unit == "s":
        return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.2f}"
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"


def _deviation(figure: DocumentFigure) -> str:
    deviation, unit = figure.deviation, figure.unit
    if not deviation:
        return "" if deviation is None else "0"
    if unit == "s" and abs(deviation) < 0.1:
        return f"{1000 * deviation:+.1f} ms"
    return f"{deviation:+.1f} points" if unit == "%" else f"{deviation:+.3g} {unit}".strip()


def _transitions(arm: ArmSummary) -> str:
    changes = arm.transitions
    if not changes:
        return "none"
    several = len({change.seed for change in changes}) > 1
    shown = [
        f"{'seed ' + str(change.seed) + ': ' if several else ''}{change.after} at {change.at_s:.1f} s ({change.cause})"
        for change in changes[:8]
    ]
    more = f"; and {len(changes) - 8} more" if len(changes) > 8 else ""
    return "; ".join(shown) + more


def _half_open(arm: ArmSummary) -> str:
    probes, successes = arm.half_open.probes, arm.half_open.successes
    return f"{successes} of {probes} probes" if probes else "no probe"


def _times(arm: ArmSummary) -> str:
    return ", ".join(f"{state} {spent:.1f} s" for state, spent in arm.time_in_state_s.items())


def _false_positives(arm: ArmSummary, elsewhere: int | None) -> str:
    refusals, trips = arm.outcomes[Outcome.FAST_FAIL], arm.trips
    real = "" if elsewhere is None else f" ({elsewhere} were answered in the baseline arm)"
    return (
        f"{arm.false_positives.fast_fails} of {refusals} refusals{real}, {arm.false_positives.trips} of {trips} trips"
    )


def _count(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f}"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"


def _seconds(value: float | None) -> str:
    return "none" if value is None else short_time(value)
