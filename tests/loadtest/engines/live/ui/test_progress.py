"""What the Breaker tab gets while a run goes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from loadtest.engines.live.ui.progress import MOST_COLUMNS, Progress
from loadtest.records import rows, run_folder
from loadtest.records.rows import Row, Sample, StateChange
from loadtest.scenario import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine"
load = [{ requests = 4, rate_per_s = 1 }]
[arms.without.breaker]
policy = "off"
[arms.with]
"""


def row(arm: str, number: int, outcome: str, state: str, at_s: float = 0.0, failures: int = 0) -> Row:
    """Make a request that took half a second."""
    return Row(arm, 1, number, at_s, at_s, 0.5, 200, outcome, "fresh", state, failures, 1, 1, "ok")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = files.parse(TEXT, "mine.toml")
    return run_folder.create(tmp_path, found, TEXT, "live", ["without", "with"], [1])


def add(path: Path, *records: rows.Record) -> None:
    with path.open("a", encoding="utf-8") as file:
        for record in records:
            rows.write(file, record)


def now(progress: Progress, *names: str) -> list[Any]:
    progress.read_news()
    shown = progress.snapshot()
    return [shown[name] for name in names]


def test_before_the_first_request(folder: RunFolder) -> None:
    """Nothing is known but what was asked for."""
    shown = now(Progress(folder), "scenario", "engine", "arm", "state", "done", "planned", "transitions", "chart")

    assert shown == ["mine", "live", "without", "none", 0, 8, [], []]


def test_a_run_as_it_goes(folder: RunFolder) -> None:
    """State, time in it, failures, transitions and counts follow the files; a line half written waits."""
    progress = Progress(folder)
    add(folder.requests, row("without", 1, "error", "closed"), row("without", 2, "timeout", "closed", 1.0))
    assert now(progress, "arm", "arm_number", "state", "done") == ["without", 1, "none", 2]

    add(folder.requests, row("with", 1, "error", "closed", 0.0, 1))
    with folder.requests.open("a", encoding="utf-8") as file:
        file.write('{"arm": "with", ')
    assert now(progress, "arm", "arm_number", "state", "failures", "done") == ["with", 2, "closed", 1, 3]

    trip = StateChange("with", 1, 1.5, "closed", "open", "fail_max reached", 5)
    add(folder.transitions, trip)
    add(folder.samples, Sample("with", 1, 2.5, "open", 1, 0))
    shown = now(progress, "state", "state_for_s", "failures", "transition_count", "counts", "outcomes")
    assert shown == [
        *("open", 1.0, 5, 1),
        [
            {"arm": "without", "ok": 0, "error": 1, "timeout": 1, "fast_fail": 0},
            {"arm": "with", "ok": 0, "error": 1, "timeout": 0, "fast_fail": 0},
        ],
        ["ok", "error", "timeout", "fast_fail"],
    ]
    assert progress.snapshot()["transitions"][0]["cause"] == "fail_max reached"


def test_a_state_in_between_two_samples_is_not_guessed(folder: RunFolder) -> None:
    """A sample that saw the breaker move keeps the last state that is known."""
    progress = Progress(folder)
    add(folder.samples, Sample("with", 1, 0.5, "open", 1, 0), Sample("with", 1, 0.7, "changing", 1, 0))

    assert now(progress, "state") == ["open"]


def test_the_chart_has_every_request_once_in_the_time_it_ended(
    new_run: Callable[..., RunFolder], tmp_path: Path
) -> None:
    """Columns add up to the counts, series by series, and their number is bounded however long the run is."""
    text = TEXT.replace("requests = 4, rate_per_s = 1", "requests = 900, rate_per_s = 1").replace(
        "[arms.with]", '[arms.with]\nbreaker = {fail_max = 2, reset_timeout = 5}\n[faults]\nsequence = "FFFSSS"'
    )
    told: list[dict[str, Any]] = []
    progress = Progress(new_run(tmp_path, text), told.append)

    counts, chart, width = now(progress, "counts", "chart", "column_s")

    for arm, series in zip(counts, chart, strict=True):
        assert {name: sum(columns) for name, columns in series["series"].items()} == {
            name: count for name, count in arm.items() if name != "arm"
        }
    assert sum(len(each["series"]["ok"]) for each in chart) <= MOST_COLUMNS + 2
    assert (width, len(told)) == (10, 1800)
    states = chart[1]["states"]
    assert [states[0][0], states[1][0], states[2][0]] == ["closed", "open", "half-open"]
    assert all(end == start for (_, _, end), (_, start, _) in pairwise(states))
    assert chart[0]["states"] == []
