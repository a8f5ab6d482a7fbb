"""How often intervals cover the truth: the study itself, and the table that is kept of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from loadtest.figures.comparison import interval
from loadtest.studies.coverage.measure import SEEDS, Source, as_json, as_table, measure_coverage, share_covered

DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize("seeds", SEEDS)
def test_where_runs_are_normal_the_coverage_is_95_percent(seeds: int) -> None:
    """At every number of seeds; resampling five of them gave 84 %."""
    drawn = np.random.default_rng(1).normal(3, 40, 3000)
    pairs = [(0.0, float(each)) for each in drawn]

    assert share_covered("in_flight_s", pairs, seeds, 1000) == pytest.approx(0.95, abs=0.02)
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx([3 - 1.9632, 3 + 1.9632], abs=1e-3)


def test_a_pool_is_measured_figure_by_figure() -> None:
    """What is the same in every run is left out; the same command gives the same table."""
    source = Source("experiment-2", "without", "with", 30)

    found = measure_coverage([source], experiments=50)

    assert [each.figure for each in found][:2] == ["success_rate", "fast_fail_rate"]
    assert all(0.5 < share <= 1 for each in found for share in each.shares)
    assert found == measure_coverage([source], experiments=50)
    assert as_table(as_json(found)).startswith("| scenario | arm | figure | 5 seeds | 10 seeds | 20 seeds | 50 seeds |")


def test_the_table_in_docs_is_that_of_the_kept_figures() -> None:
    """And what it says of them holds: `make coverage` makes both anew."""
    kept = json.loads((DOCS / "coverage.json").read_text(encoding="utf-8"))

    assert as_table(kept) in (DOCS / "reports.md").read_text(encoding="utf-8")
    assert kept["seeds"] == list(SEEDS)
    assert {each["scenario"] for each in kept["figures"]} == {"experiment-2", "policies"}
    assert np.mean([each["shares"] for each in kept["figures"]], axis=0) == pytest.approx(0.945, abs=0.015)
