"""The fold from rows to figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.breakers.interface import State
from client.pipeline.call import Outcome, Served
from loadtest.figures.openings import openings
from loadtest.figures.summary import fold, time_in_state
from loadtest.records.measured import Measured, gather_arms
from loadtest.records.rows import ArmRecord, Row, Sample, StateChange
from loadtest.records.shapes import as_json
from loadtest.scenario.arm_figures import FalsePositives, ProbeFigures

OUTCOMES, SERVED, STATES = list(Outcome), list(Served), list(State)

OK = Row("with", 1, 1, 0.0, 0.0, 1.0, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")
ERROR = replace(OK, status=502, outcome="error", served="nothing", would_have="error")
REFUSED = replace(
    OK, status=503, outcome="fast_fail", served="fallback", state="open", attempts=0, backend_calls=0, duration_s=0.0
)
RECORD = ArmRecord("with", 1, 6, 20.0, "abc", 6, {}, 3, 0.25, 3, {}, 3.5, 3, 3, 0)


def change(at_s: float, before: str, after: str, seed: int = 1) -> StateChange:
    return StateChange("with", seed, at_s, before, after, "because", 0)


def at(row: Row, number: int, sent_s: float, **values: Any) -> Row:
    """Return the row as request `number`, sent as intended."""
    return replace(row, id=number, intended_s=sent_s, sent_s=sent_s, **values)


def rounded(figures: Any) -> Any:
    """Round every float to 9 places, so that whole summaries can be compared."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    if isinstance(figures, list):
        return [rounded(value) for value in figures]
    return round(figures, 9) if isinstance(figures, float) else figures


# Seed 1 trips, refuses three, probes and closes; seed 2 was cut off while open, and has no record.
TWO_SEEDS = Measured(
    "with",
    [
        at(OK, 1, 0.0),
        replace(at(ERROR, 2, 1.5, fail_count=1), intended_s=1.0),
        at(REFUSED, 3, 4.0, would_have="error"),
        at(REFUSED, 4, 6.0),
        at(REFUSED, 5, 8.0),
        at(OK, 6, 10.0, duration_s=2.0, state="half-open"),
        at(ERROR, 1, 0.0, seed=2, duration_s=3.0, outcome="timeout", would_have="timeout", fail_count=1),
        at(ERROR, 2, 4.0, seed=2, fail_count=2),
        at(REFUSED, 3, 6.0, seed=2, would_have="error"),
    ],
    [
        change(2.5, "closed", "open"),
        change(10.0, "open", "half-open"),
        change(12.0, "half-open", "closed"),
        change(5.0, "closed", "open", seed=2),
    ],
    [],
    [RECORD],
)


def quantiles(p50: float, p90: float, p95: float, p99: float, most: float) -> dict[str, float]:
    return {"p50": p50, "p90": p90, "p95": p95, "p99": p99, "max": most}


def test_two_seeds_fold_into_one_summary() -> None:
    """The whole dict, worked out by hand: sums over both seeds, and the main figures of each seed in `runs`."""
    first = {
        "requests": 6,
        "outcomes": {"ok": 2, "error": 1, "timeout": 0, "fast_fail": 3, "rejected": 0, "cancelled": 0},
        "success_rate": round(2 / 6, 9),
        "backend_calls": 3,
        "backend_success_rate": round(2 / 3, 9),
        "fast_fail_rate": 0.5,
        "timeout_rate": 0.0,
        "mean_response_s": round(4 / 6, 9),
        "mean_backend_response_s": round(4 / 3, 9),
        "in_flight_s": 4.0,
        "backend_busy_s": 3.5,
        "client_cpu_s": 0.25,
        "trips": 1,
    }
    second = {
        "requests": 3,
        "outcomes": {"ok": 0, "error": 1, "timeout": 1, "fast_fail": 1, "rejected": 0, "cancelled": 0},
        "success_rate": 0.0,
        "backend_calls": 2,
        "backend_success_rate": 0.0,
        "fast_fail_rate": round(1 / 3, 9),
        "timeout_rate": round(1 / 3, 9),
        "mean_response_s": round(4 / 3, 9),
        "mean_backend_response_s": 2.0,
        "in_flight_s": 4.0,
        "backend_busy_s": None,
        "client_cpu_s": None,
        "trips": 1,
    }
    assert rounded(as_json(fold(TWO_SEEDS))) == {
        "requests": 9,
        "outcomes": {"ok": 2, "error": 2, "timeout": 1, "fast_fail": 4, "rejected": 0, "cancelled": 0},
        "success_rate": round(2 / 9, 9),
        "backend_calls": 5,
        "backend_success_rate": 0.4,
        "fast_fail_rate": round(4 / 9, 9),
        "timeout_rate": round(1 / 9, 9),
        "mean_response_s": round(8 / 9, 9),
        "mean_backend_response_s": 1.6,
        "in_flight_s": 8.0,
        "backend_busy_s": 3.5,
        "client_cpu_s": 0.25,
        "trips": 2,
        "served": {"fresh": 2, "stale": 0, "fallback": 4, "nothing": 3},
        "latency_s": {
            "all": quantiles(1.0, 2.2, 2.6, 2.92, 3.0),
            "ok": quantiles(1.5, 1.9, 1.95, 1.99, 2.0),
            "error": quantiles(1.0, 1.0, 1.0, 1.0, 1.0),
            "timeout": quantiles(3.0, 3.0, 3.0, 3.0, 3.0),
            "fast_fail": quantiles(0.0, 0.0, 0.0, 0.0, 0.0),
        },
        "intended_latency_s": {
            "all": quantiles(1.0, 2.2, 2.6, 2.92, 3.0),
            "ok": quantiles(1.5, 1.9, 1.95, 1.99, 2.0),
            "error": quantiles(1.25, 1.45, 1.475, 1.495, 1.5),
            "timeout": quantiles(3.0, 3.0, 3.0, 3.0, 3.0),
            "fast_fail": quantiles(0.0, 0.0, 0.0, 0.0, 0.0),
        },
        "transitions": [
            {"seed": 1, "at_s": 2.5, "before": "closed", "after": "open", "cause": "because", "fail_count": 0},
            {"seed": 1, "at_s": 10.0, "before": "open", "after": "half-open", "cause": "because", "fail_count": 0},
            {"seed": 1, "at_s": 12.0, "before": "half-open", "after": "closed", "cause": "because", "fail_count": 0},
            {"seed": 2, "at_s": 5.0, "before": "closed", "after": "open", "cause": "because", "fail_count": 0},
        ],
        "time_in_state_s": {"closed": 2.5 + 8.0 + 5.0, "open": 7.5 + 1.0, "half-open": 2.0},
        "half_open": {"probes": 1, "successes": 1},
        "false_positives": {"fast_fails": 2, "trips": 1},
        "recovery_delay_s": 6.0,
        "runs": [{"seed": 1, **first}, {"seed": 2, **second}],
    }


def test_an_arm_without_rows_has_no_shares_rather_than_zeros() -> None:
    """Nothing measured is not the same as a success rate of 0."""
    assert as_json(fold(Measured("with", [], [], [], []))) == {
        "requests": 0,
        "outcomes": dict.fromkeys(OUTCOMES, 0),
        "success_rate": None,
        "backend_calls": 0,
        "backend_success_rate": None,
        "fast_fail_rate": None,
        "timeout_rate": None,
        "mean_response_s": None,
        "mean_backend_response_s": None,
        "in_flight_s": 0,
        "backend_busy_s": None,
        "client_cpu_s": None,
        "trips": 0,
        "served": dict.fromkeys(SERVED, 0),
        "latency_s": {},
        "intended_latency_s": {},
        "transitions": [],
        "time_in_state_s": dict.fromkeys(STATES, 0.0),
        "half_open": {"probes": 0, "successes": 0},
        "false_positives": {"fast_fails": 0, "trips": 0},
        "recovery_delay_s": None,
        "runs": [],
    }


@pytest.mark.parametrize(
    ("changes", "duration_s", "expected"),
    [
        ([], 12.0, (12.0, 0.0, 0.0)),
        ([(2, "closed", "open")], 12.0, (2.0, 10.0, 0.0)),
        (
            [
                (2, "closed", "open"),
                (5, "open", "half-open"),
                (6, "half-open", "open"),
                (9, "open", "half-open"),
                (10, "half-open", "closed"),
            ],
            12.0,
            (4.0, 6.0, 2.0),
        ),
        ([(2, "closed", "open"), (13, "open", "half-open")], 12.0, (2.0, 10.0, 0.0)),
        ([(12, "closed", "open")], 12.0, (12.0, 0.0, 0.0)),
    ],
)
def test_time_in_each_state_adds_up_to_the_arm(
    changes: list[tuple[float, str, str]], duration_s: float, expected: tuple[float, float, float]
) -> None:
    """Closed from 0, then as the transitions say; a transition seen after the arm's end takes none of its time."""
    arm = Measured(
        "with", [at(OK, 1, 0.0)], [change(*each) for each in changes], [], [replace(RECORD, duration_s=duration_s)]
    )

    assert time_in_state(arm) == dict(zip(STATES, expected, strict=True))


def test_an_arm_that_was_cut_off_lasts_to_its_last_answer() -> None:
    """Without a record of its end, the end of the latest answer is all that is known."""
    arm = Measured("with", [at(OK, 1, 0.0, duration_s=9.0), at(OK, 2, 1.0)], [], [], [])

    assert (arm.duration_s(1), arm.duration_s(2), arm.seeds) == (9.0, 0.0, [1])


def test_an_opening_lasts_until_closed_again() -> None:
    """Failed probes do not end it; a second trip is a second opening; the last one may still be open."""
    changes = [
        change(1, "closed", "open"),
        change(2, "open", "half-open"),
        change(3, "half-open", "open"),
        change(4, "open", "half-open"),
        change(5, "half-open", "closed"),
        change(7, "closed", "open"),
    ]

    assert openings(Measured("with", [OK], changes, [], [])) == [(1, 1, 5), (1, 7, None)]


@pytest.mark.parametrize(
    ("refused", "wrong", "trips", "delay"),
    [
        ("", 0, 0, None),
        ("eee", 0, 0, None),
        ("ooo", 3, 1, 9.0),
        ("eoo", 2, 1, 8.0),
        ("eeo", 1, 0, 7.0),
        ("oeo", 2, 1, 7.0),
        ("ooe", 2, 1, None),
        ("oe", 1, 0, None),
        ("eo", 1, 0, 8.0),
        ("et", 0, 0, None),
        ("nn", 0, 0, None),
        ("nno", 1, 1, 7.0),
        ("eno", 1, 0, 7.0),
        ("oen", 1, 0, None),
        ("on", 1, 1, 9.0),
    ],
)
def test_refusals_are_judged_by_what_the_backend_would_have_answered(
    refused: str, wrong: int, trips: int, delay: float | None
) -> None:
    """Open from 0.5 to 10 s, refusals at 1, 2, 3 s; o, e, t, n: it would have ended with ok, error, timeout, a 404.

    A trip is wrong when it refused more answers than failures; the recovery is the first refusal after which all
    would have been answered. A 404 is neither an answer lost nor a failure prevented.
    """
    fates = {"o": "ok", "e": "error", "t": "timeout", "n": "error"}
    rows = [
        at(REFUSED, 1 + n, 1.0 + n, would_have=fates[letter], blameless=letter == "n")
        for n, letter in enumerate(refused)
    ]
    probe = at(OK, 9, 9.5, duration_s=0.5, state="half-open")
    changes = [change(0.5, "closed", "open"), change(9.5, "open", "half-open"), change(10, "half-open", "closed")]

    found = fold(Measured("with", [*rows, probe], changes, [], []))

    assert found.false_positives == FalsePositives(wrong, trips)
    assert found.recovery_delay_s == delay


def test_no_recovery_is_reported_while_still_open() -> None:
    """How long the breaker will take to close is not known before it has."""
    arm = Measured("with", [at(REFUSED, 1, 1.0)], [change(0.5, "closed", "open")], [], [])

    assert fold(arm).recovery_delay_s is None
    assert fold(arm).false_positives == FalsePositives(1, 1)


def test_the_recovery_delay_is_the_mean_over_openings() -> None:
    """Two openings of one seed: 9 s and 3 s from recovery to closing."""
    changes = [
        change(0, "closed", "open"),
        change(10, "half-open", "closed"),
        change(20, "closed", "open"),
        change(25, "half-open", "closed"),
    ]
    arm = Measured("with", [at(REFUSED, 1, 1.0), at(REFUSED, 2, 22.0)], changes, [], [])

    assert fold(arm).recovery_delay_s == 6.0


def test_a_refusal_in_half_open_is_no_probe() -> None:
    """Requests beyond the permitted probes are refused while the breaker is half-open; they say nothing of recovery."""
    probes = [
        at(OK, 1, 0.0, state="half-open"),
        at(ERROR, 2, 1.0, state="half-open"),
        at(REFUSED, 3, 2.0, state="half-open"),
    ]

    assert fold(Measured("with", probes, [], [], [])).half_open == ProbeFigures(2, 1)


def test_what_a_run_left_behind_is_sorted_by_arm() -> None:
    """Each arm gets its own rows, by seed and id, in the order of the manifest; rows of no known arm are left out."""
    other = replace(OK, arm="without")
    rows = [at(OK, 2, 1.0, seed=2), at(OK, 1, 0.0, seed=2), other, at(OK, 3, 2.0), replace(OK, arm="gone")]
    sample = Sample("with", 1, 0.0, "closed", 0, 0)

    assert gather_arms(["without", "with"], rows, [change(1, "closed", "open")], [sample], [RECORD]) == [
        Measured("without", [other], [], [], []),
        Measured(
            "with",
            [at(OK, 3, 2.0), at(OK, 1, 0.0, seed=2), at(OK, 2, 1.0, seed=2)],
            [change(1, "closed", "open")],
            [sample],
            [RECORD],
        ),
    ]


def test_a_refusal_of_the_ramp_after_closing_is_not_the_openings() -> None:
    """Even at the very moment of closing: the opening refused one call, which would have failed."""
    changes = [change(1.0, "closed", "open"), change(3.0, "open", "half-open"), change(4.0, "half-open", "closed")]
    ramp = [at(REFUSED, number, 4.0, state="closed", would_have="ok") for number in (2, 3)]
    arm = Measured("with", [at(REFUSED, 1, 2.0, would_have="error"), *ramp], changes, [], [])

    assert fold(arm).false_positives == FalsePositives(2, 0)


ROWS = st.lists(
    st.builds(
        Row,
        arm=st.just("with"),
        seed=st.integers(1, 3),
        id=st.integers(1, 99),
        intended_s=st.floats(0, 10),
        sent_s=st.floats(0, 20),
        duration_s=st.floats(0, 10),
        status=st.sampled_from([0, 200, 502, 503, 504]),
        outcome=st.sampled_from(OUTCOMES),
        served=st.sampled_from(SERVED),
        state=st.sampled_from(STATES),
        fail_count=st.integers(0, 5),
        attempts=st.integers(0, 3),
        backend_calls=st.integers(0, 3),
        would_have=st.sampled_from(["ok", "error", "timeout"]),
    ),
    max_size=30,
)


@settings(max_examples=50)
@given(ROWS)
def test_nothing_is_lost_in_the_fold(rows: list[Row]) -> None:
    """Requests are the sum of outcomes, and of what was served; the runs add up to the whole; the rest follows."""
    found = fold(Measured("with", rows, [], [], []))
    runs = found.runs

    assert found.requests == sum(found.outcomes.values()) == sum(found.served.values()) == len(rows)
    assert found.backend_calls == sum(row.backend_calls for row in rows)
    assert [run.seed for run in runs] == sorted({row.seed for row in rows})
    for figure in ("requests", "backend_calls", "in_flight_s"):
        assert sum(getattr(run, figure) for run in runs) == pytest.approx(getattr(found, figure))
    for outcome, count in found.outcomes.items():
        assert sum(run.outcomes[outcome] for run in runs) == count
        assert (outcome in found.latency_s) == (count > 0)
    assert found.false_positives.fast_fails <= found.outcomes["fast_fail"]
    assert found.half_open.successes <= found.half_open.probes
    assert sum(found.time_in_state_s.values()) == pytest.approx(
        sum(max(row.end_s for row in rows if row.seed == seed) for seed in {row.seed for row in rows})
    )
