"""Cut a sweep into tasks of about a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.studies.many_runs.work import Piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loadtest.studies.many_runs.work import Task
    from loadtest.studies.sweep.plan import Plan

# About a second of work, so that little is lost with an interruption and little spent on handing out.
_REQUESTS_A_TASK = 10_000


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
