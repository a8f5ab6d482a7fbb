"""A run on virtual time leaves the files of a live one, and the same ones each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from inputs.wrong_input import WrongInputError
from loadtest.commands.run import _check_engine
from loadtest.engines.live.services import Urls
from loadtest.engines.virtual import engine
from loadtest.engines.virtual.engine import run_on_virtual_time
from loadtest.experiments.finish import finish
from loadtest.records import run_folder
from loadtest.records.news import News
from loadtest.scenario import files
from loadtest.terminal.narrator import Narrator

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
name = "mine"
title = "Mine"
baseline = "without"
load = [{ requests = 40, rate_per_s = 10, arrivals = "poisson" }]

[faults]
error_rate = 0.5
latency = { distribution = "exponential", mean_s = 0.2 }
capacity = { workers = 2 }

[arms.without.breaker]
policy = "off"

[arms.with]
timeout = { total_s = 1 }
[arms.with.breaker]
policy = "throttle"
window_s = 2
"""


def run(folder: Path, seeds: list[int]) -> run_folder.RunFolder:
    found = files.parse(TEXT, "mine.toml")
    made = run_folder.create(folder, found, TEXT, "virtual", list(found.arms), seeds)
    story = Narrator(Console(quiet=True), found, list(found.arms), seeds, News(made), virtual=True, quiet=True)
    run_on_virtual_time(made, story, map)
    made.end(complete=made.has_ended())
    return made


def test_two_runs_are_the_same_to_the_byte(tmp_path: Path) -> None:
    """Rows, transitions and what was counted, also where a policy draws by chance."""
    first, second = run(tmp_path / "1", [1, 2]), run(tmp_path / "2", [1, 2])

    for name in ("requests.jsonl", "transitions.jsonl", "arms.jsonl"):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), name


def test_many_runs_in_batches_leave_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As processes write them, batch by batch; here in one process."""
    alone = run(tmp_path / "1", [1, 2, 3])
    monkeypatch.setattr(engine, "WORTH_SPREADING", 200)
    monkeypatch.setattr(engine, "_run_in_turn", None)
    batched = run(tmp_path / "2", [1, 2, 3])

    for name in ("requests.jsonl", "transitions.jsonl", "arms.jsonl"):
        assert (alone.path / name).read_bytes() == (batched.path / name).read_bytes(), name


@pytest.mark.usefixtures("no_pictures")
def test_a_run_on_virtual_time_can_be_believed(tmp_path: Path) -> None:
    """Complete, every check that makes sense without a watch on two services, and the effective settings are noted."""
    folder = run(tmp_path, [2])
    done = finish(folder)

    assert done.failures == []
    assert done.summary.engine == "virtual"
    assert {name: figures.requests for name, figures in done.summary.arms.items()} == {"without": 40, "with": 40}
    assert folder.manifest().settings["with/2"].client["breaker"]["seed"] == 2


@pytest.mark.parametrize(
    ("name", "urls", "said"),
    [
        ("virtaul", None, "engine: got 'virtaul' (did you mean 'virtual'?); allowed: live, virtual"),
        (
            "virtual",
            Urls("http://127.0.0.1:1", "http://127.0.0.1:2"),
            "client-url: got 'http://127.0.0.1:1'; the virtual engine runs both services itself: leave it out",
        ),
    ],
)
def test_a_wrong_engine_is_named(name: str, urls: Urls | None, said: str) -> None:
    """What was given, and what is allowed."""
    with pytest.raises(WrongInputError) as caught:
        _check_engine(name, urls)

    assert str(caught.value) == said
