"""What a tune cannot know, in sentences with the figures of the log. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loadtest.studies.tune.search import JUDGE, LEARN
from loadtest.studies.tune.statuses import ERROR, OK, TIMEOUT

if TYPE_CHECKING:
    from loadtest.studies.tune.problem import Problem

# An error within this share of the usual answer's time did no work.
_QUICK = 0.1


def unknowns(problem: Problem) -> list[str]:
    """Return what readers have to consider from their knowledge of the service."""
    return _log_unknowns(problem) if problem.log and problem.parts else _scenario_unknowns(problem)


def _scenario_unknowns(problem: Problem) -> list[str]:
    plan = problem.scenarios[LEARN].plan_of("x", 0)
    queue = (
        "The faults do not depend on the load: refusals do not relieve this backend, and do not help it recover.",
        "The backend has a queue, which refusals shorten; answers gained in this way are counted.",
    )[any(phase.profile.capacity for phase in plan.phases)]
    draw = "The rest uses other seeds of the same pattern: it shows random variation, but no other patterns."
    return [queue, draw, "The timeout decides what a good answer is, so it is not varied."]


def _log_unknowns(problem: Problem) -> list[str]:
    log, parts = problem.log, problem.parts
    if log is None or parts is None:
        return []
    count = len(log.start_s)
    fine, failed = log.outcome == OK, log.outcome == ERROR
    errors, timeouts = int(failed.sum()), int((log.outcome == TIMEOUT).sum())
    usual_s = float(np.median(log.duration_s[fine])) if fine.any() else 0.0
    quick = int((failed & (log.duration_s < _QUICK * usual_s)).sum())
    rate = count / max(log.length_s, 1.0)
    said = {
        "Other incidents": f"The first part has {incidents_text(len(parts[LEARN].incidents))}, the rest "
        f"{len(parts[JUDGE].incidents)}. The intervals come from drawing this pattern again, request by request; they "
        "say nothing about an outage of another kind or length.",
        "Relief": "In the rebuilt pattern the backend recovers when it did in the log. Whether it would have "
        f"recovered sooner without the {errors + timeouts:,} calls that failed is not in a log; a breaker may be "
        "worth more, and frequent probes may cost more.",
        "Retries": f"A retried call looks like two calls.{_surge(problem)}",
    }
    if log.aside:
        said["What says nothing of the backend"] = (
            f"{log.aside:,} requests (4xx, or such codes of gRPC) are in the replay of the recorded calls, where they "
            "are neutral, and not in the rebuilt pattern. A caller who left (499) may have left because it hung."
        )
    if timeouts:
        said["After the timeout"] = (
            f"{timeouts:,} calls ({100 * timeouts / count:.2g} %) were given up; whether they would have "
            "been answered later is unknown, so the timeout itself is not tuned."
        )
    if quick:
        said["Refusals in the log"] = (
            f"{quick:,} of {errors:,} errors came within a tenth of the usual answer's {1000 * usual_s:.0f} ms. If "
            "another breaker or limit refused them, the backend did not see them, and may have been healthy."
        )
    said |= {
        "The log's clock": f"Times are taken as the {problem.time_is} of a request (`--time-is`). If they are the "
        f"other end, calls that hang began or ended {problem.wait_s:g} s earlier or later than assumed here.",
        "Other instances": f"One breaker sees all {rate:.2g} requests a second. With N clients each sees one in N: "
        "counts (`fail_max`, `min_calls`, `window_calls`) then take N times as long to fill.",
        "Who failed": "Failures within a stretch are drawn alike for all requests. If one route, one customer or one "
        "of several servers fails while the others are well, a breaker for each is better than any settings of one.",
        "The fine grain": "Requests come when they came in the log (in a log of more than 20,000, a few of them evenly "
        "from when the first of them came). Answers and errors of a stretch share one log-normal latency.",
    }
    return [f"**{name}.** {text}" for name, text in said.items()]


def incidents_text(count: int) -> str:
    """Write how many incidents there are."""
    return "no incident" if count == 0 else "1 incident" if count == 1 else f"{count} incidents"


def _surge(problem: Problem) -> str:
    """Return whether more calls came while calls failed."""
    calm, bad, calm_s, bad_s = 0, 0, 0.0, 0.0
    for part in (problem.parts or {}).values():
        for each in part.rebuilt.stretches:
            if each.error_share + each.timeout_share >= 0.2:
                bad, bad_s = bad + each.requests, bad_s + each.end_s - each.start_s
            else:
                calm, calm_s = calm + each.requests, calm_s + each.end_s - each.start_s
    if not (calm and bad):
        return ""
    change = bad / bad_s / (calm / calm_s) - 1
    if abs(change) < 0.05:
        return " The rate hardly changed while calls failed."
    word = "more" if change > 0 else "fewer"
    share = f"{100 * abs(change):.0f} % {word}"
    return f" While calls failed, {share} calls came. Whether refusals would have changed that is not in the log."
