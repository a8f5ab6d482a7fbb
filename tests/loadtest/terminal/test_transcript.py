"""A run printed as the reference document prints it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtest.engines.virtual.simulate import simulate
from loadtest.records.rows import Row
from loadtest.scenario import files
from loadtest.terminal import transcript as trace

OK = Row("with", 1, 7, 0.0, 0.0, 0.1234, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")

REPLAY = """\
Request 1:   Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
Request 2:   Backend: FAILED (0.500s), Circuit: CLOSED (fail_count: 1)
Request 3:   Backend: FAILED (0.500s), Circuit: CLOSED (fail_count: 2)
Request 4:   Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
Request 5:   Backend: FAILED (0.500s), Circuit: CLOSED (fail_count: 1)
Request 6:   Backend: FAILED (0.500s), Circuit: CLOSED (fail_count: 2)
Request 7:   Backend: FAILED (0.500s), Circuit: CLOSED (fail_count: 3)
Request 8:   Backend: FAILED (0.500s), Circuit: CLOSED (fail_count: 4)
Request 9:   Backend: FAILED (0.500s), Circuit: CLOSED (fail_count: 5)
Request 10:  Circuit Breaker OPENED; FAST-FAIL (0.000s), Circuit: OPEN
Request 11:  FAST-FAIL (0.000s), Circuit: OPEN
Request 12:  FAST-FAIL (0.000s), Circuit: OPEN
Request 13:  FAST-FAIL (0.000s), Circuit: OPEN
Request 14:  Backend: SUCCESS (0.500s), Circuit: HALF_OPEN (fail_count: 0)
Request 15:  Circuit Breaker CLOSED; Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
Request 16:  Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
Request 17:  Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
Request 18:  Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
Request 19:  Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
Request 20:  Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)
"""


def test_the_replay_reads_like_the_documents_trace() -> None:
    """Every line of Experiment 1, with the transitions told where they were met."""
    found, _ = files.read("experiment-1")

    assert "".join(f"{line}\n" for line in trace.lines(simulate(found, "replay", 1).rows)) == REPLAY


def test_lines_come_in_the_order_of_the_requests() -> None:
    """Whatever the order in which the answers came."""
    rows = [replace(OK, id=number) for number in (3, 1, 2)]

    assert [line[:10] for line in trace.lines(rows)] == ["Request 1:", "Request 2:", "Request 3:"]


@pytest.mark.parametrize(
    ("row", "before", "expected"),
    [
        (OK, None, "Backend: SUCCESS (0.123s), Circuit: CLOSED (fail_count: 0)"),
        (
            replace(OK, outcome="timeout", fail_count=3),
            OK,
            "Backend: TIMEOUT (0.123s), Circuit: CLOSED (fail_count: 3)",
        ),
        (
            replace(OK, outcome="error", state="half-open", fail_count=1),
            replace(OK, state="open"),
            "Backend: FAILED (0.123s), Circuit: HALF_OPEN (fail_count: 1)",
        ),
        (
            replace(OK, outcome="fast_fail", state="open", backend_calls=0),
            replace(OK, state="half-open"),
            "Circuit Breaker OPENED; FAST-FAIL (0.123s), Circuit: OPEN",
        ),
        (
            replace(OK, outcome="fast_fail", state="open", backend_calls=0),
            None,
            "FAST-FAIL (0.123s), Circuit: OPEN",
        ),
        (
            OK,
            replace(OK, state="open"),
            "Circuit Breaker CLOSED; Backend: SUCCESS (0.123s), Circuit: CLOSED (fail_count: 0)",
        ),
        (
            replace(OK, outcome="rejected", backend_calls=0),
            OK,
            "REJECTED (0.123s), Circuit: CLOSED",
        ),
        (
            replace(OK, outcome="error", state="", status=0, backend_calls=0),
            OK,
            "FAILED (0.123s), Circuit: UNKNOWN",
        ),
    ],
)
def test_a_request_is_one_line(row: Row, before: Row | None, expected: str) -> None:
    """The backend is named where it was called; a transition at the first request that met it; no answer, no state."""
    assert trace.line(row, before) == f"Request 7:   {expected}"
