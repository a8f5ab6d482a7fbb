"""The command line, without a service of its own."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from loadtest.commands import app as cli
from loadtest.disk.lines import LineFile
from loadtest.disk.trouble import DiskError
from loadtest.engines.live import engine as live
from loadtest.engines.live import services
from loadtest.engines.live.control import Service
from loadtest.engines.virtual import engine as virtual
from loadtest.experiments import finish as finish_module
from loadtest.experiments.finish import finish
from loadtest.records import run_folder
from loadtest.scenario import files
from loadtest.terminal.errors import ChildError
from loadtest.terminal.interruption import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loadtest.engines.live.services import Urls
    from loadtest.records.run_folder import RunFolder
    from loadtest.terminal.narrator import Narrator

TEXT = """
name = "mine"
title = "Mine [/bold] [x]"
load = [{{ requests = 2, rate_per_s = 1 }}]
[arms.short]
[arms.other]
[expect.short]
requests.max = {most}
"""
ANSWER = (
    "Arm `short`: 2 of 2 requests got what they asked for, 0 were refused; the breaker tripped 0 time(s). "
    "Arm `other`: 2 of 2 requests got what they asked for, 0 were refused; the breaker tripped 0 time(s)."
)


class Lab:
    """Calls the command line in a folder of its own, and keeps what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int | str | None:
        """Return the exit code."""
        self._monkeypatch.setattr(sys, "argv", ["loadtest", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        self.out, self.err = self._capsys.readouterr()
        return ended.value.code


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Lab:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # pytest keeps its own
    return Lab(monkeypatch, capsys)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Take a port without listening: whoever connects is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def write(path: Path, most: int = 2) -> str:
    path.write_text(TEXT.format(most=most), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_command(lab: Lab, option: str) -> None:
    """With a sentence for each."""
    assert lab(option) == 0
    for command in ("run", "report", "probability", "ui"):
        assert f" {command} " in lab.out
    assert "Run a scenario, and write its rows, summary and report." in lab.out


@pytest.mark.parametrize("command", ["run", "report", "probability", "ui"])
def test_every_command_explains_itself(lab: Lab, command: str) -> None:
    """Asking for help is no mistake."""
    assert lab(command, "--help") == 0
    assert f" {command} " in lab.out.split("\n", 2)[1]


def test_the_chance_of_a_trip_is_told(lab: Lab) -> None:
    """The document's Experiment 1 by default; no run is made for it, and each figure says that it is exact."""
    assert lab("probability") == 0
    lines = [" ".join(each.split()) for each in lab.out.splitlines()]
    assert lines[0] == "a fresh breaker how"
    assert lines[2:9] == [
        "trip within 20 calls 2.777 % exact",
        "mean calls to the first trip 586 exact",
        "10 % have tripped by call 65 exact",
        "half have tripped by call 408 exact",
        "90 % have tripped by call 1,345 exact",
        "first probe succeeds, once tripped 70 % exact",
        "whole cycle within 20 requests 1.357 % exact",
    ]
    assert lab.out.endswith(
        "\n\n"
        "If 30 % of the calls fail independently, a breaker that opens after 5 consecutive failures trips within 20 "
        "calls with a chance of 2.78 % (exact); the first trip takes 586 calls on average (exact).\n"
        "Whole cycle: of 20 requests at 0.16/s one trips the breaker, 4 that come in the next 30 s are refused, and "
        "the first probe succeeds and closes it; calls take no time.\n"
    )


def test_a_simulated_chance_has_its_interval(lab: Lab) -> None:
    """Where every call fails there is no doubt; for a share there always is some."""
    more = "--policy=time_window --rate=5 --error-rate=1 --runs=100 --min-calls=8 --window-s=4 --requests=40"
    assert lab("probability", *more.split(), "--reset-timeout=2", "--failure-rate=0.9", "--seed=3") == 0
    lines = [" ".join(each.split()) for each in lab.out.splitlines()]
    assert lines[2:5] == [
        "trip within 40 calls 100 % 96.38 % to 100 % simulated",
        "mean calls to the first trip 8 8 to 8 simulated",
        "10 % have tripped by call 8 8 to 8 simulated",
    ]
    assert lines[7] == "first probe succeeds, once tripped 0 % 0 % to 3.622 % simulated"


def test_the_chance_of_a_trip_is_there_for_scripts(lab: Lab) -> None:
    """The whole question, and each figure with how it was found; null where there is no number."""
    assert lab("probability", "--json", "--error-rate", "0", "--burst-length", "3", "--requests", "7") == 0
    never = {"value": None, "how": "exact"}
    assert json.loads(lab.out) == {
        "breaker": {"policy": "consecutive", "fail_max": 5, "reset_timeout": 30.0, "success_threshold": 1},
        "error_rate": 0.0,
        "burst_length": 3.0,
        "requests": 7,
        "rate": 0.16,
        "trip_within_requests": {"value": 0.0, "how": "exact"},
        "mean_calls_to_trip": never,
        "calls_to_trip": {"0.1": never, "0.5": never, "0.9": never},
        "refused_while_open": 4,
        "first_probes_succeed_after_trip": never,
        "whole_cycle_within_requests": {"value": 0.0, "how": "exact"},
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(
            (
                ["probability", f"--error-rate={value}"],
                f"loadtest: error_rate: got '{value}'; allowed: a number >= 0 and <= 1\n",
            )
            for value in ("1.3", "-0.1", "nan", "abc", "")
        ),
        (
            ["probability", "--fail-max", "0"],
            "loadtest: fail_max: got '0'; allowed: a whole number >= 1 and <= 10000\n",
        ),
        (
            ["probability", "--requests", "2.5"],
            "loadtest: requests: got '2.5'; allowed: a whole number >= 0 and <= 10000000\n",
        ),
        (
            ["probability", "--policy", "off"],
            "loadtest: policy: got 'off'; allowed: consecutive, count_window, time_window\n",
        ),
        (
            ["probability", "--burst-length", "1.2"],
            "loadtest: burst_length: got 1.2; allowed at error_rate 0.3: a number >= 1.42857, the mean run of chance",
        ),
        (["ui", "--port", "0"], "loadtest: ui_port: got '0'; allowed: a whole number >= 1 and <= 65535\n"),
        (["ui", "--port", "http"], "loadtest: ui_port: got 'http'; allowed: a whole number >= 1 and <= 65535\n"),
        (["run"], "Missing argument 'SCENARIO'"),
        (["run", "experiment-1", "--arms", "x"], "No such option"),
        (["fly"], "No such command 'fly'"),
        (
            ["run", "experimnt-1"],
            "loadtest: scenario: got 'experimnt-1'; no shipped scenario (did you mean 'experiment-1'?); allowed: ",
        ),
        (["run", "no.toml"], "loadtest: scenario file no.toml: No such file or directory\n"),
        (
            ["run", "experiment-1", "--arm", "with"],
            "loadtest: arm: got 'with'; allowed in experiment-1: replay, independent-30\n",
        ),
        (
            ["run", "experiment-1", "--seeds", "5-1"],
            "loadtest: seeds: got '5-1'; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9\n",
        ),
        (
            ["run", "experiment-1", "--client-url", "http://127.0.0.1:1"],
            "loadtest: client-url, backend-url: allowed: both, or neither of them\n",
        ),
        (
            ["ui", "--backend-url", "http://127.0.0.1:1"],
            "loadtest: client-url, backend-url: allowed: both, or neither of them\n",
        ),
        (
            ["run", "experiment-1", "--client-url", "localhost:8000", "--backend-url", "http://127.0.0.1:1"],
            "loadtest: client-url: got 'localhost:8000'; allowed: a URL that begins with http:// or https://\n",
        ),
        (["report", "nothing"], "loadtest: nothing: not a run: manifest.json is missing or broken\n"),
        (["report", "."], "loadtest: .: not a run: manifest.json is missing or broken\n"),
    ],
)
def test_a_mistake_ends_with_exit_code_2_and_a_sentence(
    lab: Lab, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Nothing is started and no folder is made; standard output stays empty."""
    assert lab(*arguments) == 2
    assert said in lab.err
    assert "Traceback" not in lab.err
    assert lab.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "asker"),
    [
        (["tune", "checkout"], "tune"),
        (["distribution"], "distribution"),
        (["probability", "--simulate"], "a simulated answer"),
    ],
    ids=["tune", "distribution", "probability"],
)
def test_a_command_says_which_library_it_misses(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str], asker: str
) -> None:
    """SciPy is not installed for a first run; the command that needs it names the one that installs it."""
    monkeypatch.setitem(sys.modules, "scipy", None)

    assert lab(*command) == 2
    assert lab.err == f"loadtest: {asker}: needs scipy, which is not installed; `make .venv/.lab` installs it\n"
    assert list(tmp_path.iterdir()) == []


def test_every_mistake_in_a_scenario_gets_a_line(lab: Lab, tmp_path: Path) -> None:
    """Two at once are reported at once, each with the file's name."""
    (tmp_path / "mine.toml").write_text('name = "mine"\ntitle = "Mine"\nseed = -1\n', encoding="utf-8")

    assert lab("run", "mine.toml") == 2
    assert lab.err == (
        "loadtest: mine.toml: seed: got -1; allowed: a whole number >= 0 and <= 9223372036854775807\n"
        "loadtest: mine.toml: arms: missing\n"
    )


def test_a_service_that_is_not_there_is_named(lab: Lab, tmp_path: Path, closed_port: int) -> None:
    """Asked before anything is run, with the question that helps."""
    url = f"http://127.0.0.1:{closed_port}"

    assert lab("run", "experiment-1", "--client-url", url, "--backend-url", url) == 2
    assert lab.err == (
        f"loadtest: client-url: client at {url}: cannot be reached ([Errno 111] Connection refused); is the client "
        "running there?\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_backend_that_is_not_there_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    """Also when the client is."""
    there = Service.check
    monkeypatch.setattr(Service, "check", lambda self, route: self.name == "client" or there(self, route))
    url = f"http://127.0.0.1:{closed_port}"

    assert lab("run", "experiment-1", "--client-url", "http://client", "--backend-url", url) == 2
    assert lab.err == (
        f"loadtest: backend-url: backend at {url}: cannot be reached ([Errno 111] Connection refused); is the backend "
        "running there?\n"
    )


def test_a_misspelt_variable_is_caught(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOADTEST_UOT would otherwise be ignored without a word."""
    monkeypatch.setenv("LOADTEST_UOT", "elsewhere")

    assert lab("run", "experiment-1") == 2
    assert lab.err == "loadtest: LOADTEST_UOT: no such setting (did you mean 'LOADTEST_OUT'?)\n"


def test_a_bad_setting_of_a_service_is_caught_before_it_is_started(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The services that a run starts read the same environment."""
    monkeypatch.setenv("CLIENT_BREAKER__FAIL_MAX", "0")

    assert lab("run", "experiment-1") == 2
    assert lab.err == ("loadtest: CLIENT_BREAKER__FAIL_MAX: got '0'; allowed: a whole number >= 1 and <= 1000000\n")
    assert list(tmp_path.iterdir()) == []


def test_results_that_cannot_be_written_are_told(lab: Lab, tmp_path: Path) -> None:
    """A file where the results should go."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    assert lab("run", "experiment-1", "--out", "file") == 2
    assert lab.err == "loadtest: results folder file: cannot be written: File exists; choose another with --out\n"


def test_a_second_run_is_refused(lab: Lab, tmp_path: Path) -> None:
    """While one goes on in the same folder."""
    with run_folder.reserve_place(tmp_path / "results", "experiment-2"):
        assert lab("run", "experiment-1") == 2

    assert lab.err.startswith("loadtest: another run is in progress (experiment-2, process ")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, fill: Callable[..., None]) -> Callable[[BaseException | None], list[str]]:
    """`engine(error)`: virtual time takes the place of real services; then it raises. Returns the folders it filled."""

    def put(error: BaseException | None = None) -> list[str]:
        filled = []

        def run(folder: RunFolder, urls: Urls | None, _: Narrator) -> None:
            assert urls is None
            filled.append(str(folder.path))
            folder.log.write_bytes(b"")
            fill(folder, None if error is None else ["short"])
            if error is not None:
                raise error

        monkeypatch.setattr(live, "run_live", run)
        return filled

    return put


@pytest.mark.usefixtures("no_pictures")
def test_a_good_run_ends_with_its_answer_and_exit_code_0(
    lab: Lab, tmp_path: Path, engine: Callable[..., list[str]]
) -> None:
    """Title, folder, answer and report; text from the scenario is no markup; an empty log is not left behind."""
    filled = engine()

    assert lab("run", write(tmp_path / "mine.toml")) == 0

    folder = filled[0]
    assert lab.out == (f"Mine [/bold] [x]\nfiles in {folder}\n\n{ANSWER}\nreport: {folder}/report.html\n")
    assert lab.err == ""
    assert not (tmp_path / folder / "run.log").exists()
    assert run_folder.RunFolder(tmp_path / "results" / "mine" / "latest").manifest().complete is True


@pytest.mark.usefixtures("no_pictures")
def test_quiet_says_only_what_came_out(lab: Lab, tmp_path: Path, engine: Callable[..., list[str]]) -> None:
    """For scripts; seeds, arms and folder are as asked."""
    filled = engine()

    path = write(tmp_path / "mine.toml", most=6)
    assert lab("run", path, "-q", "--seeds", "3,5-6", "--arm", "short", "--out", "elsewhere") == 0

    assert lab.out.splitlines()[1].startswith("Arm `short`: 6 of 6 requests")
    assert lab.out.splitlines()[-1] == f"report: {filled[0]}/report.html"
    manifest = run_folder.RunFolder(tmp_path / filled[0]).manifest()
    assert (manifest.seeds, manifest.arms) == ([3, 5, 6], ["short"])
    assert filled[0].startswith("elsewhere/mine/")


@pytest.mark.usefixtures("no_pictures")
def test_a_broken_expectation_ends_with_exit_code_1(lab: Lab, tmp_path: Path, engine: Callable[..., list[str]]) -> None:
    """And is named below the answer."""
    engine()

    assert lab("run", write(tmp_path / "mine.toml", most=1)) == 1
    assert "NOT OK expected of short: requests <= 1: measured 2\n" in lab.out


NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_live_run_whose_disk_fills_up_says_what_was_kept(
    lab: Lab, tmp_path: Path, engine: Callable[..., list[str]]
) -> None:
    """One sentence; no report is tried, which could not be written either."""
    filled = engine(DiskError(tmp_path, errno.ENOSPC, "No space left on device"))

    assert lab("run", write(tmp_path / "mine.toml")) == 1
    assert lab.err == (
        "loadtest: results folder results: cannot be written: No space left on device; the 2 rows so far are kept in "
        f"{filled[0]}, and the run is marked incomplete\n"
    )
    folder = run_folder.RunFolder(tmp_path / filled[0])
    assert folder.manifest().complete is False
    assert not (folder.path / "report.md").exists()


@pytest.mark.parametrize("seeds", ["1", "1-40"], ids=["in this process", "in several"])
def test_a_virtual_run_whose_disk_fills_up_says_what_was_kept(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: str
) -> None:
    """Whole rows alone; nobody else is told of what the other processes did for nothing."""
    monkeypatch.setattr(virtual, "WORTH_SPREADING", 50)
    append, left = LineFile._append, [3]

    def refuse(file: LineFile, data: bytes) -> None:
        if not left[0]:
            raise NO_ROOM
        left[0] -= 1
        append(file, data)

    monkeypatch.setattr(LineFile, "_append", refuse)

    assert lab("run", write(tmp_path / "mine.toml"), "--engine", "virtual", "--seeds", seeds, "--quiet") == 1
    [folder] = (tmp_path / "results" / "mine").iterdir()
    assert re.fullmatch(
        r"loadtest: results folder results: cannot be written: No space left on device; the \d rows so far are kept in "
        rf"results/mine/{folder.name}, and the run is marked incomplete\n",
        lab.err,
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        *("arms.jsonl", "manifest.json", "requests.jsonl", "transitions.jsonl")
    ]


@pytest.mark.usefixtures("no_pictures")
def test_a_disk_that_is_full_at_the_report_leaves_none_of_it(
    lab: Lab, tmp_path: Path, engine: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are complete, and the sentence says how to get the report."""
    filled = engine()

    def refuse(folder: Path, *_: object) -> None:
        (folder / "charts").mkdir()
        (folder / "report.md").write_text("half", encoding="utf-8")
        raise NO_ROOM

    monkeypatch.setattr(finish_module, "write_report", refuse)

    assert lab("run", write(tmp_path / "mine.toml")) == 1
    assert lab.err == (
        "loadtest: results folder results: cannot be written: No space left on device; all 4 rows of the run are kept; "
        f"`python -m loadtest report {filled[0]}` writes its report once there is room\n"
    )
    assert sorted(path.name for path in (tmp_path / filled[0]).iterdir()) == [
        *("arms.jsonl", "manifest.json", "requests.jsonl", "transitions.jsonl")
    ]
    monkeypatch.undo()


def test_a_disk_that_is_full_from_the_beginning_is_exit_code_2(
    lab: Lab, tmp_path: Path, engine: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was run, and no folder of a run is left."""
    engine()

    def refuse(*_: object) -> None:
        raise NO_ROOM

    monkeypatch.setattr(run_folder, "write_whole", refuse)

    assert lab("run", write(tmp_path / "mine.toml")) == 2
    assert lab.err == (
        "loadtest: results folder results: cannot be written: No space left on device; choose another with --out\n"
    )
    assert list((tmp_path / "results" / "mine").iterdir()) == []


@pytest.mark.usefixtures("no_pictures")
def test_a_latest_that_cannot_be_pointed_costs_no_report(
    lab: Lab, tmp_path: Path, engine: Callable[..., list[str]]
) -> None:
    """Somebody's folder of that name stays, and no draft of a link."""
    filled = engine()
    (tmp_path / "results" / "mine" / "latest").mkdir(parents=True)

    assert lab("run", write(tmp_path / "mine.toml")) == 1
    assert lab.err == "loadtest: results/mine/latest: cannot be written: Is a directory; the run itself is complete\n"
    assert (tmp_path / filled[0] / "report.html").exists()
    assert sorted(path.name for path in (tmp_path / "results" / "mine").iterdir()) == [
        *(tmp_path / filled[0]).parts[-1:],
        "latest",
    ]


def test_whatever_else_the_system_refuses_is_a_sentence(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as no folder for temporary files anywhere."""

    def refuse(*_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/x']")

    monkeypatch.setattr(files, "read", refuse)
    assert lab("run", "experiment-1") == 1
    assert lab.err == "loadtest: the system refused: No usable temporary directory found in ['/x']\n"


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Interrupted(2), 130, "interrupted: the rows so far are kept, and the run is marked incomplete"),
        (Interrupted(15), 143, "interrupted: the rows so far are kept, and the run is marked incomplete"),
        (ChildError("the load generator gave up: [/x]"), 1, "the load generator gave up: [/x]"),
    ],
)
def test_a_run_that_was_cut_off_still_gets_its_report(
    lab: Lab, tmp_path: Path, engine: Callable[..., list[str]], error: BaseException, code: int, said: str
) -> None:
    """What was measured is kept, reported, and marked incomplete; the exit code says how it ended."""
    filled = engine(error)

    assert lab("run", write(tmp_path / "mine.toml")) == code
    assert lab.err == f"loadtest: {said}\n"
    assert "NOT OK the run is complete: 1 of 2 arms x seeds ran to their end\n" in lab.out
    folder = run_folder.RunFolder(tmp_path / filled[0])
    assert folder.manifest().complete is False
    assert "Do not trust this run" in (folder.path / "report.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_pictures")
def test_a_rebuilt_report_ends_as_the_run_did(lab: Lab, tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """A broken expectation is named and ends with exit code 1, on any later day, too."""
    new_run(tmp_path / "results", TEXT.format(most=1))

    assert lab("report", "results/mine/latest") == 1
    assert lab.out == (
        f"\n{ANSWER}\nNOT OK expected of short: requests <= 1: measured 2\nreport: results/mine/latest/report.html\n"
    )


@pytest.mark.usefixtures("no_pictures")
def test_a_report_is_rebuilt_from_the_rows(lab: Lab, tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """Through `latest`, with the same answer; a broken row is reported with its line."""
    folder = new_run(tmp_path / "results", TEXT.format(most=2))
    finish(folder)
    before = (folder.path / "report.md").read_bytes()
    (folder.path / "report.md").unlink()

    assert lab("report", "results/mine/latest") == 0
    assert lab.out == f"\n{ANSWER}\nreport: results/mine/latest/report.html\n"
    assert (folder.path / "report.md").read_bytes() == before

    folder.requests.write_text("{}\n", encoding="utf-8")
    assert lab("report", "results/mine/latest") == 2
    assert lab.err.startswith("loadtest: requests.jsonl, line 1: fields differ: ['arm', 'attempts', ")


def test_the_ui_wants_its_port_for_itself(lab: Lab, tmp_path: Path) -> None:
    """A port that is taken is reported before services are started for it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert lab("ui", "--port", str(port)) == 2

    assert str(port) in lab.err
    assert list(tmp_path.iterdir()) == []


def test_shipped_names_win_over_files(lab: Lab, tmp_path: Path) -> None:
    """A folder that happens to be called like a scenario does not hide it."""
    (tmp_path / "experiment-1").mkdir()

    assert files.read("experiment-1")[0].name == "experiment-1"
    assert lab("run", "experiment-1", "--arm", "x") == 2
    assert "allowed in experiment-1" in lab.err


@pytest.mark.parametrize("variable", ["CLIENT_TRACING", "BACKEND_TRACING", "LOADTEST_TRACING"])
@pytest.mark.parametrize("command", [("run", "experiment-1"), ("ui",)], ids=["run", "ui"])
def test_traces_that_cannot_be_had_are_told_before_anything_starts(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...], variable: str
) -> None:
    """By the form of Locust's UI it would be reported only once somebody has filled it in."""
    monkeypatch.setenv(variable, "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere")
    monkeypatch.setattr(services, "own_services", lambda _: pytest.fail("started"))

    assert lab(*command) == 2
    assert lab.err.startswith("loadtest: OTEL_EXPORTER_OTLP_ENDPOINT: got 'nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_also_looked_for_in_the_folder_of_ones_own(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in a container, where that folder is mounted. The current folder comes first, a shipped name before both."""
    (tmp_path / "own").mkdir()
    write(tmp_path / "own" / "mine.toml")
    (tmp_path / "own" / "experiment-1").touch()
    monkeypatch.setenv("LOADTEST_UI_SCENARIOS", "own")
    (tmp_path / "own" / "log.csv").touch()

    assert lab("run", "mine.toml", "--arm", "x") == 2
    assert "allowed in mine: short, other" in lab.err
    assert lab("sweep", "mine.toml", "--arm", "x") == 2
    assert "allowed in mine: short, other" in lab.err
    for impossible in ("theirs.toml", "a" * 300 + ".toml"):
        assert lab("run", impossible) == 2
        assert lab.err.startswith("loadtest: scenario")
    assert lab("run", "experiment-1", "--arm", "x") == 2
    assert "allowed in experiment-1" in lab.err
    assert lab("tune", "log.csv") == 2
    in_own = lab.err
    (tmp_path / "log.csv").touch()
    assert lab("tune", "log.csv") == 2
    assert ("own/log.csv" in in_own, "own/log.csv" in lab.err) == (True, False)


def test_virtual_time_does_without_the_services_of_the_environment(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A container has them in its environment; who names one on the command line means it, and is told."""
    monkeypatch.setenv("LOADTEST_CLIENT_URL", "http://nowhere.invalid:1")
    monkeypatch.setenv("LOADTEST_BACKEND_URL", "http://nowhere.invalid:2")
    path = write(tmp_path / "mine.toml")

    assert lab("run", path, "--engine", "virtual", "-q") == 0
    assert lab("run", path, "--engine", "virtual", "--client-url", "http://127.0.0.1:1") == 2
    assert lab.err.startswith("loadtest: client-url: client at http://127.0.0.1:1: cannot be reached")
