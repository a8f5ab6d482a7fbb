"""The answer of a report in two sentences. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.pipeline.call import Outcome
from loadtest.figures.document import DOCUMENT_CHECK
from loadtest.report import verdicts
from loadtest.report.numbers import short_time

if TYPE_CHECKING:
    from loadtest.figures.finished import FinishedRun
    from loadtest.records.comparison import Comparison
    from loadtest.records.summary import ArmSummary
    from loadtest.report.part import ReportPart


def headline(done: FinishedRun, part: ReportPart) -> str:
    """Return the answer in two sentences, or in one where the run cannot answer; what `part` has goes first."""
    if not any(arm.rows for arm in done.arms):
        return "Nothing was measured."
    return _answer(done, part) + _name_missed_figures(done)


def _answer(done: FinishedRun, part: ReportPart) -> str:
    if part.headline:
        return part.headline
    if done.summary.verdicts is not None:
        return verdicts.headline(done, done.summary.verdicts)
    if done.summary.comparison is not None and done.manifest.complete:
        return _compare_first(done, done.summary.comparison)
    described = [_describe_arm(name, done.summary.arms[name]) for name in done.measured_arms[:2]]
    if done.scenario.baseline in done.manifest.arms and done.summary.comparison is None and len(done.arms) > 1:
        described.insert(0, "Fewer than two arms ran to their end: there is nothing to compare.")
    return " ".join(described)


def _name_missed_figures(done: FinishedRun) -> str:
    """Return a sentence where the document's figures fail the run."""
    if all(check.name != DOCUMENT_CHECK for check in done.broken_bounds):
        return ""
    missed = [figure.name for figure in done.summary.document if not figure.within]
    return f" {len(missed)} of the document's {len(done.summary.document)} figures are outside: {', '.join(missed)}."


def _compare_first(done: FinishedRun, comparison: Comparison) -> str:
    base_name, other_name = comparison.baseline, next(iter(comparison.arms))
    base, other = done.summary.arms[base_name], done.summary.arms[other_name]
    if not base.requests or not other.requests or base.mean_response_s is None or other.mean_response_s is None:
        return f"Only one of the arms {base_name} and {other_name} was measured: there is nothing to compare."
    timeouts, other_timeouts = (each.outcomes[Outcome.TIMEOUT] for each in (base, other))
    answers, other_answers = (each.outcomes[Outcome.OK] for each in (base, other))
    return (
        f"Arm `{other_name}` against `{base_name}`: the mean response time went from "
        f"{short_time(base.mean_response_s)} to {short_time(other.mean_response_s)}, refusals included"
        f"{_describe_median(base, other)}, timeouts from "
        f"{timeouts} to {other_timeouts}{_describe_holding(base, other)}. The cost: "
        f"{other.outcomes[Outcome.FAST_FAIL]} of {other.requests} requests were refused, "
        f"{count_answered_elsewhere(done, other_name)} of which `{base_name}` got answered, and "
        f"{other_answers} instead of {answers} got what they asked for.{_name_others(comparison)}"
    )


def _describe_median(base: ArmSummary, other: ArmSummary) -> str:
    """Return the medians of the successful requests, in which no refusal counts; nothing where one has none."""
    medians = [each.latency_s[Outcome.OK].p50 for each in (base, other) if Outcome.OK in each.latency_s]
    if len(medians) < 2:
        return ""
    return f" (median of the successful requests: {short_time(medians[0])} to {short_time(medians[1])})"


def _describe_holding(base: ArmSummary, other: ArmSummary) -> str:
    if not base.in_flight_s:
        return ""
    change = 100 * (other.in_flight_s / base.in_flight_s - 1)
    return f", and {abs(change):.0f} % {'more' if change > 0 else 'fewer'} request-seconds were held"


def _name_others(comparison: Comparison) -> str:
    others = list(comparison.arms)[1:]
    return f" The other arms ({', '.join(others)}) are in the table below." if others else ""


def count_answered_elsewhere(done: FinishedRun, name: str) -> int | None:
    """Count the refusals of an arm whose very request was answered in the baseline; none where that cannot be known."""
    comparison = done.summary.comparison
    if comparison is None or name not in comparison.arms:
        return None
    by_name = {arm.arm: arm for arm in done.arms}
    answered = {(row.seed, row.id) for row in by_name[comparison.baseline].rows if row.outcome == Outcome.OK}
    return sum((row.seed, row.id) in answered for row in by_name[name].rows if row.outcome == Outcome.FAST_FAIL)


def _describe_arm(name: str, figures: ArmSummary) -> str:
    return (
        f"Arm `{name}`: {figures.outcomes[Outcome.OK]} of {figures.requests} requests got what they asked for, "
        f"{figures.outcomes[Outcome.FAST_FAIL]} were refused; the breaker tripped {figures.trips} time(s)."
    )
