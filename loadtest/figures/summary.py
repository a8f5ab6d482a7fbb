"""Fold the rows of a run into figures. Pure: the same rows give the same summary, on any day."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from client.breakers.interface import State
from client.pipeline.call import Outcome, Served
from loadtest.figures.openings import false_positives, recovery_delay, wrong_refusals
from loadtest.records.summary import ArmSummary, RunFigures, ShadowFigures
from loadtest.scenario.arm_figures import (
    PhaseFigures,
    ProbeFigures,
    Quantiles,
    RequestFigures,
    TotalFigures,
    TransitionFigure,
    WrongRefusals,
)
from loadtest.scenario.phases import groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from enum import StrEnum

    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row, StateChange
    from loadtest.scenario.phases import Span

    Word = TypeVar("Word", bound=StrEnum)

# The fields of Quantiles.
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}

# Read once: looking up a member of an enum takes longer than comparing with it, and this is done for every row.
_OK, _ERROR, _FAST_FAIL = Outcome.OK, Outcome.ERROR, Outcome.FAST_FAIL
_CLOSED, _HALF_OPEN = State.CLOSED, State.HALF_OPEN


def fold(arm: Measured, phases: Sequence[Span] = ()) -> ArmSummary:
    """Return the figures of one arm; `runs` has the main ones seed by seed.

    With `phases` there are figures of each group of them, too; where a policy was tried in the shadow, what it would
    have refused.
    """
    rows = arm.rows
    return ArmSummary(
        **vars(_fold_totals(arm)),
        served=_count_words(rows, "served", Served),
        latency_s=_quantiles_by_outcome(rows, "duration_s"),
        intended_latency_s=_quantiles_by_outcome(rows, "intended_latency_s"),
        transitions=[
            TransitionFigure(each.seed, each.at_s, each.before, each.after, each.cause, each.fail_count)
            for each in arm.changes
        ],
        time_in_state_s=time_in_state(arm),
        half_open=_count_probes(rows),
        false_positives=false_positives(arm),
        recovery_delay_s=recovery_delay(arm),
        phases=_fold_phases(rows, phases),
        shadow=_count_shadow(arm),
        runs=[_fold_run(arm.of_seed(seed), seed, phases) for seed in arm.seeds],
    )


def _fold_run(arm: Measured, seed: int, phases: Sequence[Span]) -> RunFigures:
    return RunFigures(seed=seed, **vars(_fold_totals(arm)), phases=_fold_phases(arm.rows, phases))


def _fold_phases(rows: Sequence[Row], phases: Sequence[Span]) -> dict[str, PhaseFigures] | None:
    by_group = sort_rows(rows, phases)
    return {name: _fold_phase(by_group[name]) for name in groups(phases)} if phases else None


def _fold_phase(rows: Sequence[Row]) -> PhaseFigures:
    figures = _fold_rows(rows)
    alike = {each.name: getattr(figures, each.name) for each in fields(PhaseFigures) if each.name != "false_positives"}
    return PhaseFigures(**alike, false_positives=WrongRefusals(wrong_refusals(rows)))


def _count_shadow(arm: Measured) -> ShadowFigures | None:
    """Count the calls that the tried policy would have refused, and those of them that succeeded."""
    tried = [record.shadow for record in arm.records if record.shadow]
    if not tried:
        return None
    return ShadowFigures(
        would_refuse=sum(sum(each.values()) for each in tried),
        of_which_succeeded=sum(each.get("success", 0) for each in tried),
    )


def _fold_totals(arm: Measured) -> TotalFigures:
    return TotalFigures(
        **vars(_fold_rows(arm.rows)),
        # Reported at an arm's end: of one that was cut off nobody knows.
        backend_busy_s=sum(record.backend_busy_s for record in arm.records) if arm.records else None,
        client_cpu_s=sum(record.client_cpu_s for record in arm.records) if arm.records else None,
        trips=sum(change.is_trip for change in arm.changes),
    )


def _fold_rows(rows: Sequence[Row]) -> RequestFigures:
    outcomes = _count_words(rows, "outcome", Outcome)
    total, calls = len(rows), sum(row.backend_calls for row in rows)
    called = [row for row in rows if row.backend_calls]
    return RequestFigures(
        requests=total,
        outcomes=outcomes,
        answered_4xx=sum(map(is_passed_on, rows)),
        success_rate=_share(outcomes[_OK], total),
        backend_calls=calls,
        backend_success_rate=_share(outcomes[_OK], calls),
        fast_fail_rate=_share(outcomes[_FAST_FAIL], total),
        timeout_rate=_share(outcomes[Outcome.TIMEOUT], total),
        mean_response_s=_share(sum(row.duration_s for row in rows), total),
        mean_backend_response_s=_share(sum(row.duration_s for row in called), len(called)),
        in_flight_s=sum(row.duration_s for row in rows),
    )


def is_passed_on(row: Row) -> bool:
    """Whether the caller got an error of the backend's as it was: a 4xx."""
    return 400 <= row.status < 500 and row.outcome == _ERROR


def state_bands(arm: Measured, seed: int) -> list[tuple[str, float, float]]:
    """Return (state, from, to) over one seed's time, in seconds."""
    duration_s = arm.duration_s(seed)
    changes = arm.of_seed(seed).changes
    times = [0.0, *(min(change.at_s, duration_s) for change in changes), duration_s]
    states = [_first_state(arm, seed, changes), *(change.after for change in changes)]
    return [(state, start, end) for state, (start, end) in zip(states, pairwise(times), strict=True)]


def _first_state(arm: Measured, seed: int, changes: Sequence[StateChange]) -> str:
    """Return the state that the first change left; where nothing changed, the one that requests met."""
    if changes:
        return changes[0].before
    return next((row.state for row in arm.of_seed(seed).rows if row.state), _CLOSED)


def time_in_state(arm: Measured) -> dict[State, float]:
    """Return seconds in each state, over all seeds."""
    spent = dict.fromkeys(State, 0.0)
    for seed in arm.seeds:
        for state, start, end in state_bands(arm, seed):
            spent[State(state)] += end - start
    return spent


def _count_probes(rows: Sequence[Row]) -> ProbeFigures:
    probes = [row for row in rows if row.state == _HALF_OPEN and row.outcome != _FAST_FAIL]
    return ProbeFigures(probes=len(probes), successes=sum(row.outcome == _OK for row in probes))


def _quantiles_by_outcome(rows: Sequence[Row], field: str) -> dict[Literal["all"] | Outcome, Quantiles]:
    """Return quantiles in seconds for each outcome that occurred, `ok` first, and `all`, by linear interpolation."""
    times: dict[Literal["all"] | Outcome, list[float]] = {
        name: [getattr(row, field) for row in rows if row.outcome == name]
        for name in sorted(Outcome, key=lambda name: name != _OK)
    }
    times["all"] = [getattr(row, field) for row in rows]
    return {
        name: Quantiles(**dict(zip(_QUANTILES, np.quantile(each, [*_QUANTILES.values()]).tolist(), strict=True)))
        for name, each in times.items()
        if each
    }


def _count_words(rows: Sequence[Row], field: str, words: type[Word]) -> dict[Word, int]:
    counts: Counter[Any] = Counter(getattr(row, field) for row in rows)
    return {word: counts[word] for word in words}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def sort_rows(rows: Iterable[Row], phases: Sequence[Span]) -> dict[str, list[Row]]:
    """Return the rows of each group, by the time at which they were to be sent: the same requests in every arm."""
    sorted_rows: dict[str, list[Row]] = {name: [] for name in groups(phases)}
    for row in rows if phases else ():
        sorted_rows[next(span.group for span in phases if row.intended_s < span.end_s)].append(row)
    return sorted_rows
