"""Why an arm refused nothing, from the rows of whole runs."""

from __future__ import annotations

import pytest

from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.no_refusal import explain_no_refusal
from loadtest.scenario import files

SELDOM = """
name = "seldom"
title = "One call in two seconds through an outage, and what would have to come for a trip"
baseline = "off"
[[load]]
requests = 100
rate_per_s = 0.5
[[faults.phases]]
duration_s = 50
profile = {}
[[faults.phases]]
profile = { error_rate = 1 }
[arms]
off = { breaker = { policy = "off" } }
seconds = { breaker = { policy = "time_window" } }
aging = { breaker = { policy = "count_window", forget_after_s = 10 } }
row = { breaker = { fail_max = 99 } }
pauses = { breaker = { forget_after_s = 1 } }
in-time = { breaker = { policy = "failures_in_time", max_failures = 6 } }
trips = { breaker = { policy = "failures_in_time", max_failures = 5 } }
tried = { breaker = { policy = "shadow" } }
"""


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("off", None),
        ("seconds", "at most 5 calls in 10 s, min_calls 20 is out of reach"),
        ("aging", "at most 5 calls in 10 s, min_calls 20 is out of reach"),
        ("row", "at most 75 failures in a row, fail_max 99"),
        ("pauses", "at most 1 failure in a row with less than 1 s between them, fail_max 5"),
        ("in-time", "at most 5 failures in 10 s, max_failures 6"),
        ("trips", None),
        ("tried", None),
    ],
)
def test_a_run_tells_why_its_breaker_never_opened(arm: str, said: str | None) -> None:
    """An arm that tripped, one without a breaker and one that only tries have nothing to explain."""
    scenario = files.parse(SELDOM, "seldom.toml")

    assert explain_no_refusal(scenario, simulate(scenario, arm, 1)) == said


def test_calls_are_counted_as_the_load_sends_them() -> None:
    """Calls that hang for 3 s end together with sound ones after them: seven in 10 s, though five are sent."""
    text = SELDOM.replace("error_rate = 1", "hang_rate = 1").replace("requests = 100", "requests = 150")
    scenario = files.parse(
        text.replace("[arms]", "[[faults.phases]]\nprofile = {}\n[arms]").replace(
            "[[faults.phases]]\nprofile = { hang", "[[faults.phases]]\nduration_s = 100\nprofile = { hang"
        ),
        "seldom.toml",
    )

    said = explain_no_refusal(scenario, simulate(scenario, "seconds", 1))

    assert said == "at most 5 calls in 10 s, min_calls 20 is out of reach"


def test_a_healthy_run_has_nothing_to_explain() -> None:
    """Nothing failed."""
    scenario = files.parse(SELDOM.replace("error_rate = 1", "error_rate = 0"), "seldom.toml")

    assert explain_no_refusal(scenario, simulate(scenario, "seconds", 1)) is None


def test_what_failed_goes_by_the_arms_classification() -> None:
    """A 429 that the settings call a failure is one here, too; by default it says nothing."""
    text = SELDOM.replace("error_rate = 1", "error_rate = 1, error_status = 429").replace(
        "row = { breaker", 'row = { classification = { failure_status = ["5xx", "429"] }, breaker'
    )
    scenario = files.parse(text, "seldom.toml")

    assert explain_no_refusal(scenario, simulate(scenario, "row", 1)) == "at most 75 failures in a row, fail_max 99"
    assert explain_no_refusal(scenario, simulate(scenario, "pauses", 1)) is None
