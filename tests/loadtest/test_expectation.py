"""A summary held against what its scenario expects."""

from __future__ import annotations

import pytest

from loadtest import scenario
from loadtest.expectation import check_expectations
from loadtest.validity import Check

SUMMARY = {
    "requests": 20,
    "success_rate": 0.45,
    "outcomes": {"ok": 9, "fast_fail": 4},
    "transitions": [{"after": "open"}, {"after": "half-open"}, {"after": "closed"}],
    "recovery_delay_s": None,
    "odd": True,
    "text": "9",
}
HEAD = 'name = "mine"\ntitle = "Mine"\nload = [{ requests = 1, rate_per_s = 1 }]\n[arms.with]\n[arms.without]\n'


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("requests = { min = 20, max = 20 }", Check("requests >= 20 <= 20", ok=True, detail="measured 20")),
        ("requests.min = 21", Check("requests >= 21", ok=False, detail="measured 20")),
        ("requests.max = 19.5", Check("requests <= 19.5", ok=False, detail="measured 20")),
        ("requests = { min = 21, max = 30 }", Check("requests >= 21 <= 30", ok=False, detail="measured 20")),
        ("requests = { min = 1, max = 19 }", Check("requests >= 1 <= 19", ok=False, detail="measured 20")),
        ("success_rate.min = 0.45", Check("success_rate >= 0.45", ok=True, detail="measured 0.45")),
        ('"outcomes.ok".max = 9', Check("outcomes.ok <= 9", ok=True, detail="measured 9")),
        ("transitions = { min = 3, max = 3 }", Check("transitions >= 3 <= 3", ok=True, detail="measured 3")),
        ("transitions.max = 2", Check("transitions <= 2", ok=False, detail="measured 3")),
        *(
            (f'"{path}".max = 1', Check(f"{path} <= 1", ok=False, detail="there is no such figure in this run"))
            for path in ("request", "outcomes", "outcomes.ok.p50", "recovery_delay_s", "odd", "text", "requests.")
        ),
    ],
)
def test_a_figure_is_held_against_its_bound(line: str, check: Check) -> None:
    """Met at the bound itself, broken beyond it on either side; what is no figure breaks every bound."""
    found = scenario.parse(f"{HEAD}[expect.with]\n{line}", "")

    expected = check._replace(name=f"expected of with: {check.name}")
    assert check_expectations(found, {"with": SUMMARY, "without": {}}) == [expected]


def test_bounds_are_checked_in_the_order_of_the_file_for_the_arms_that_ran() -> None:
    """An arm that was left out with --arm is not held against anything."""
    bounds = "[expect.without]\nrequests.min = 1\n[expect.with]\nrequests.min = 1\n'outcomes.ok'.min = 1"
    found = scenario.parse(HEAD + bounds, "")

    assert [check.name for check in check_expectations(found, {"with": SUMMARY})] == [
        "expected of with: requests >= 1",
        "expected of with: outcomes.ok >= 1",
    ]
    assert len(check_expectations(found, {"with": SUMMARY, "without": SUMMARY})) == 3
