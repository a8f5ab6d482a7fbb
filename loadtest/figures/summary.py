"""Fold the rows of a run into figures. Pure: the same rows give the same summary, on any day."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.figures.openings import false_positives, recovery_delay, wrong_refusals
from loadtest.scenario.figure_names import OUTCOMES, PHASE_FIGURES, QUANTILES, SERVED, STATES
from loadtest.scenario.phases import groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row, StateChange
    from loadtest.scenario.phases import Span


def fold(arm: Measured, phases: Sequence[Span] = ()) -> dict[str, Any]:
    """Return the figures of one arm, as DESIGN.md section 4 names them; `runs` has the main ones seed by seed.

    With `phases` there are figures of each group of them, too; where a policy was tried in the shadow, what it would
    have refused.
    """
    rows = arm.rows
    figures = _figures(arm)
    return {
        **figures,
        "served": _counts(rows, "served", SERVED),
        "latency_s": _by_outcome(rows, "duration_s"),
        "intended_latency_s": _by_outcome(rows, "intended_latency_s"),
        "transitions": [_without_arm(change) for change in arm.changes],
        "time_in_state_s": time_in_state(arm),
        "half_open": _half_open(rows),
        "false_positives": false_positives(arm),
        "recovery_delay_s": recovery_delay(arm),
        **({"phases": _by_phase(rows, phases)} if phases else {}),
        **_shadow(arm),
        "runs": [_run(arm.of_seed(seed), seed, phases) for seed in arm.seeds],
    }


def _run(arm: Measured, seed: int, phases: Sequence[Span]) -> dict[str, Any]:
    by_phase = {"phases": _by_phase(arm.rows, phases)} if phases else {}
    return {"seed": seed, **_figures(arm), **by_phase}


def _by_phase(rows: Sequence[Row], phases: Sequence[Span]) -> dict[str, dict[str, Any]]:
    found = sort_rows(rows, phases)
    return {name: _of_phase(found[name]) for name in groups(phases)}


def _of_phase(rows: Sequence[Row]) -> dict[str, Any]:
    figures = _of_rows(rows)
    return {
        "requests": figures["requests"],
        "outcomes": figures["outcomes"],
        **{name: figures[name] for name in PHASE_FIGURES[1:]},
        "false_positives": {"fast_fails": wrong_refusals(rows)},
    }


def _shadow(arm: Measured) -> dict[str, Any]:
    """Count the calls that the tried policy would have refused, and those of them that succeeded."""
    tried = [record.shadow for record in arm.records if record.shadow]
    if not tried:
        return {}
    would = {
        "would_refuse": sum(sum(each.values()) for each in tried),
        "of_which_succeeded": sum(each.get("success", 0) for each in tried),
    }
    return {"shadow": would}


def _figures(arm: Measured) -> dict[str, Any]:
    return {
        **_of_rows(arm.rows),
        # Told at an arm's end: of one that was cut off nobody knows.
        "backend_busy_s": sum(record.backend_busy_s for record in arm.records) if arm.records else None,
        "client_cpu_s": sum(record.client_cpu_s for record in arm.records) if arm.records else None,
        "trips": sum(change.before == "closed" and change.after == "open" for change in arm.changes),
    }


def _of_rows(rows: Sequence[Row]) -> dict[str, Any]:
    outcomes = _counts(rows, "outcome", OUTCOMES)
    total, calls = len(rows), sum(row.backend_calls for row in rows)
    called = [row for row in rows if row.backend_calls]
    return {
        "requests": total,
        "outcomes": outcomes,
        "success_rate": _share(outcomes["ok"], total),
        "backend_calls": calls,
        "backend_success_rate": _share(outcomes["ok"], calls),
        "fast_fail_rate": _share(outcomes["fast_fail"], total),
        "timeout_rate": _share(outcomes["timeout"], total),
        "mean_response_s": _share(sum(row.duration_s for row in rows), total),
        "mean_backend_response_s": _share(sum(row.duration_s for row in called), len(called)),
        "in_flight_s": sum(row.duration_s for row in rows),
    }


def state_bands(arm: Measured, seed: int) -> list[tuple[str, float, float]]:
    """Return (state, from, to) over one seed's time."""
    duration_s = arm.duration_s(seed)
    changes = arm.of_seed(seed).changes
    times = [0.0, *(min(change.at_s, duration_s) for change in changes), duration_s]
    states = [_first_state(arm, seed, changes), *(change.after for change in changes)]
    return [(state, start, end) for state, (start, end) in zip(states, pairwise(times), strict=True)]


def _first_state(arm: Measured, seed: int, changes: Sequence[StateChange]) -> str:
    """Return the state that the first change left; where nothing changed, the one that requests met."""
    if changes:
        return changes[0].before
    return next((row.state for row in arm.of_seed(seed).rows if row.state), "closed")


def time_in_state(arm: Measured) -> dict[str, float]:
    """Return seconds in each state, over all seeds."""
    spent = dict.fromkeys(STATES, 0.0)
    for seed in arm.seeds:
        for state, start, end in state_bands(arm, seed):
            spent[state] += end - start
    return spent


def _half_open(rows: Sequence[Row]) -> dict[str, int]:
    probes = [row for row in rows if row.state == "half-open" and row.outcome != "fast_fail"]
    return {"probes": len(probes), "successes": sum(row.outcome == "ok" for row in probes)}


def _by_outcome(rows: Sequence[Row], field: str) -> dict[str, dict[str, float]]:
    """Return quantiles in seconds for `all` and for each outcome that occurred, by linear interpolation."""
    groups = {"all": [getattr(row, field) for row in rows]}
    groups |= {name: [getattr(row, field) for row in rows if row.outcome == name] for name in OUTCOMES}
    return {
        name: dict(zip(QUANTILES, np.quantile(times, list(QUANTILES.values())).tolist(), strict=True))
        for name, times in groups.items()
        if times
    }


def _counts(rows: Sequence[Row], field: str, names: Sequence[str]) -> dict[str, int]:
    found = Counter(getattr(row, field) for row in rows)
    return {name: found[name] for name in names}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _without_arm(change: StateChange) -> dict[str, Any]:
    values = asdict(change)
    del values["arm"]
    return values


def sort_rows(rows: Iterable[Row], found: Sequence[Span]) -> dict[str, list[Row]]:
    """Return the rows of each group, by the time at which they were to be sent: the same requests in every arm."""
    sorted_rows: dict[str, list[Row]] = {name: [] for name in groups(found)}
    for row in rows:
        sorted_rows[next(span.group for span in found if row.intended_s < span.end_s)].append(row)
    return sorted_rows
