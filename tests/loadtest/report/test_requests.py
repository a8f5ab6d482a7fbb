"""What the interactive picture of a report gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loadtest.figures.finished import measure_run
from loadtest.report import requests
from loadtest.report.requests import as_script, requests_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine"
load = [{ requests = 20, rate_per_s = 2 }]
[[faults.phases]]
duration_s = 3
profile = { sequence = "FFFFFSSS", latency = { mean_s = 0.2 } }
name = "storm"
[[faults.phases]]
profile = { latency = { mean_s = 0.2 } }
[arms.off.breaker]
policy = "off"
[arms.with.breaker]
fail_max = 2
reset_timeout = 2
"""


def test_every_request_is_there_with_what_became_of_it(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """As lists of one length; words by their place; bands for an arm with a breaker, and the disturbances."""
    done = measure_run(new_run(tmp_path, TEXT))

    data = requests_of(done)

    [off, guarded] = data["seeds"][0]["arms"]
    rows = done.arms[1].rows
    assert guarded["id"] == [row.id for row in rows]
    assert [list(data["outcomes"])[place] for place in guarded["outcome"]] == [row.outcome for row in rows]
    assert [list(data["states"])[place] for place in guarded["state"]] == [row.state for row in rows]
    assert [data["served"][place] for place in guarded["served"]] == [row.served for row in rows]
    assert guarded["sent_ms"] == [round(1000 * row.sent_s) for row in rows]
    assert [state for state, _, _ in guarded["bands"]][:2] == ["open", "half-open"]
    assert (off["bands"], off["guarded"], off["marks"]) == ([], False, [["storm", 0.0, 3]])
    assert (data["every"], data["seeds_left_out"]) == (1, 0)


def test_a_large_run_is_thinned_out_and_says_so(
    tmp_path: Path, new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every n-th request of each arm alike, and as many seeds as there is room for."""
    monkeypatch.setattr(requests, "MOST_SHOWN", 12)
    monkeypatch.setattr(requests, "MOST_KEPT", 25)

    data = requests_of(measure_run(new_run(tmp_path, TEXT, [1, 2, 3])))

    assert (data["every"], data["seeds_left_out"]) == (4, 1)
    assert [[arm["id"] for arm in seed["arms"]] for seed in data["seeds"]] == [[[4, 8, 12, 16, 20]] * 2] * 2


def test_of_many_seeds_the_first_are_there(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """The choice of seeds stays one that fits a page."""
    data = requests_of(measure_run(new_run(tmp_path, TEXT, range(1, 31))))

    assert ([each["seed"] for each in data["seeds"]], data["seeds_left_out"]) == (list(range(1, 21)), 10)


def test_a_run_without_rows_has_an_empty_picture(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """Cut off before its first request."""
    data = requests_of(measure_run(new_run(tmp_path, TEXT, only=[], complete=False)))

    assert [arm["id"] for arm in data["seeds"][0]["arms"]] == [[], []]


def test_nothing_ends_the_script_element() -> None:
    """Whatever a name holds, it stays a string of JSON."""
    text = as_script({"arm": "</script><!--"})

    assert "<" not in text
    assert json.loads(text) == {"arm": "</script><!--"}
