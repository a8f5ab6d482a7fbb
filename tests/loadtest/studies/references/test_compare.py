"""What is reported where a reference no longer comes out as it was kept."""

from __future__ import annotations

from typing import Any

import pytest

from loadtest.studies.references.compare import MOST_LISTED, compare_hashes, compare_texts, compare_values

SUMMARY = {"arms": {"with": {"requests": 840, "rate": 0.5, "seeds": [1, 2]}}}


def with_arm(**changes: Any) -> dict[str, Any]:
    return {"arms": {"with": {**SUMMARY["arms"]["with"], **changes}}}


def test_equal_is_nothing_to_tell() -> None:
    """Of hashes, values and texts."""
    assert compare_hashes({"with/1": "ab"}, {"with/1": "ab"}) == []
    assert compare_values("summary.json", SUMMARY, with_arm()) == []
    assert compare_texts("report.md", "one\ntwo\n", "one\ntwo\n") == []


@pytest.mark.parametrize(
    ("kept", "now", "said"),
    [
        ({"with/1": "ab"}, {"with/1": "cd"}, "rows of with/1: they differ from those that were kept"),
        ({}, {"with/1": "cd"}, "rows of with/1: no hash of them is kept"),
        ({"with/1": "ab"}, {}, "rows of with/1: a hash of them is kept, but there are none now"),
    ],
    ids=["changed", "missing", "gone"],
)
def test_rows_that_differ_are_named(kept: dict[str, str], now: dict[str, str], said: str) -> None:
    """By arm and seed; what only one side has differs, too."""
    assert compare_hashes({"a/1": "1", **kept}, {"a/1": "1", **now}) == [said]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (with_arm(requests=841), "arms.with.requests: kept 840, now 841"),
        (with_arm(rate=0.51), "arms.with.rate: kept 0.5, now 0.51"),
        (with_arm(rate=None), "arms.with.rate: kept 0.5, now nothing"),
        (with_arm(seeds=[1, 3]), "arms.with.seeds.1: kept 2, now 3"),
        (with_arm(seeds=[1]), "arms.with.seeds: kept [1, 2], now [1]"),
        (with_arm(trips=3), "arms.with.trips: kept nothing, now 3"),
        ({"arms": {}}, "arms.with: kept {'requests': 840, 'rate': 0.5, 'seeds': [1, 2]}, now nothing"),
    ],
)
def test_a_value_that_differs_is_named(now: dict[str, Any], said: str) -> None:
    """With its place in the file, what is kept, and what came out."""
    assert compare_values("summary.json", SUMMARY, now) == [f"summary.json: {said}"]


def test_a_number_may_differ_by_its_rounding() -> None:
    """Six digits are kept; a whole number is exact."""
    assert compare_values("", with_arm(rate=0.333333), with_arm(rate=1 / 3)) == []
    assert compare_values("", with_arm(requests=1_000_000), with_arm(requests=1_000_001)) != []


def test_a_line_that_differs_is_named() -> None:
    """And so is one that was added."""
    assert compare_texts("report.md", "one\ntwo\n", "one\nthree\nfour\n") == [
        "report.md, line 2: kept 'two', now 'three'",
        "report.md, line 3: kept nothing, now 'four'",
    ]


def test_of_many_differences_a_few_are_told() -> None:
    """And how many there are beside them."""
    said = compare_hashes({f"with/{seed}": "ab" for seed in range(20)}, {})

    assert len(said) == MOST_LISTED + 1
    assert said[-1] == "and 15 more"
