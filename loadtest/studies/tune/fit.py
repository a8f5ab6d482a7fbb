"""What the rebuilt pattern looks like beside the recorded one, and what the breakers do over its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.engines.virtual.simulate import simulate
from loadtest.studies.tune.rebuild import bin_edges
from loadtest.studies.tune.runner import ARM
from loadtest.studies.tune.search import FIRST_SEED, OFF
from loadtest.studies.tune.statuses import ERROR, OK, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.problem import Problem
    from loadtest.studies.tune.runner import Runner

    Array = np.ndarray[Any, np.dtype[np.float64]]

_SHOWN_BINS = 260
_SEEDS = 3


@dataclass(frozen=True)
class Course:
    """Over time: requests a second, share that failed, mean seconds, share refused."""

    edges: Array
    rate: Array
    failed: Array
    mean_s: Array
    refused: Array


@dataclass(frozen=True)
class PartCourses:
    """One part: as recorded, as rebuilt without a breaker (one for each of some seeds), and with breakers."""

    part: str
    from_s: float
    recorded: Course | None
    rebuilt: tuple[Course, ...]
    with_breaker: dict[PolicySettings, Course]
    figures: dict[str, tuple[float, float]] | None


def simulate_part(problem: Problem, runner: Runner, part: str, breakers: Sequence[PolicySettings]) -> PartCourses:
    """Simulate a part again, and keep its course."""
    seeds = [FIRST_SEED[part] + index for index in range(_SEEDS)]
    runs = {seed: _run(runner, part, OFF, seed) for seed in seeds}
    recorded = problem.parts[part] if problem.parts else None
    last_s = max(float(times.max()) for times, _, _ in runs.values())
    length_s = recorded.end_s - recorded.start_s if recorded else last_s + 1
    count = problem.requests(part)
    edges = np.linspace(0, length_s, min(_SHOWN_BINS, len(bin_edges(length_s, count, 12)) - 1) + 1)
    rebuilt = tuple(_course(edges, columns) for columns in runs.values())
    shown = {each: _course(edges, _run(runner, part, each, seeds[0])) for each in dict.fromkeys(breakers)}
    if recorded is None:
        return PartCourses(part, 0.0, None, rebuilt, shown, None)
    log = recorded.log
    columns = log.start_s, log.outcome, log.duration_s
    simulated = [_figures(each) for each in runs.values()]
    figures = {
        name: (value, float(np.mean([each[name] for each in simulated]))) for name, value in _figures(columns).items()
    }
    return PartCourses(part, recorded.start_s, _course(edges, columns), rebuilt, shown, figures)


def distance(courses: PartCourses) -> float | None:
    """Return by how much the recorded and the rebuilt share of failures differ, on average over time."""
    if courses.recorded is None:
        return None
    rebuilt = np.mean([each.failed for each in courses.rebuilt], axis=0)
    there = courses.recorded.rate > 0
    return float(np.mean(np.abs(courses.recorded.failed - rebuilt)[there]))


def _run(runner: Runner, part: str, breaker: PolicySettings, seed: int) -> tuple[Any, Any, Any]:
    """Return times, outcomes and durations of one run; its rows, which take a lot of memory, are not kept."""
    rows = simulate(runner.scenario(part, breaker), ARM, seed).rows
    codes = {"ok": OK, "error": ERROR, "timeout": TIMEOUT}
    return (
        np.array([row.sent_s for row in rows]),
        np.array([codes.get(row.outcome, -1) for row in rows]),
        np.array([row.duration_s for row in rows]),
    )


def _course(edges: Array, columns: tuple[Any, Any, Any]) -> Course:
    times, outcome, duration_s = columns
    times = np.minimum(times, edges[-1])

    def per_bin(weights: Array) -> Array:
        return np.asarray(np.histogram(times, edges, weights=weights)[0], dtype=np.float64)

    count = per_bin(np.ones(len(times)))
    some = np.maximum(count, 1)
    failed = per_bin(((outcome == ERROR) | (outcome == TIMEOUT)).astype(float)) / some
    refused = per_bin((outcome == -1).astype(float)) / some
    return Course(edges, count / np.diff(edges), failed, per_bin(duration_s) / some, refused)


def _figures(columns: tuple[Any, Any, Any]) -> dict[str, float]:
    _, outcome, duration_s = columns
    failed = outcome != OK
    starts = np.flatnonzero(failed & ~np.concatenate(([False], failed[:-1])))
    ends = np.flatnonzero(failed & ~np.concatenate((failed[1:], [False])))
    runs = ends - starts + 1
    return {
        "requests": float(len(outcome)),
        "errors, %": 100 * float(np.mean(outcome == ERROR)),
        "timeouts, %": 100 * float(np.mean(outcome == TIMEOUT)),
        "failures in a row, mean": float(runs.mean()) if len(runs) else 0.0,
        "failures in a row, most": float(runs.max()) if len(runs) else 0.0,
        "seconds a request, mean": float(duration_s.mean()),
        "seconds a request, 95th of 100": float(np.quantile(duration_s, 0.95)),
    }
