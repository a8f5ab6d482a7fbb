"""Fold the rows of a run into figures. Pure: the same rows give the same summary, on any day."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadtest.rows import ArmRecord, Row, Sample, StateChange

OUTCOMES = ("ok", "error", "timeout", "fast_fail", "rejected", "cancelled")
SERVED = ("fresh", "stale", "fallback", "nothing")
STATES = ("closed", "open", "half-open")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def figure_names() -> list[str]:
    """Every figure of an arm's summary, as a dotted path; `transitions` stands for how many there are."""
    plain = (
        *("requests", "success_rate", "backend_calls", "backend_success_rate", "fast_fail_rate", "timeout_rate"),
        *(
            "mean_response_s",
            "mean_backend_response_s",
            "in_flight_s",
            "backend_busy_s",
            "client_cpu_s",
            "trips",
            "transitions",
        ),
        "recovery_delay_s",
    )
    parts: dict[str, Sequence[str]] = {
        "outcomes": OUTCOMES,
        "served": SERVED,
        "time_in_state_s": STATES,
        "half_open": ("probes", "successes"),
        "false_positives": ("fast_fails", "trips"),
        **{
            f"{kind}.{name}": tuple(QUANTILES)
            for kind in ("latency_s", "intended_latency_s")
            for name in ("all", *OUTCOMES)
        },
    }
    return [*plain, *(f"{group}.{name}" for group, names in parts.items() for name in names)]


@dataclass(frozen=True)
class Measured:
    """Everything that one arm left behind, over all its seeds."""

    arm: str
    rows: Sequence[Row]
    changes: Sequence[StateChange]
    samples: Sequence[Sample]
    records: Sequence[ArmRecord]

    def of_seed(self, seed: int) -> Measured:
        """Return the part of one seed."""
        return self.of_seeds({seed})

    def of_seeds(self, seeds: set[int]) -> Measured:
        """Return the part of some seeds."""
        return Measured(
            self.arm,
            [row for row in self.rows if row.seed in seeds],
            [change for change in self.changes if change.seed in seeds],
            [sample for sample in self.samples if sample.seed in seeds],
            [record for record in self.records if record.seed in seeds],
        )

    @property
    def seeds(self) -> list[int]:
        """Seeds of which there is at least one row."""
        return sorted({row.seed for row in self.rows})

    def duration_s(self, seed: int) -> float:
        """Length of the arm: as recorded, or up to the last answer where the arm was cut off."""
        recorded = next((record.duration_s for record in self.records if record.seed == seed), None)
        return recorded or max((row.end_s for row in self.rows if row.seed == seed), default=0.0)


def gather(
    arms: Sequence[str],
    rows: Iterable[Row],
    changes: Iterable[StateChange],
    samples: Iterable[Sample],
    records: Iterable[ArmRecord],
) -> list[Measured]:
    """Sort what a run left behind by arm; rows by seed and id."""
    all_rows = sorted(rows, key=lambda row: (row.seed, row.id))
    all_changes, all_samples, all_records = list(changes), list(samples), list(records)
    return [
        Measured(
            arm,
            [row for row in all_rows if row.arm == arm],
            [change for change in all_changes if change.arm == arm],
            [sample for sample in all_samples if sample.arm == arm],
            [record for record in all_records if record.arm == arm],
        )
        for arm in arms
    ]


def fold(arm: Measured) -> dict[str, Any]:
    """Return the figures of one arm, as DESIGN.md section 4 names them; `runs` has the main ones seed by seed."""
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
        "false_positives": _false_positives(arm),
        "recovery_delay_s": _recovery_delay(arm),
        "runs": [{"seed": seed, **_figures(arm.of_seed(seed))} for seed in arm.seeds],
    }


def _figures(arm: Measured) -> dict[str, Any]:
    rows = arm.rows
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
        "backend_busy_s": sum(record.backend_busy_s for record in arm.records),
        "client_cpu_s": sum(record.client_cpu_s for record in arm.records),
        "trips": sum(change.before == "closed" and change.after == "open" for change in arm.changes),
    }


def state_bands(changes: Sequence[StateChange], duration_s: float) -> list[tuple[str, float, float]]:
    """Return (state, from, to) over one seed's time; every arm starts closed."""
    times = [0.0, *(min(change.at_s, duration_s) for change in changes), duration_s]
    states = ["closed", *(change.after for change in changes)]
    return [(state, start, end) for state, (start, end) in zip(states, pairwise(times), strict=True)]


def time_in_state(arm: Measured) -> dict[str, float]:
    """Return seconds in each state, over all seeds."""
    spent = dict.fromkeys(STATES, 0.0)
    for seed in arm.seeds:
        changes = [change for change in arm.changes if change.seed == seed]
        for state, start, end in state_bands(changes, arm.duration_s(seed)):
            spent[state] += end - start
    return spent


def openings(arm: Measured) -> list[tuple[int, float, float | None]]:
    """Return (seed, opened, closed again or none) for each trip; an opening includes its half-open times."""
    found: list[tuple[int, float, float | None]] = []
    for seed in arm.seeds:
        opened: float | None = None
        for change in arm.changes:
            if change.seed != seed:
                continue
            if change.before == "closed" and change.after == "open":
                opened = change.at_s
            elif change.after == "closed" and opened is not None:
                found.append((seed, opened, change.at_s))
                opened = None
        if opened is not None:
            found.append((seed, opened, None))
    return found


def _refused_in(arm: Measured, seed: int, start: float, end: float | None) -> list[Row]:
    return [
        row
        for row in arm.rows
        if row.seed == seed and row.outcome == "fast_fail" and start <= row.end_s and (end is None or row.sent_s <= end)
    ]


def _false_positives(arm: Measured) -> dict[str, int]:
    """Refusals of calls that the backend would have answered; trips of which most refusals were such.

    A trip that refused nothing cannot be judged and is not counted.
    """
    wrong = sum(row.outcome == "fast_fail" and row.would_have == "ok" for row in arm.rows)
    trips = 0
    for seed, opened, closed in openings(arm):
        refused = _refused_in(arm, seed, opened, closed)
        trips += sum(row.would_have == "ok" for row in refused) > len(refused) / 2
    return {"fast_fails": wrong, "trips": trips}


def _recovery_delay(arm: Measured) -> float | None:
    """Mean time from the backend's recovery to the breaker's closing, over the openings that show both.

    The recovery is the first refusal after which every refused call of that opening would have been answered.
    """
    delays = []
    for seed, opened, closed in openings(arm):
        healthy: float | None = None
        for row in _refused_in(arm, seed, opened, closed):
            healthy = None if row.would_have != "ok" else row.sent_s if healthy is None else healthy
        if healthy is not None and closed is not None:
            delays.append(closed - healthy)
    return float(np.mean(delays)) if delays else None


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
