"""What counts as a failure is read alike by the client, the rows and the figures."""

from __future__ import annotations

import pytest

from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.summary import fold
from loadtest.scenario import files

NOT_FOUND = """
name = "mine"
title = "A third of the requests ask for what is not there; a short outage"
baseline = "without"
[[load]]
requests = 1200
rate_per_s = 10
[[faults.phases]]
name = "calm"
duration_s = 40
profile = { error_rate = 0.33, error_status = 404, latency = { mean_s = 0.05 } }
[[faults.phases]]
name = "outage"
duration_s = 20
profile = { error_rate = 1, error_status = 503, latency = { mean_s = 0.05 } }
[[faults.phases]]
name = "calm"
profile = { error_rate = 0.33, error_status = 404, latency = { mean_s = 0.05 } }
[arms.without]
breaker = { policy = "off" }
[arms.with]
[arms.strict]
classification = { failure_status = ["5xx", "404"] }
"""

TOO_MANY = """
name = "mine"
title = "A backend that answers 429 with Retry-After for a minute"
baseline = "without"
[[load]]
requests = 1000
rate_per_s = 10
[[faults.phases]]
name = "limited"
duration_s = 60
profile = { error_rate = 1, error_status = 429, retry_after_s = 60 }
[[faults.phases]]
name = "healthy"
profile = {}
[arms.without]
breaker = { policy = "off" }
[arms.with]
breaker = { honour_retry_after = true, open_max_s = 120 }
[arms.rate]
breaker = { policy = "count_window", honour_retry_after = true, open_max_s = 120 }
"""


def test_a_refused_404_is_no_false_positive_and_no_failure_prevented() -> None:
    """Not in the count of refusals, and not in the judgement on a trip; the outcomes add up, 4xx among the errors."""
    scenario = files.parse(NOT_FOUND, "mine.toml")
    arms = {name: simulate(scenario, name, scenario.seed) for name in scenario.arms}
    figures = {name: fold(arm) for name, arm in arms.items()}
    refused = [row for row in arms["with"].rows if row.outcome == "fast_fail"]
    not_found = [row for row in refused if row.blameless]

    assert not_found
    assert {row.would_have for row in not_found} == {"error"}
    assert figures["with"].false_positives.fast_fails == sum(row.would_have == "ok" for row in refused)
    for each in figures.values():
        assert sum(each.outcomes.values()) == each.requests == 1200
    answered = {name: sum(row.status == 404 for row in arm.rows) for name, arm in arms.items()}
    assert {name: each.answered_4xx for name, each in figures.items()} == answered
    assert answered["without"] > 250
    # The same 404s are failures where the arm says so.
    assert not any(row.blameless for row in arms["strict"].rows)
    assert figures["strict"].trips > figures["with"].trips == 1


@pytest.mark.parametrize("arm", ["with", "rate"])
def test_one_429_opens_for_the_time_that_it_names(arm: str) -> None:
    """Where it is honoured: one call of the backend in its minute, and 60 s of peace."""
    scenario = files.parse(TOO_MANY, "mine.toml")
    found = simulate(scenario, arm, scenario.seed)

    assert [(each.before, each.after) for each in found.changes][:2] == [("closed", "open"), ("open", "half-open")]
    opened, probed = (each.at_s for each in found.changes[:2])
    assert opened < 0.2
    assert 60 <= probed - opened < 60.2
    assert sum(row.status == 429 for row in found.rows) <= 2
    assert fold(found).outcomes["ok"] >= 398
