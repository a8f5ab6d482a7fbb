"""A sweep from its first run to its files: kept as it goes, taken up again, the same whoever does the work."""

from __future__ import annotations

import json
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from loadtest.commands import app as cli
from loadtest.records import run_folder
from loadtest.studies.many_runs import processes, workers
from loadtest.studies.many_runs.work import run_task
from loadtest.studies.sweep import report, tasks
from loadtest.studies.sweep.conduct import conduct, plan_sweep, resume_sweep
from loadtest.terminal.interruption import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from loadtest.studies.many_runs.work import RunResult, Task
    from loadtest.studies.many_runs.workers import Crew
    from loadtest.studies.sweep.conduct import Sweep
    from loadtest.studies.sweep.ranking import Ranking

TEXT = """
name = "tiny"
title = "Tiny"
load = [{ requests = 12, rate_per_s = 4 }]
faults = { bursts = { rate = 0.5, mean_length = 6 }, latency = { mean_s = 0.3 } }
[arms.with]
timeout = { total_s = 1 }
breaker = { fail_max = 3, reset_timeout = 2 }
"""
GRID = ["breaker.fail_max=2,3", "breaker.reset_timeout=1:2:1"]
QUIET = Console(quiet=True)
FILES = ["manifest.json", "points.csv", "results.csv", "sweep.html", "sweep.md"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs a task, so that a small sweep has several; no pictures, which have tests of their own."""
    monkeypatch.setattr(report, "_write_charts", lambda *_: None)
    monkeypatch.setattr(tasks, "_REQUESTS_A_TASK", 24)


@pytest.fixture
def scenario_file(tmp_path: Path) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


@pytest.fixture
def begin(scenario_file: str, tmp_path: Path) -> Callable[..., Sweep]:
    """`begin(out, grid, seeds)`: what the command line would conduct."""

    def make(out: str = "results", grid: list[str] | None = None, seeds: Iterable[int] = (1, 2, 3)) -> Sweep:
        return plan_sweep(tmp_path / out, scenario_file, None, grid or GRID, list(seeds))

    return make


@contextmanager
def stops_after(count: int, error: BaseException) -> Iterator[Crew]:
    """Have a crew that is interrupted."""

    def crew(tasks: Iterable[Task]) -> Iterator[list[RunResult]]:
        yield from map(run_task, islice(tasks, count))
        raise error

    yield crew


@contextmanager
def backwards() -> Iterator[Crew]:
    """Have a crew whose last task is done first, as may happen with many workers."""
    yield lambda tasks: map(run_task, reversed(list(tasks)))


@contextmanager
def idle() -> Iterator[Crew]:
    """Have a crew that must not be asked for anything."""

    def crew(tasks: Iterable[Task]) -> Iterator[list[RunResult]]:
        raise AssertionError(list(tasks))

    yield crew


def finished(sweep: Sweep, crew: AbstractContextManager[Any] | None = None) -> Ranking:
    return conduct(sweep, workers.local(1) if crew is None else crew, QUIET)


def files(sweep: Sweep) -> dict[str, bytes]:
    """Every file but the manifest, whose times differ."""
    found = (path for path in sweep.folder.path.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.name: path.read_bytes() for path in found if path.name != "manifest.json"}


def manifest(sweep: Sweep) -> dict[str, Any]:
    return dict(json.loads((sweep.folder.path / "manifest.json").read_text(encoding="utf-8")))


def test_a_sweep_leaves_its_results_its_points_and_its_report(begin: Callable[..., Sweep]) -> None:
    """One line for each point and seed, in the grid's order; the manifest says what was asked."""
    sweep = begin()
    finished(sweep)

    assert sorted(path.name for path in sweep.folder.path.iterdir() if not path.name.startswith(".")) == FILES
    head, *lines = sweep.folder.results.read_text(encoding="utf-8").splitlines()
    assert head == (
        "point,breaker.fail_max,breaker.reset_timeout,seed,requests,good,ok,fast_fail,false_positives,bad_calls,"
        "in_flight_s,backend_calls,trips,mean_response_s"
    )
    assert [line.split(",")[:4] for line in lines] == [
        [label, *values, str(seed)]
        for label, values in {"1": "21", "2": "22", "3": "31", "4": "32", "no breaker": ("", "")}.items()
        for seed in (1, 2, 3)
    ]
    said = manifest(sweep)
    assert said["complete"] is True
    assert (said["points"], said["skipped"], said["runs"]) == (4, 0, 15)
    assert said["asked"]["grid"] == {"breaker.fail_max": ["2", "3"], "breaker.reset_timeout": ["1", "2"]}
    assert (said["asked"]["scenario_text"], said["asked"]["seeds"]) == (TEXT, [1, 2, 3])


def test_the_same_command_gives_the_same_files(begin: Callable[..., Sweep]) -> None:
    """In another folder, too, and in whatever order the results come."""
    first, second = begin("a"), begin("b")
    finished(first)
    finished(second, backwards())

    assert files(first) == files(second)
    assert first.folder.path.name == second.folder.path.name


@pytest.mark.parametrize("done", [0, 1, 4])
def test_an_interrupted_sweep_goes_on_where_it_stopped(begin: Callable[..., Sweep], done: int) -> None:
    """Nothing is run twice, and nothing of the interruption is left in the files."""
    whole, cut = begin("whole"), begin("cut")
    finished(whole)

    with pytest.raises(Interrupted):
        finished(cut, stops_after(done, Interrupted(2)))

    kept = cut.folder.load(cut.plan)
    assert len(kept) == 2 * done
    assert manifest(cut)["complete"] is False
    assert not (cut.folder.path / "sweep.md").exists()
    ran: list[int] = []

    @contextmanager
    def counted() -> Iterator[Crew]:
        def crew(tasks: Iterable[Task]) -> Iterator[list[RunResult]]:
            for task in tasks:
                ran.extend(seed for piece in task for seed in piece.seeds)
                yield run_task(task)

        yield crew

    finished(resume_sweep(cut.folder.path), counted())
    assert len(ran) == 15 - len(kept)
    assert files(cut) == files(whole)
    finished(begin("cut"), idle())  # the same command once more: nothing to do
    assert files(cut) == files(whole)


@pytest.mark.parametrize("torn", [b"3,3,1,2,12,6", b"3,3,1,2,12,6,5,2,1,3,4.5,9,1,0.3", b"\xff"])
def test_half_a_line_is_cut_off(begin: Callable[..., Sweep], torn: bytes) -> None:
    """A crash in the middle of a write leaves a line without its end."""
    sweep = begin()
    with pytest.raises(Interrupted):
        finished(sweep, stops_after(2, Interrupted(2)))
    before = sweep.folder.results.read_bytes()
    sweep.folder.results.write_bytes(before + torn)

    assert len(sweep.folder.load(sweep.plan)) == 4
    assert sweep.folder.results.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("9,2,1,1,12,6,5,2,1,3,4.5,9,1,0.3\n", "line 2: no result of this sweep"),
        ("1,2,1,1,12,6\n", "line 2: no result of this sweep"),
        ("1,2,1,1,12,6,5,2,1,3,much,9,1,0.3\n", "line 2: no result of this sweep"),
        ("1,2,1,9,12,6,5,2,1,3,4.5,9,1,0.3\n", "line 2: seed 9 is none of this sweep's"),
    ],
)
def test_a_foreign_line_is_named(begin: Callable[..., Sweep], line: str, said: str) -> None:
    """Results of something else are never mixed in."""
    sweep = begin()
    sweep.folder.load(sweep.plan)
    with sweep.folder.results.open("a", encoding="utf-8") as file:
        file.write(line)

    with pytest.raises(ValueError, match=said):
        sweep.folder.load(sweep.plan)

    sweep.folder.results.write_text("something,else\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: its columns are not this sweep's; remove the folder to begin anew"):
        sweep.folder.load(sweep.plan)


@pytest.mark.parametrize(
    "change",
    [{"grid": ["breaker.fail_max=2,3"]}, {"seeds": [1, 2]}, {"grid": [*GRID, "timeout.total_s=1"]}],
)
def test_another_sweep_has_another_folder(begin: Callable[..., Sweep], change: dict[str, Any]) -> None:
    """Whatever decides about the results decides about the folder."""
    assert begin().folder != begin(**change).folder


def test_other_code_begins_anew(begin: Callable[..., Sweep], monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of two versions of the lab do not fit; a folder of the other is not resumed."""
    before = begin()
    finished(before)
    for place in ("store", "conduct"):
        monkeypatch.setattr(f"loadtest.studies.sweep.{place}.code_hash", lambda: "other")

    assert begin().folder != before.folder
    with pytest.raises(ValueError, match=r"begun with other code of the lab .* run its command anew"):
        resume_sweep(before.folder.path)


class Lab:
    """Calls the command line in a folder of its own, and keeps what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int | str | None:
        self._monkeypatch.setattr(sys, "argv", ["loadtest", "sweep", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        self.out, self.err = self._capsys.readouterr()
        return ended.value.code


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Lab:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # pytest keeps its own
    return Lab(monkeypatch, capsys)


def options(*grid: str) -> list[str]:
    return [part for each in grid or GRID for part in ("--grid", each)]


def test_the_command_says_what_it_runs_and_what_came_out(lab: Lab, scenario_file: str, tmp_path: Path) -> None:
    """Points, runs, folder; then the best point, and the report."""
    assert lab(scenario_file, *options(), "--seeds", "1-3", "--jobs", "1") == 0

    folder = next((tmp_path / "results" / "tiny").iterdir()).relative_to(tmp_path)
    lines = lab.out.splitlines()
    assert lines[:3] == ["4 points, 15 runs, 180 requests", f"files in {folder}", ""]
    assert lines[3].startswith("Of 4 settings, fail_max = ")
    assert lines[4:] == [f"report: {folder}/sweep.html"]
    assert lab.err == ""

    assert lab("--resume", str(folder), "--quiet", "--jobs", "1") == 0
    assert lab.out == f"report: {folder}/sweep.html\n"


def test_an_interruption_keeps_what_was_measured(
    lab: Lab, scenario_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, with the exit code of the signal."""
    monkeypatch.setattr(workers, "local", lambda _: stops_after(2, Interrupted(2)))

    assert lab(scenario_file, *options(), "--seeds", "1-3", "--out", "elsewhere") == 130
    assert lab.err == "loadtest: interrupted: the finished runs are kept; the same command continues from there\n"
    assert len(next((tmp_path / "elsewhere").rglob("results.csv")).read_text().splitlines()) == 1 + 4


def test_a_report_that_is_cut_off_is_written_by_the_next_command(
    lab: Lab, scenario_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results are there by then."""

    def cut_off(*_: object) -> None:
        raise Interrupted(15)

    with monkeypatch.context() as patch:
        patch.setattr(report, "_write_charts", cut_off)
        assert lab(scenario_file, *options(), "--seeds", "1", "--jobs", "1") == 143

    monkeypatch.setattr(workers, "local", lambda _: idle())
    assert lab(scenario_file, *options(), "--seeds", "1") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "SCENARIO: allowed: a scenario, or --resume DIR\n"),
        (["tiny.tom", "--grid", "breaker.fail_max=2"], "scenario: got 'tiny.tom'; no shipped scenario"),
        (["experiment-2"], "grid: missing; allowed: KEY=A,B,C or KEY=FROM:TO:STEP, such as "),
        (
            ["experiment-2", "--grid", "breaker.fail_mx=2"],
            "grid: breaker.fail_mx: no such setting (did you mean 'breaker.fail_max'?); allowed: ",
        ),
        (
            ["experiment-2", "--grid", "breaker.fail_max=0,5"],
            "grid point breaker.fail_max=0: breaker.fail_max: got '0'; allowed: a whole number >= 1 and <= 1000000\n",
        ),
        (
            ["experiment-2", "--grid", "breaker.fail_max=2", "--arm", "wiht"],
            "arm: got 'wiht'; allowed in experiment-2: without, with\n",
        ),
        (
            ["experiment-2", "--grid", "breaker.fail_max=2", "--seeds", "5-1"],
            "seeds: got '5-1'; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9\n",
        ),
        (
            ["experiment-2", "--grid", "breaker.fail_max=2", "--seeds", ""],
            "seeds: got ''; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9\n",
        ),
        (
            ["experiment-2", "--grid", "breaker.fail_max=2", "--jobs", "0"],
            "jobs: got '0'; allowed: a whole number >= 1 and <= 1024\n",
        ),
        (
            ["experiment-2", "--grid", "breaker.fail_max=2", "--jobs", "2", "--dask", "tcp://127.0.0.1:1"],
            "jobs, dask: allowed: only one of them: the cluster has its own processes\n",
        ),
        (
            ["--resume", "nowhere"],
            "nowhere: no sweep to go on with: manifest.json is missing or broken\n",
        ),
        (
            ["experiment-2", "--resume", "nowhere"],
            (
                "resume: got 'nowhere'; allowed: --resume without SCENARIO, --grid, --seeds, --arm or --out: the "
                "folder already has them\n"
            ),
        ),
    ],
)
def test_a_mistake_ends_with_exit_code_2_and_a_sentence(
    lab: Lab, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Nothing is run and no folder is made."""
    assert lab(*arguments) == 2
    assert lab.err.startswith(f"loadtest: {said}")
    assert lab.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_none_is_told(lab: Lab, scenario_file: str) -> None:
    """Before anything is asked of it."""
    assert lab(scenario_file, *options(), "--dask", "localhost:8786") == 2
    assert lab.err == (
        "loadtest: dask: got 'localhost:8786'; allowed: a scheduler's address, such as tcp://127.0.0.1:8786\n"
    )


def test_a_killed_worker_is_told(lab: Lab, scenario_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do about it."""

    def killed(_: object) -> Iterator[list[RunResult]]:
        raise BrokenProcessPool("[...]")

    monkeypatch.setattr(processes.joblib, "Parallel", lambda **_: killed)

    assert lab(scenario_file, *options(), "--jobs", "2") == 1
    assert lab.err.startswith("loadtest: a worker process was killed, perhaps because the system ran out of memory; ")


def test_two_of_the_same_sweep_do_not_write_into_each_other(lab: Lab, begin: Callable[..., Sweep]) -> None:
    """The second is refused while the first goes on."""
    sweep = begin()
    with run_folder.reserve_place(sweep.folder.path, "sweep of tiny"):
        assert lab(str(sweep.spec.given), *options(), "--seeds", "1-3") == 2
    assert lab.err.startswith("loadtest: another run is in progress (sweep of tiny, process ")


def test_a_folder_that_cannot_be_written_is_told(lab: Lab, scenario_file: str, tmp_path: Path) -> None:
    """A file where the results should go."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    assert lab(scenario_file, *options(), "--out", "file") == 2
    assert lab.err == "loadtest: results folder file: cannot be written: Not a directory; choose another with --out\n"
