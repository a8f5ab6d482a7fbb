"""The answer of a report in two sentences. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadtest.report import verdicts
from loadtest.report.numbers import short_time

if TYPE_CHECKING:
    from loadtest.figures.finished import Finished
    from loadtest.report.part import Part


def headline(done: Finished, part: Part) -> str:
    """Return the answer in two sentences, or in one where the run cannot answer; what `part` has goes first."""
    if not any(arm.rows for arm in done.arms):
        return "Nothing was measured."
    if part.headline:
        return part.headline
    if done.summary.get("verdicts"):
        return verdicts.headline(done)
    if done.summary["comparison"]:
        return _comparison(done)
    return " ".join(_plain(arm.arm, done.summary["arms"][arm.arm]) for arm in done.arms[:2])


def _comparison(done: Finished) -> str:
    found = done.summary["comparison"]
    base_name, other_name = found["baseline"], next(iter(found["arms"]))
    base, other = done.summary["arms"][base_name], done.summary["arms"][other_name]
    if not base["requests"] or not other["requests"]:
        return f"Only one of the arms {base_name} and {other_name} was measured: there is nothing to compare."
    return (
        f"Arm `{other_name}` against `{base_name}`: the mean response time went from "
        f"{short_time(base['mean_response_s'])} to {short_time(other['mean_response_s'])}, timeouts from "
        f"{base['outcomes']['timeout']} to {other['outcomes']['timeout']}{_held(base, other)}. The price: "
        f"{other['outcomes']['fast_fail']} of {other['requests']} requests were refused, "
        f"{answered_elsewhere(done, other_name)} of which `{base_name}` got answered, and "
        f"{other['outcomes']['ok']} instead of {base['outcomes']['ok']} got what they asked for.{_other_arms(found)}"
    )


def _held(base: dict[str, Any], other: dict[str, Any]) -> str:
    if not base["in_flight_s"]:
        return ""
    change = 100 * (other["in_flight_s"] / base["in_flight_s"] - 1)
    return f", and {abs(change):.0f} % {'more' if change > 0 else 'fewer'} request-seconds were held"


def _other_arms(found: dict[str, Any]) -> str:
    others = list(found["arms"])[1:]
    return f" The other arms ({', '.join(others)}) are in the table below." if others else ""


def answered_elsewhere(done: Finished, name: str) -> int | None:
    """Count the refusals of an arm whose very request was answered in the baseline; none where that cannot be known."""
    found = done.summary["comparison"]
    if not found or name not in found["arms"]:
        return None
    by_name = {arm.arm: arm for arm in done.arms}
    answered = {(row.seed, row.id) for row in by_name[found["baseline"]].rows if row.outcome == "ok"}
    return sum((row.seed, row.id) in answered for row in by_name[name].rows if row.outcome == "fast_fail")


def _plain(name: str, figures: dict[str, Any]) -> str:
    return (
        f"Arm `{name}`: {figures['outcomes']['ok']} of {figures['requests']} requests got what they asked for, "
        f"{figures['outcomes']['fast_fail']} were refused; the breaker tripped {figures['trips']} time(s)."
    )
