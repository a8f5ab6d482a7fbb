"""The same seeds give the same rows, release after release: hashes of every arm that version 0.1.0 had.

New arms and scenarios do not belong here; these hashes change only with a reason that the changelog gives.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from loadtest.engines.virtual.simulate import simulate
from loadtest.scenario import files

FIELDS = (
    *("arm", "seed", "id", "intended_s", "sent_s", "duration_s"),
    *("outcome", "served", "state", "fail_count", "would_have"),
)
KEPT: dict[str, str] = json.loads(Path(__file__).with_name("rows_kept.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("which", KEPT)
def test_the_same_seed_gives_the_same_rows(which: str) -> None:
    """Field by field, to the last digit."""
    name, arm, seed = which.split("/")
    scenario, _ = files.read(name)
    rows = simulate(scenario, arm, int(seed)).rows
    lines = (json.dumps([getattr(row, field) for field in FIELDS]) + "\n" for row in rows)

    assert sha256("".join(lines).encode()).hexdigest() == KEPT[which]


def test_they_are_of_three_scenarios_and_three_seeds() -> None:
    """Each arm with each seed."""
    arms = {(name, arm) for name, arm, _ in (which.split("/") for which in KEPT)}

    assert {name for name, _ in arms} == {"experiment-1", "experiment-2", "policies"}
    assert len(KEPT) == 3 * len(arms)
