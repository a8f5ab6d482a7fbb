"""Why an arm refused nothing although calls failed: from its rows and its settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from client.breakers import policies
from client.breakers.interface import CLOSED, OUT_OF_REACH
from client.pipeline.call import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row
    from loadtest.scenario.model import Scenario


def explain_no_refusal(scenario: Scenario, arm: Measured) -> str | None:
    """Say why in no run of the arm a call was refused; none where one was, where no call failed, or where none can be.

    What failed is taken from the rows: timeouts, and errors that are not the caller's own (4xx).
    """
    if arm.arm not in scenario.arms or arm.changes:
        return None
    if any(row.outcome == Outcome.FAST_FAIL or row.state != CLOSED for row in arm.rows):
        return None
    breaker = scenario.arms[arm.arm].breaker
    explain = policies()[breaker.policy].explain_no_refusal
    rows = [arm.of_seed(seed).rows for seed in arm.seeds]
    by_end = explain(breaker, [_results(each, "end_s") for each in rows])
    by_start = explain(breaker, [_results(each, "sent_s") for each in rows])
    # What counts is when calls end. How many there can be is what the load sends: a few more may end together when the
    # latency changes.
    never = all(each is not None and each.endswith(OUT_OF_REACH) for each in (by_end, by_start))
    return by_start if never else by_end


def _results(rows: Sequence[Row], at: Literal["sent_s", "end_s"]) -> list[tuple[float, bool]]:
    """Return when each call that says something about the backend was, in order, and whether it failed."""
    said = (row for row in rows if row.outcome in (Outcome.OK, Outcome.TIMEOUT, Outcome.ERROR))
    return sorted(
        (getattr(row, at), row.outcome != Outcome.OK)
        for row in said
        if row.outcome != Outcome.ERROR or row.status >= 500
    )
