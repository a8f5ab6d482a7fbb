"""When two engines agree, and what is said where they do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loadtest.records.rows import Row, StateChange
from loadtest.records.run_folder import RunFolder
from loadtest.studies.agreement.compare import as_markdown, compare_rows
from loadtest.studies.agreement.conduct import agreement_of, write_agreement

ROOT = Path(__file__).parents[4]
TIMEOUTS = {"with": 1.0}
TIMEOUT = "a race at the timeout: answered after 0.950 s on one engine, limit 1 s"
BREAKER = "a race with the breaker: it changed its state 20 ms from the request"
FOLLOWS, FIRST = "may follow from request", ", where the engines first differ"


def row(number: int, outcome: str = "ok", *, state: str = "closed", fails: int = 0, took_s: float = 0.1) -> Row:
    return Row("with", 1, number, number / 10, number / 10, took_s, 200, outcome, "fresh", state, fails, 1, 1, "ok")


def rows(count: int = 20) -> list[Row]:
    return [row(number) for number in range(1, count + 1)]


def test_the_same_rows_agree() -> None:
    """Every request alike, and nothing to list."""
    (found,) = compare_rows(rows(), rows(), [], TIMEOUTS, ["with"])

    assert (found.requests, found.same, found.exactly, found.ok, found.differences) == (20, 20, 20, True, ())
    assert "No request differs" in as_markdown("mine", [found])


@pytest.mark.parametrize(
    ("changed", "to_the_letter", "ok"),
    [
        ({1: {"outcome": "error"}}, False, True),
        ({1: {"outcome": "error"}, 2: {"outcome": "error"}}, False, False),
        ({1: {"fail_count": 1}}, False, True),
        ({1: {"fail_count": 1}}, True, False),
        ({1: {"state": "open"}}, True, False),
        ({1: {"duration_s": 0.28}}, False, True),
        ({1: {"duration_s": 0.1 + 20 * 0.011}}, False, False),
    ],
    ids=["1 of 20", "2 of 20", "count", "count, strictly", "state, strictly", "mean near", "mean off"],
)
def test_the_rule(changed: dict[int, dict[str, object]], to_the_letter: bool, ok: bool) -> None:
    """95 % of the outcomes and the mean within 10 % or 10 ms; to the letter, every outcome, state and count."""
    other = [replace(each, **changed.get(each.id, {})) for each in rows()]

    (found,) = compare_rows(rows(), other, [], TIMEOUTS, ["with"] if to_the_letter else [])

    assert found.ok is ok


def test_every_difference_has_its_reason() -> None:
    """A race at the timeout, one with the breaker, what follows from them, one that is missing, and one that is odd."""
    live = [row(1), row(2, "timeout", took_s=1.0), row(3, "fast_fail", state="open"), row(4, "error"), row(5)]
    virtual = [row(1, "error"), row(2, took_s=0.95), row(3), row(4)]
    changes = [StateChange("with", 1, 0.32, "closed", "open", "fail_max reached", 5)]

    (found,) = compare_rows(live, virtual, changes, TIMEOUTS)

    assert [(each.id, each.reason) for each in found.differences] == [
        (1, "no reason is known from the rows"),
        (
            3,
            f"{FOLLOWS} 1{FIRST}; or {BREAKER}",
        ),
        (4, f"{FOLLOWS} 1{FIRST}"),
        (5, "missing on one engine"),
        (
            2,
            f"{FOLLOWS} 1{FIRST}; or {TIMEOUT}",
        ),
    ]


@pytest.mark.parametrize(
    ("live", "virtual", "reasons"),
    [
        (
            [row(1, "timeout", took_s=1.0), row(9, "fast_fail", state="open", took_s=0.0)],
            [row(1, took_s=0.95), row(9)],
            [
                (9, BREAKER),
                (
                    1,
                    f"{FOLLOWS} 9{FIRST}; or {TIMEOUT}",
                ),
            ],
        ),
        (
            [row(1, "timeout", took_s=1.0), row(12, "fast_fail", state="open", took_s=0.0)],
            [row(1, took_s=0.95), row(12)],
            [
                (1, TIMEOUT),
                (12, f"{FOLLOWS} 1{FIRST}"),
            ],
        ),
        (
            [row(9, "timeout", state="half-open", took_s=1.0)],
            [row(9, state="closed", took_s=0.95)],
            [(9, BREAKER)],
        ),
    ],
    ids=["refused before the other's end", "the end before the refusal", "sent before it ended"],
)
def test_reasons_are_in_the_order_of_what_came_first(
    live: list[Row], virtual: list[Row], reasons: list[tuple[int, str]]
) -> None:
    """A request that meets another state differs when it is sent, one that ends otherwise when it ends."""
    changes = [StateChange("with", 1, 0.92, "closed", "open", "fail_max reached", 5)]

    (found,) = compare_rows(live, virtual, changes, TIMEOUTS)

    assert [(each.id, each.reason) for each in found.differences] == reasons


def test_no_rows_are_no_agreement() -> None:
    """Nothing can be learnt from nothing."""
    assert compare_rows([], [], [], TIMEOUTS) == []


@pytest.mark.parametrize("scenario", ["experiment-1", "experiment-2"])
def test_the_virtual_engine_agrees_with_the_reference_runs(scenario: str, tmp_path: Path) -> None:
    """The live runs that are kept, against the code as it is now."""
    found = agreement_of(RunFolder(ROOT / "results" / scenario / "reference"))

    assert [arm for arm in found if not arm.ok] == []
    assert f"## {scenario}" in write_agreement(tmp_path / "made", {scenario: found})
    assert (tmp_path / "made" / "agreement.json").exists()
