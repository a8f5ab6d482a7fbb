"""The answer of Experiment 1 in two sentences. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from client.breakers.interface import State
from client.pipeline.call import Outcome
from loadtest.probability import mean_calls_to_trip, trip_probability
from loadtest.report.numbers import short_time

if TYPE_CHECKING:
    from loadtest.figures.finished import FinishedRun


def headline(done: FinishedRun) -> str:
    """Return what became of the replay, and of independent failures; nothing where neither was run."""
    return " ".join(filter(None, (_describe_replay(done), _describe_independent(done))))


def _describe_replay(done: FinishedRun) -> str:
    arm = next((each for each in done.arms if each.arm == "replay" and each.rows), None)
    if arm is None:
        return ""
    fast = [row.duration_s for row in arm.rows if row.outcome == Outcome.FAST_FAIL]
    normal = [row.duration_s for row in arm.rows if row.outcome in (Outcome.OK, Outcome.ERROR)]
    opened = next((change for change in arm.changes if change.after == State.OPEN), None)
    closed = next((change for change in arm.changes if change.after == State.CLOSED), None)
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


def _describe_independent(done: FinishedRun) -> str:
    arm = next((each for each in done.arms if each.arm == "independent-30" and each.rows), None)
    if arm is None:
        return ""
    figures = done.summary.arms[arm.arm]
    exact = chance_of_trip(done, arm.arm)
    tripped = "tripped" if figures.trips else "did not trip"
    if exact is None:
        return f"With independent failures it {tripped}."
    chance = f"{100 * exact['trips']:.2f} %"
    failures = "With the 30 % independent failures that the document describes"
    if figures.trips:
        return (
            f"{failures} it tripped, too, which has an exact chance of only {chance} in {exact['requests']} requests."
        )
    return (
        f"{failures} it did not trip, as was to be expected: the exact chance that it trips at all in "
        f"{exact['requests']} requests is {chance}."
    )


def chance_of_trip(done: FinishedRun, arm: str) -> dict[str, Any] | None:
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
