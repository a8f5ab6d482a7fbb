"""Why an arm refused nothing although calls failed: from its rows and its settings alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from client.breakers import policies
from client.breakers.interface import CLOSED, FAILURE, NEUTRAL, OUT_OF_REACH, CallResult
from client.pipeline.call import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.breakers.interface import Verdict
    from client.pipeline.classification import ClassificationSettings
    from client.pipeline.order import CallSettings
    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row
    from loadtest.scenario.model import Scenario

_ENDED = (Outcome.OK, Outcome.TIMEOUT, Outcome.ERROR)


def explain_no_refusal(scenario: Scenario, arm: Measured) -> str | None:
    """Say why in no run of the arm a call was refused; none where one was, where no call failed, or where none can be.

    What failed is taken from the rows, by the arm's own classification.
    """
    if arm.arm not in scenario.arms or arm.changes:
        return None
    if any(row.outcome == Outcome.FAST_FAIL or row.state != CLOSED for row in arm.rows):
        return None
    arm_settings = scenario.arms[arm.arm]
    breaker = arm_settings.breaker
    explain = policies()[breaker.policy].explain_no_refusal
    rows = [arm.of_seed(seed).rows for seed in arm.seeds]
    by_end = explain(breaker, [_results(each, "end_s", arm_settings) for each in rows])
    by_start = explain(breaker, [_results(each, "sent_s", arm_settings) for each in rows])
    # What counts is when calls end. How many there can be is what the load sends: a few more may end together when the
    # latency changes.
    never = all(each is not None and each.endswith(OUT_OF_REACH) for each in (by_end, by_start))
    return by_start if never else by_end


def _results(rows: Sequence[Row], at: Literal["sent_s", "end_s"], settings: CallSettings) -> list[CallResult]:
    """Return the calls that say something about the backend, in order."""
    slow_s = getattr(settings.breaker, "slow_call_s", None) or math.inf
    judged = ((row, _verdict_of(row, settings.classification)) for row in rows if row.outcome in _ENDED)
    return sorted(
        CallResult(getattr(row, at), verdict is FAILURE, slow=row.duration_s >= slow_s)
        for row, verdict in judged
        if verdict is not NEUTRAL
    )


def _verdict_of(row: Row, classification: ClassificationSettings) -> Verdict:
    """Return what the call said to the breaker. A 5xx of a row is the client's own, in place of a failure."""
    if row.outcome == Outcome.TIMEOUT or row.status >= 500:
        return FAILURE
    return classification.verdict_of_status(row.status)
