"""How a ratio is taken and reported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.ratio import Ratio, write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_ratio_is_the_median_of_neighbours() -> None:
    """A moment in which the machine is slow hits both sides of its repeat, and not the ratio."""
    ratio = Ratio("ours", "theirs", "us", (2.0, 20.0, 3.0), (1.0, 10.0, 2.0))

    assert ratio.median_ratio == 2.0


def test_the_table_and_the_file_say_the_same(tmp_path: Path) -> None:
    """Medians, units and ratio of each, and the notes."""
    ratios = [Ratio("ours", "theirs", "us", (1.0, 2.0, 3.0), (4.0, 4.0, 4.0), at_most=0.4)]
    text = write(tmp_path, ratios, ["measured by hand"])
    kept = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))

    assert "| ours | 2 us | theirs | 4 us | 0.50 | at most 0.4 | **short** |" in text
    assert "- measured by hand" in text
    assert (tmp_path / "bench.md").read_text(encoding="utf-8") == text
    assert [(each["ratio"], each["reached"]) for each in kept["figures"]] == [(0.5, False)]


@pytest.mark.parametrize(
    ("bounds", "reached", "words"),
    [
        ({}, None, ""),
        ({"at_most": 0.5}, True, "at most 0.5"),
        ({"at_most": 0.49}, False, "at most 0.49"),
        ({"at_least": 0.5}, True, "at least 0.5"),
        ({"at_least": 0.51}, False, "at least 0.51"),
        ({"at_most": 2, "below": 2.1}, True, "at most 2, below 2.1 ms"),
        ({"at_most": 2, "below": 2.0}, False, "at most 2, below 2 ms"),
    ],
)
def test_a_ratio_knows_whether_it_has_reached_its_bounds(
    bounds: dict[str, float], reached: bool | None, words: str
) -> None:
    """Bounds of the ratio hold at equality; below is below."""
    ratio = Ratio("ours", "theirs", "ms", (2.0,), (4.0,), **bounds)

    assert (ratio.reached, ratio.bounds) == (reached, words)
