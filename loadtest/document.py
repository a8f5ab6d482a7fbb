"""The figures of the reference document, each beside the measured one.

Tolerances: 3 percentage points for shares and counts of 100, 10 % for times; exact for the printed trace.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.rows import Row
    from loadtest.summary import Measured

POINTS = 3.0
TIME_SHARE = 0.10


class Figure(NamedTuple):
    """One figure: `deviation` in the figure's own unit, none for text; `unit` is %, s, a count's name or ''."""

    name: str
    value: float | str
    measured: float | str | None
    unit: str
    tolerance: str
    deviation: float | None
    within: bool


def compare_experiment_1(arms: Sequence[Measured]) -> list[Figure]:
    """Hold the replay against the document's Experiment 1: its trace line by line, then its observations."""
    replay = next((arm for arm in arms if arm.arm == "replay"), None)
    if replay is None:
        return []
    rows = {row.id: row for row in replay.rows}
    fast = [row.duration_s for row in replay.rows if row.outcome == "fast_fail"]
    normal = [row.duration_s for row in replay.rows if row.outcome in ("ok", "error")]
    opened = [change.at_s for change in replay.changes if change.after == "open"]
    probed = [change.at_s for change in replay.changes if change.after == "half-open"]
    probes = [row for row in replay.rows if row.state == "half-open"]
    wait_s = probed[0] - opened[0] if opened and probed else None
    return [
        *(_line(number, expected, rows.get(number)) for number, expected in TRACE.items()),
        _count("requests in all", 20, len(replay.rows), "requests"),
        _count(
            "backend calls while open",
            0,
            sum(row.backend_calls for row in replay.rows if row.outcome == "fast_fail"),
            "calls",
        ),
        _at_most("fast-fail, median", 0.002, _median(fast), "0.001 to 0.002 s printed; at most 0.002 s"),
        _time("normal call, median", 0.5, _median(normal)),
        _at_least(
            "wait from opening to the probe", 30.0, wait_s, "not before 30 s: the next request then is the probe"
        ),
        _count("probes that close it", 1, len(probes) if probes and probes[-1].outcome == "ok" else 0, "probe"),
    ]


def compare_experiment_2(arms: dict[str, dict[str, Any]]) -> list[Figure]:
    """Hold the arms `without` and `with` against the document's Experiment 2."""
    if not {"without", "with"} <= set(arms):
        return []
    plain, guarded = arms["without"], arms["with"]
    held = 100 * (1 - guarded["in_flight_s"] / plain["in_flight_s"]) if plain["in_flight_s"] else None
    failed = 100 * plain["outcomes"]["error"] / plain["requests"] if plain["requests"] else None
    return [
        _count("without: total requests", 100, plain["requests"], "requests"),
        _points("without: success rate", 42, _percent(plain["success_rate"])),
        _time("without: average response time", 1.8, plain["mean_response_s"]),
        _points("without: timeout rate", 18, _percent(plain["timeout_rate"])),
        _points("without: failed requests", 40, failed),
        _count("with: total requests", 100, guarded["requests"], "requests"),
        _points("with: success rate of actual backend calls", 45, _percent(guarded["backend_success_rate"])),
        _points("with: fast-fail rate", 35, _percent(guarded["fast_fail_rate"])),
        _time("with: average response time", 0.6, guarded["mean_response_s"]),
        _points("with: timeout rate", 0, _percent(guarded["timeout_rate"])),
        _points("resource utilization, lower by", 60, held),
    ]


def compare(experiment: str | None, arms: dict[str, dict[str, Any]]) -> list[Figure]:
    """Hold one run of an experiment against the figures of the document that chance decides; none without one."""
    if experiment == "experiment-1":
        return compare_chance(arms)
    return compare_experiment_2(arms) if experiment == "experiment-2" else []


def compare_chance(arms: dict[str, dict[str, Any]]) -> list[Figure]:
    """Hold a run of Experiment 1's set-up, independent failures, against what the document's trace has of each."""
    if "independent-30" not in arms:
        return []
    drawn = arms["independent-30"]
    measured = {
        "failed calls": drawn["outcomes"]["error"],
        "trips": drawn["trips"],
        "refused requests": drawn["outcomes"]["fast_fail"],
        "backend calls": drawn["backend_calls"],
        "probes that close it": drawn["half_open"]["successes"],
    }
    return [_count(name, value, measured[name], "") for name, value in IN_TRACE.items()]


# How often each thing happens in the document's printed trace, its last lines being as the one before them.
IN_TRACE = {"failed calls": 7, "trips": 1, "refused requests": 4, "backend calls": 16, "probes that close it": 1}

# The document's printed trace: request -> (backend result or none, state or none, failure count or none). Lines 10
# and 15 announce a transition and are held only against the state that they announce.
TRACE: dict[int, tuple[str | None, str, int | None]] = {
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

RESULTS = {"ok": "SUCCESS", "error": "FAILED", "timeout": "TIMEOUT", "fast_fail": "FAST-FAIL"}


def allowed(value: float, unit: str) -> float:
    """Return the tolerance of a figure in its own unit: a share of a time, else percentage points or counts."""
    return TIME_SHARE * value if unit == "s" else POINTS


def _line(number: int, expected: tuple[str | None, str, int | None], row: Row | None) -> Figure:
    name = f"trace, request {number}"
    said = _words(*expected)
    if row is None:
        return Figure(name, said, None, "", "the same", None, within=False)
    result, _, count = expected
    found = (
        None if result is None else RESULTS.get(row.outcome, row.outcome),
        row.state,
        None if count is None else row.fail_count,
    )
    return Figure(name, said, _words(*found), "", "the same", None, within=found == expected)


def _words(result: str | None, state: str, count: int | None) -> str:
    counted = "" if count is None else f", {count} failure{'' if count == 1 else 's'}"
    return f"{result or 'announced'}, {state}{counted}"


def _count(name: str, value: int, measured: int, unit: str) -> Figure:
    return Figure(name, value, measured, unit, "exact", measured - value, measured == value)


def _points(name: str, value: float, measured: float | None) -> Figure:
    deviation = None if measured is None else measured - value
    within = deviation is not None and abs(deviation) <= allowed(value, "%") + 1e-9
    return Figure(name, value, measured, "%", f"{POINTS:g} points", deviation, within)


def _time(name: str, value: float, measured: float | None) -> Figure:
    deviation = None if measured is None else measured - value
    within = deviation is not None and abs(deviation) <= allowed(value, "s") + 1e-9
    return Figure(name, value, measured, "s", f"{100 * TIME_SHARE:g} %", deviation, within)


def _at_most(name: str, value: float, measured: float | None, tolerance: str) -> Figure:
    deviation = None if measured is None else measured - value
    return Figure(name, value, measured, "s", tolerance, deviation, deviation is not None and deviation <= 0)


def _at_least(name: str, value: float, measured: float | None, tolerance: str) -> Figure:
    deviation = None if measured is None else measured - value
    return Figure(name, value, measured, "s", tolerance, deviation, deviation is not None and deviation >= 0)


def _median(times: Sequence[float]) -> float | None:
    return median(times) if times else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
