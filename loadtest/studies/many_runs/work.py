"""What a worker does: run some seeds of one point, and keep a few figures of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.openings import wrong_refusals
from loadtest.figures.summary import is_passed_on

if TYPE_CHECKING:
    from loadtest.records.measured import Measured
    from loadtest.scenario.model import Scenario


class StudyFigures(NamedTuple):
    """One run.

    `good`: requests that the backend would have answered; `false_positives`: those of them that were refused;
    `bad_calls`: calls let through that failed or timed out, without those that were answered with a 404 or the like.
    """

    requests: int
    good: int
    ok: int
    fast_fail: int
    false_positives: int
    bad_calls: int
    in_flight_s: float
    backend_calls: int
    trips: int
    mean_response_s: float


class Piece(NamedTuple):
    """Some seeds of the point with this number."""

    point: int
    scenario: Scenario
    arm: str
    seeds: tuple[int, ...]


# What a worker is given at once: of many seeds a part of one point, of few seeds several points.
Task = tuple[Piece, ...]


class RunResult(NamedTuple):
    """What one run gave."""

    point: int
    seed: int
    figures: StudyFigures


def fold_run(run: Measured) -> StudyFigures:
    """Fold one run into its figures."""
    rows = run.rows
    held_s = sum(row.duration_s for row in rows)
    return StudyFigures(
        requests=len(rows),
        good=sum(row.would_have == "ok" for row in rows),
        ok=sum(row.outcome == "ok" for row in rows),
        fast_fail=sum(row.outcome == "fast_fail" for row in rows),
        false_positives=wrong_refusals(rows),
        bad_calls=sum(
            row.backend_calls > 0 and row.outcome in ("error", "timeout") and not (row.blameless and is_passed_on(row))
            for row in rows
        ),
        in_flight_s=held_s,
        backend_calls=sum(row.backend_calls for row in rows),
        trips=sum(change.is_trip for change in run.changes),
        mean_response_s=held_s / len(rows),
    )


def run_task(task: Task) -> list[RunResult]:
    """Run a task. The same wherever it runs."""
    return [
        RunResult(piece.point, seed, fold_run(simulate(piece.scenario, piece.arm, seed)))
        for piece in task
        for seed in piece.seeds
    ]
