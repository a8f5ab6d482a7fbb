"""Requests on virtual time that are sent a little late, as a real load generator sends them."""

from __future__ import annotations

import json
import signal
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from loadtest.commands import app as cli
from loadtest.engines.virtual import engine
from loadtest.engines.virtual.engine import run_on_virtual_time
from loadtest.engines.virtual.jitter import Jitter
from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.finish import finish
from loadtest.figures.finished import measure_run
from loadtest.figures.two_runs import compare_runs
from loadtest.records import run_folder
from loadtest.records.news import News
from loadtest.scenario import files
from loadtest.studies.references import pictures
from loadtest.studies.references.keep import keep_reference
from loadtest.studies.references.recheck import recheck_reference
from loadtest.terminal.narrator import Narrator

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
name = "mine"
title = "Mine"
load = [{ requests = 60, rate_per_s = 20, arrivals = "poisson" }]
[faults]
error_rate = 0.5
latency = { distribution = "exponential", mean_s = 0.2 }
capacity = { workers = 2 }
[arms.with]
breaker = { reset_timeout = 0.5 }
timeout = { total_s = 1 }
[arms.without]
breaker = { policy = "off" }
timeout = { total_s = 1 }
"""
LIVE = (
    "jitter: got '5ms'; allowed on the live engine: 0, since its requests are as late as the machine makes them; "
    "with --engine virtual: 0, or a time from 0.001ms to 60s"
)
SCENARIO = files.parse(TEXT, "mine.toml")


@pytest.fixture(autouse=True)
def pytest_keeps_its_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def run(root: Path, jitter_s: float = 0.0) -> run_folder.RunFolder:
    arms, seeds = list(SCENARIO.arms), [1, 2]
    made = run_folder.create(root, SCENARIO, TEXT, "virtual", arms, seeds, jitter_s)
    quiet = Narrator(Console(quiet=True), SCENARIO, arms, seeds, News(made), virtual=True, quiet=True)
    run_on_virtual_time(made, quiet, map)
    made.update_manifest(complete=made.has_ended())
    return made


def test_each_request_is_sent_up_to_so_much_late() -> None:
    """Uniform from 0; what it was to be and what the backend would have made of it are as without."""
    late = simulate(SCENARIO, "without", 1, Jitter(0.1)).rows
    on_time = simulate(SCENARIO, "without", 1).rows
    delays = [row.sent_s - row.intended_s for row in late]

    assert [row.intended_s for row in late] == [row.intended_s for row in on_time]
    assert [row.would_have for row in late] == [row.would_have for row in on_time]
    assert min(delays) >= 0.0
    assert max(delays) <= 0.1
    assert sum(delays) / len(delays) == pytest.approx(0.05, abs=0.015)
    assert any(second.sent_s < first.sent_s for first, second in pairwise(late)), "some overtake each other"
    assert all(row.sent_s == row.intended_s for row in on_time)


def test_the_same_seed_and_stream_give_the_same_rows() -> None:
    """Another seed or another stream gives other delays; of both arms of a run they are the same."""
    first = [row.sent_s for row in simulate(SCENARIO, "without", 1, Jitter(0.1)).rows]

    assert [row.sent_s for row in simulate(SCENARIO, "with", 1, Jitter(0.1)).rows] == first
    assert [row.sent_s for row in simulate(SCENARIO, "without", 1, Jitter(0.1, 1)).rows] != first
    assert Jitter(0.1).delay_s(1, 5) != Jitter(0.1).delay_s(2, 5)


def test_requests_that_overlap_are_hit_by_it() -> None:
    """Where the backend has a queue, two runs of the same weather are no longer the same."""
    rows = [simulate(SCENARIO, "with", 1, jitter).rows for jitter in (None, Jitter(0.05), Jitter(0.05, 1))]
    outcomes = [[row.outcome for row in each] for each in rows]

    assert outcomes[0] != outcomes[1] != outcomes[2]


def test_a_run_keeps_its_jitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the manifest, and in each row, also where processes make them; without one there is no such entry."""
    made, plain = run(tmp_path / "1", 0.005), run(tmp_path / "2")
    monkeypatch.setattr(engine, "WORTH_SPREADING", 100)
    monkeypatch.setattr(engine, "_run_in_turn", None)
    spread = run(tmp_path / "3", 0.005)

    assert json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))["jitter_s"] == 0.005
    assert "jitter_s" not in (plain.path / "manifest.json").read_text(encoding="utf-8")
    assert made.requests.read_bytes() == spread.requests.read_bytes() != plain.requests.read_bytes()


@pytest.mark.usefixtures("no_pictures")
def test_the_report_names_it(tmp_path: Path) -> None:
    """And how to make the run again; a comparison with another run, too."""
    made, plain = run(tmp_path / "1", 0.0075), run(tmp_path / "2")
    finish(made)
    finish(plain)
    report = (made.path / "report.md").read_text(encoding="utf-8")

    assert "run mine.toml --engine virtual --jitter 7.5ms --seeds 1-2\n" in report
    assert "- Jitter: each request was sent up to 7.5 ms later than intended" in report
    assert "itter" not in (plain.path / "report.md").read_text(encoding="utf-8")
    assert ("jitter", "up to 7.5 ms", "none") in compare_runs(measure_run(made), measure_run(plain)).differences


def test_a_reference_is_made_again_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its rows would not be those that were kept."""
    monkeypatch.setattr(pictures, "draw", lambda _, path: path.touch())
    kept = keep_reference(run(tmp_path / "runs", 0.005).path, tmp_path / "kept", "reference", rows=False)

    assert recheck_reference(kept, Console(quiet=True)) == ("run again on virtual time", [])


@pytest.mark.usefixtures("no_pictures")
def test_the_command_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its unit, or as 0, which the live engine takes, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(TEXT, encoding="utf-8")
    found = {}
    for number, given in enumerate(("5ms", "0.25s", "60 s", "0", "0ms")):
        out = tmp_path / str(number)
        command = ["loadtest", "run", "mine.toml", "-q", "--engine", "virtual", "--jitter", given, "--out", str(out)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit):
            cli.main()
        found[given] = run_folder.RunFolder(out / "mine" / "latest").manifest().jitter_s

    assert found == {"5ms": 0.005, "0.25s": 0.25, "60 s": 60.0, "0": None, "0ms": None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--engine", "virtual", "--jitter", given],
            f"jitter: got {given!r}; allowed: 0, or a time from 0.001ms to 60s with its unit, ms or s, such as 5ms",
        )
        for given in ("5", "-1ms", "61s", "5m", "nan", "0.0001ms", "")
    ]
    + [
        (
            ["--jitter", "5ms"],
            LIVE,
        )
    ],
)
def test_a_wrong_jitter_is_a_mistake(
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Told with its value and what is allowed, before anything is run."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(sys, "argv", ["loadtest", "run", "experiment-1", "--out", str(tmp_path), *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
