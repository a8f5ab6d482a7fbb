"""The answer of a report in two sentences. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from loadtest.probability import mean_calls_to_trip, trip_probability
from loadtest.report import verdicts

if TYPE_CHECKING:
    from loadtest.finish import Finished


def headline(done: Finished) -> str:
    """Return the answer in two sentences, or in one where the run cannot answer."""
    if not any(arm.rows for arm in done.arms):
        return "Nothing was measured."
    if done.scenario.document == "experiment-1":
        return " ".join(filter(None, (_replay(done), _independent(done))))
    if done.summary.get("verdicts"):
        return verdicts.headline(done)
    if done.summary["comparison"]:
        return _comparison(done)
    return " ".join(_plain(arm.arm, done.summary["arms"][arm.arm]) for arm in done.arms[:2])


def _replay(done: Finished) -> str:
    arm = next((each for each in done.arms if each.arm == "replay" and each.rows), None)
    if arm is None:
        return ""
    fast = [row.duration_s for row in arm.rows if row.outcome == "fast_fail"]
    normal = [row.duration_s for row in arm.rows if row.outcome in ("ok", "error")]
    opened = next((change for change in arm.changes if change.after == "open"), None)
    closed = next((change for change in arm.changes if change.after == "closed"), None)
    if opened is None or not fast:
        return f"In the replay of the document's sequence the breaker did not trip in {len(arm.rows)} requests."
    last = max((row.id for row in arm.rows if row.sent_s <= opened.at_s and row.backend_calls), default=0)
    back = (
        f"and closed again {closed.at_s - opened.at_s:.1f} s after the trip, at the first probe"
        if closed
        else "and had not closed again when the run ended"
    )
    return (
        f"On the document's own sequence the breaker tripped at request {last}, refused {len(fast)} requests in "
        f"{short_time(median(fast))} each (median; a normal call took {short_time(median(normal))}) without a single "
        f"call of the backend, {back}."
    )


def _independent(done: Finished) -> str:
    arm = next((each for each in done.arms if each.arm == "independent-30" and each.rows), None)
    if arm is None:
        return ""
    figures = done.summary["arms"][arm.arm]
    exact = chance_of_trip(done, arm.arm)
    tripped = "tripped" if figures["trips"] else "did not trip"
    if exact is None:
        return f"With independent failures it {tripped}."
    chance = f"{100 * exact['trips']:.2f} %"
    failures = "With the 30 % independent failures that the document describes"
    if figures["trips"]:
        return (
            f"{failures} it tripped, too, which has an exact chance of only {chance} in {exact['requests']} requests."
        )
    return (
        f"{failures} it did not trip, as was to be expected: the exact chance that it trips at all in "
        f"{exact['requests']} requests is {chance}."
    )


def chance_of_trip(done: Finished, arm: str) -> dict[str, Any] | None:
    """Return the exact chances for an arm with independent errors and consecutive counting, else none."""
    settings = done.scenario.arms[arm]
    profile = done.scenario.plan_of(arm, 0).profile_at(0)
    if settings.breaker.policy != "consecutive" or profile.error_rate == 0:
        return None
    requests = sum(segment.requests for segment in done.scenario.load_of(arm))
    rate, fail_max = profile.error_rate, settings.breaker.fail_max
    return {
        "error_rate": rate,
        "fail_max": fail_max,
        "requests": requests,
        "trips": trip_probability(rate, fail_max, requests),
        "trips_in_100": trip_probability(rate, fail_max, 100),
        "mean_calls": mean_calls_to_trip(rate, fail_max),
    }


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


def short_time(value: float) -> str:
    """Write seconds with two digits; milliseconds below a tenth of a second."""
    return f"{1000 * value:.2g} ms" if value < 0.1 else f"{value:.2f} s"
