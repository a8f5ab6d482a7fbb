"""Everything that one arm of a run left behind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadtest.records.rows import ArmRecord, Row, Sample, StateChange


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
        return self._parts.get(seed) or Measured(self.arm, [], [], [], [])

    @cached_property
    def _parts(self) -> dict[int, Measured]:
        """Sort everything by seed once: of a thousand seeds each is asked for several times."""
        parts: dict[int, tuple[list[Any], ...]] = {}
        kinds: tuple[Sequence[Any], ...] = (self.rows, self.changes, self.samples, self.records)
        for place, records in enumerate(kinds):
            for record in records:
                if record.seed not in parts:
                    parts[record.seed] = ([], [], [], [])
                parts[record.seed][place].append(record)
        return {seed: Measured(self.arm, *lists) for seed, lists in parts.items()}

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
        return sorted(seed for seed, part in self._parts.items() if part.rows)

    def duration_s(self, seed: int) -> float:
        """Length of the arm: as recorded, or up to the last answer where the arm was cut off."""
        part = self.of_seed(seed)
        recorded = next((record.duration_s for record in part.records), None)
        return recorded or max((row.end_s for row in part.rows), default=0.0)


def gather_arms(
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
