"""The figures of Experiment 1: the document's printed lines, its observations, and how often each thing happens."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from client.breakers.interface import State
from client.pipeline.call import Outcome
from loadtest.figures.document import exact_count, printed_line, seconds, seconds_at_least, seconds_at_most
from loadtest.terminal.transcript import RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row
    from loadtest.records.summary import ArmSummary, DocumentFigure

# How often each thing happens in the document's printed transcript, its last lines being as the one before them.
IN_PRINT = {"failed calls": 7, "trips": 1, "refused requests": 4, "backend calls": 16, "probes that close it": 1}

# The document's printed transcript: request -> (backend result or none, state or none, failure count or none). Lines 10
# and 15 announce a transition and are held only against the state that they announce.
PRINTED: dict[int, tuple[str | None, str, int | None]] = {
    1: ("SUCCESS", "closed", None),
    2: ("FAILED", "closed", 1),
    3: ("FAILED", "closed", 2),
    4: ("SUCCESS", "closed", 0),
    5: ("FAILED", "closed", 1),
    6: ("FAILED", "closed", 2),
    7: ("FAILED", "closed", 3),
    8: ("FAILED", "closed", 4),
    9: ("FAILED", "closed", 5),
    10: (None, "open", None),
    11: ("FAST-FAIL", "open", None),
    12: ("FAST-FAIL", "open", None),
    13: ("FAST-FAIL", "open", None),
    14: ("SUCCESS", "half-open", None),
    15: (None, "closed", None),
    16: ("SUCCESS", "closed", None),
}


def compare(arms: Sequence[Measured]) -> list[DocumentFigure]:
    """Compare the replay with the document's Experiment 1: its printed lines, then its observations."""
    replay = next((arm for arm in arms if arm.arm == "replay"), None)
    if replay is None:
        return []
    rows = {row.id: row for row in replay.rows}
    fast = [row.duration_s for row in replay.rows if row.outcome == Outcome.FAST_FAIL]
    normal = [row.duration_s for row in replay.rows if row.outcome in (Outcome.OK, Outcome.ERROR)]
    opened = [change.at_s for change in replay.changes if change.after == State.OPEN]
    probed = [change.at_s for change in replay.changes if change.after == State.HALF_OPEN]
    probes = [row for row in replay.rows if row.state == State.HALF_OPEN]
    wait_s = probed[0] - opened[0] if opened and probed else None
    return [
        *(_line(number, expected, rows.get(number)) for number, expected in PRINTED.items()),
        exact_count("requests in all", 20, len(replay.rows), "requests"),
        exact_count(
            "backend calls while open",
            0,
            sum(row.backend_calls for row in replay.rows if row.outcome == Outcome.FAST_FAIL),
            "calls",
        ),
        seconds_at_most("fast-fail, median", 0.002, _median(fast), "0.001 to 0.002 s printed; at most 0.002 s"),
        seconds("normal call, median", 0.5, _median(normal)),
        seconds_at_least(
            "wait from opening to the probe", 30.0, wait_s, "not before 30 s: the next request then is the probe"
        ),
        exact_count(
            "probes that close it", 1, len(probes) if probes and probes[-1].outcome == Outcome.OK else 0, "probe"
        ),
    ]


def compare_chance(arms: Mapping[str, ArmSummary]) -> list[DocumentFigure]:
    """Hold a run of Experiment 1's set-up, independent failures, against what the document's transcript has of each."""
    if "independent-30" not in arms:
        return []
    drawn = arms["independent-30"]
    measured = {
        "failed calls": drawn.outcomes[Outcome.ERROR],
        "trips": drawn.trips,
        "refused requests": drawn.outcomes[Outcome.FAST_FAIL],
        "backend calls": drawn.backend_calls,
        "probes that close it": drawn.half_open.successes,
    }
    return [exact_count(name, value, measured[name], "") for name, value in IN_PRINT.items()]


def _line(number: int, expected: tuple[str | None, str, int | None], row: Row | None) -> DocumentFigure:
    name, text = f"trace, request {number}", _text(*expected)
    if row is None:
        return printed_line(name, text, None)
    result, _, count = expected
    found = (
        None if result is None else RESULTS.get(row.outcome, row.outcome),
        row.state,
        None if count is None else row.fail_count,
    )
    return printed_line(name, text, _text(*found))


def _text(result: str | None, state: str, count: int | None) -> str:
    counted = "" if count is None else f", {count} failure{'' if count == 1 else 's'}"
    return f"{result or 'announced'}, {state}{counted}"


def _median(times: Sequence[float]) -> float | None:
    return median(times) if times else None
