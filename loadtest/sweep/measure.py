"""What a worker does: run some seeds of one point, and keep a few figures of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from loadtest.openings import wrong_refusals
from loadtest.virtual.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loadtest.scenario import Scenario
    from loadtest.summary import Measured
    from loadtest.sweep.plan import Plan

# About a second of work, so that little is lost with an interruption and little spent on handing out.
_REQUESTS_A_TASK = 10_000


class Figures(NamedTuple):
    """One run.

    `good`: requests that the backend would have answered; `false_positives`: those of them that were refused;
    `bad_calls`: calls let through that failed or timed out.
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


class Result(NamedTuple):
    """What one run gave."""

    point: int
    seed: int
    figures: Figures


def figures_of(run: Measured) -> Figures:
    """Fold one run into its figures."""
    rows = run.rows
    held_s = sum(row.duration_s for row in rows)
    return Figures(
        requests=len(rows),
        good=sum(row.would_have == "ok" for row in rows),
        ok=sum(row.outcome == "ok" for row in rows),
        fast_fail=sum(row.outcome == "fast_fail" for row in rows),
        false_positives=wrong_refusals(rows),
        bad_calls=sum(row.backend_calls > 0 and row.outcome in ("error", "timeout") for row in rows),
        in_flight_s=held_s,
        backend_calls=sum(row.backend_calls for row in rows),
        trips=sum(change.before == "closed" and change.after == "open" for change in run.changes),
        mean_response_s=held_s / len(rows),
    )


def work(task: Task) -> list[Result]:
    """Run a task. The same wherever it runs."""
    return [
        Result(piece.point, seed, figures_of(simulate(piece.scenario, piece.arm, seed)))
        for piece in task
        for seed in piece.seeds
    ]


def tasks(plan: Plan, done: Iterable[tuple[int, int]] = ()) -> Iterator[Task]:
    """Cut into tasks what is not among `done`, pairs of point and seed."""
    most = max(1, _REQUESTS_A_TASK * plan.runs // plan.requests)
    known = set(done)
    task: list[Piece] = []
    room = most
    for index, point in enumerate(plan.points):
        seeds = [seed for seed in plan.seeds if (index, seed) not in known]
        while seeds:
            task.append(Piece(index, point.scenario, point.arm, tuple(seeds[:room])))
            seeds, room = seeds[room:], room - len(seeds[:room])
            if room == 0:
                yield tuple(task)
                task, room = [], most
    if task:
        yield tuple(task)
