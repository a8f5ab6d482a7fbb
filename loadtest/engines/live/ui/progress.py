"""How far a run has come, read from its files while they grow: what the Breaker tab shows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from client.breakers.interface import State
from client.pipeline.call import Outcome
from loadtest.records.rows import CHANGING, Row, Sample, StateChange
from loadtest.records.shapes import as_json
from loadtest.records.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest.records.run_folder import RunFolder

# The outcomes of the reference document; the others are shown once there is one.
ALWAYS_SHOWN = frozenset({Outcome.OK, Outcome.ERROR, Outcome.TIMEOUT, Outcome.FAST_FAIL})
# A chart has room for this many columns.
MOST_COLUMNS = 240
# Only the newest changes of state are sent; a report has them all.
MOST_CHANGES = 100
# Requests are counted in stretches of this many seconds, and drawn in stretches of some of them.
_STEP_S = 0.2
_WIDTHS = (5, 10, 25, 50, 150, 300, 1500, 3000, 18000)
_SHORT_S = 15.0


@dataclass
class _ArmSoFar:
    """One arm with one seed."""

    at_s: float = 0.0
    columns: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    changes: list[StateChange] = field(default_factory=list)
    state: str = ""
    fail_count: int = 0
    last_end_s: float = -1.0

    def add_row(self, row: Row) -> None:
        end_s = row.end_s
        self.columns[row.outcome][int(max(0.0, end_s) / _STEP_S)] += 1
        self.at_s = max(self.at_s, end_s)
        if end_s >= self.last_end_s and row.state:
            self.last_end_s, self.fail_count = end_s, row.fail_count
            self.state = self.state or row.state

    def add_change(self, change: StateChange) -> None:
        self.changes.append(change)
        self.at_s = max(self.at_s, change.at_s)
        self.state = change.after
        self.fail_count = change.fail_count

    def add_sample(self, sample: Sample) -> None:
        self.at_s = max(self.at_s, sample.at_s)
        if sample.state != CHANGING:
            self.state = sample.state

    @property
    def state_since_s(self) -> float:
        return self.changes[-1].at_s if self.changes else 0.0


class Progress:
    """One run. Call `read_news` before `snapshot`; it holds nothing open. `on_row` gets each row once."""

    def __init__(self, folder: RunFolder, on_row: Callable[[Row], None] | None = None) -> None:
        self._on_row = on_row
        manifest, scenario = folder.manifest(), folder.scenario()
        self._about = {"scenario": scenario.name, "title": scenario.title, "engine": manifest.engine}
        self._seeds: list[int] = manifest.seeds
        self._arms: list[str] = manifest.arms
        self._guarded = {name: arm.guarded for name, arm in scenario.arms.items()}
        self._planned = sum(segment.requests for arm in self._arms for segment in scenario.load_of(arm)) * len(
            self._seeds
        )
        self._rows, self._changes = Tail(folder.requests, Row), Tail(folder.transitions, StateChange)
        self._samples = Tail(folder.samples, Sample)
        self._counts: dict[str, Counter[str]] = {arm: Counter() for arm in self._arms}
        self._so_far: dict[tuple[int, str], _ArmSoFar] = {}
        self._now: tuple[int, str] = (self._seeds[0], self._arms[0])

    def read_news(self) -> None:
        """Read what is new."""
        for change in self._changes.read_new():
            self._arm_of(change).add_change(change)
        for row in self._rows.read_new():
            self._arm_of(row).add_row(row)
            self._counts[row.arm][row.outcome] += 1
            if self._on_row is not None:
                self._on_row(row)
        for sample in self._samples.read_new():
            self._arm_of(sample).add_sample(sample)

    def _arm_of(self, record: Row | StateChange | Sample) -> _ArmSoFar:
        key = record.seed, record.arm
        if key not in self._so_far:
            self._so_far[key] = _ArmSoFar()
            self._now = key
        return self._so_far[key]

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the tab shows, as JSON."""
        seed, arm = self._now
        now = self._so_far.get(self._now, _ArmSoFar())
        names = [name for name in Outcome if name in ALWAYS_SHOWN or self._occurred(name)]
        return {
            **self._about,
            "arm": arm,
            "seed": seed,
            "arm_number": self._arms.index(arm) + 1,
            "arms": len(self._arms),
            "seed_number": self._seeds.index(seed) + 1,
            "seeds": len(self._seeds),
            "done": sum(counts.total() for counts in self._counts.values()),
            "planned": self._planned,
            "at_s": round(now.at_s, 2),
            "state": (now.state or State.CLOSED) if self._guarded[arm] else "none",
            "state_for_s": round(max(0.0, now.at_s - now.state_since_s), 1),
            "failures": now.fail_count,
            "outcomes": names,
            "counts": [{"arm": name, **{each: self._counts[name][each] for each in names}} for name in self._arms],
            **self._transitions(),
            **self._chart(seed, names),
        }

    def _occurred(self, outcome: str) -> bool:
        return any(counts[outcome] for counts in self._counts.values())

    def _transitions(self) -> dict[str, Any]:
        changes = [change for each in self._so_far.values() for change in each.changes]
        return {"transition_count": len(changes), "transitions": as_json(changes[-MOST_CHANGES:])}

    def _chart(self, seed: int, names: list[Outcome]) -> dict[str, Any]:
        """Return the requests that ended in each stretch of time, for the arms of the seed that is under way."""
        there = {arm: self._so_far[seed, arm] for arm in self._arms if (seed, arm) in self._so_far}
        length_s = sum(each.at_s for each in there.values())
        widths = (1, *_WIDTHS) if length_s <= _SHORT_S else _WIDTHS
        width = next((each for each in widths if length_s / (each * _STEP_S) <= MOST_COLUMNS), _WIDTHS[-1])
        return {
            "column_s": round(width * _STEP_S, 1),
            "chart": [
                {
                    "arm": arm,
                    "length_s": round(each.at_s, 2),
                    "series": {name: _columns(each.columns[name], width, each.at_s) for name in names},
                    "states": _states(each) if self._guarded[arm] else [],
                }
                for arm, each in there.items()
            ],
        }


def _columns(counts: Counter[int], width: int, length_s: float) -> list[int]:
    found = [0] * max(1, math.ceil(length_s / (width * _STEP_S)))
    for step, count in counts.items():
        found[min(step // width, len(found) - 1)] += count
    return found


def _states(arm: _ArmSoFar) -> list[list[Any]]:
    """Return [state, from, to] for each stretch."""
    times = [0.0, *(change.at_s for change in arm.changes), arm.at_s]
    first = arm.changes[0].before if arm.changes else arm.state or State.CLOSED
    states = [first, *(change.after for change in arm.changes)]
    return [[state, times[place], times[place + 1]] for place, state in enumerate(states)]
