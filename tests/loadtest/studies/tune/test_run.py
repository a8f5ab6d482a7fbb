"""The command `tune` from its arguments to its files, on traces small enough for a test; and the shipped result."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError
from rich.console import Console

from client.breakers.flat import FlatBreaker
from client.breakers.settings import breaker_settings
from inputs.wrong_input import WrongInputError
from loadtest.commands import app as cli
from loadtest.studies.many_runs import workers
from loadtest.studies.many_runs.work import run_task
from loadtest.studies.tune import charts, recorded, search
from loadtest.studies.tune import conduct as conducting
from loadtest.studies.tune.conduct import conduct
from loadtest.studies.tune.fit import distance
from loadtest.studies.tune.headline import headline, notes
from loadtest.studies.tune.objective import Weights
from loadtest.studies.tune.problem import Problem, TuneOptions, read_problem
from loadtest.studies.tune.record import as_json
from loadtest.studies.tune.replay import Replayed
from loadtest.studies.tune.report import check_writable, write_results
from loadtest.studies.tune.runner import Job, Runner
from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN, OFF, Aim, Ledger
from loadtest.studies.tune.statuses import ERROR, TIMEOUT
from loadtest.terminal.interruption import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loadtest.studies.many_runs.work import RunResult, Task
    from loadtest.studies.many_runs.workers import Crew
    from loadtest.studies.tune.conduct import Tuned

REFERENCE = Path(__file__).parents[4] / "results" / "tune" / "reference"
FILES = ["candidates.csv", "charts", "manifest.json", "tune.html", "tune.json", "tune.md"]
ASKED = TuneOptions(candidates=5, seeds=5)
QUIET = Console(quiet=True)
OUTAGES = [(30, 50), (80, 96), (150, 168)]


class Lab:
    """Calls the command line in a folder of its own, and keeps what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int | str | None:
        """Return the exit code."""
        self._monkeypatch.setattr(sys, "argv", ["loadtest", "tune", *arguments])
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


def lines(outages: Iterable[tuple[int, int]], seconds: int = 200, every_s: float = 1) -> str:
    """Write an access log of a request a second, which succeeds in 0.1 s or, during outages, fails in 0.4 s."""
    text = "time,status,duration\n"
    for index in range(int(seconds / every_s)):
        now_s = index * every_s
        failed = any(start <= now_s < end for start, end in outages)
        text += f"{now_s},{500 if failed else 200},{0.4 if failed else 0.1}\n"
    return text


def problem(tmp_path: Path, text: str, asked: TuneOptions = ASKED) -> Problem:
    path = tmp_path / "log.csv"
    path.write_text(text, encoding="utf-8")
    return read_problem(str(path), None, asked)


def tuned(found: Problem, asked: TuneOptions = ASKED, policies: tuple[str, ...] = ("consecutive", "throttle")) -> Tuned:
    with workers.local(1) as crew:
        return conduct(found, asked, Aim(Weights(), asked.most_lost), policies, crew, QUIET)


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """One step of refinement from each of the best, which is a search all the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_NEIGHBOURS", 1)
        patch.setattr(search, "_REACHES", (1.0,))
        yield


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Two outages to learn from, one to score on."""
    found = problem(tmp_path_factory.mktemp("once"), lines(OUTAGES))
    return tuned(found, policies=("consecutive",))


@pytest.fixture
def no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts.theme, "save", lambda _, folder, __: folder.mkdir(exist_ok=True))


@pytest.mark.usefixtures("no_png")
def test_from_a_trace_to_its_files(once: Tuned, tmp_path: Path) -> None:
    """The default, which stays open for too long, is beaten, and the files say by what."""
    found = once
    path = write_results(tmp_path / "out", found, ("consecutive",))
    told = json.loads((path / "tune.json").read_text(encoding="utf-8"))
    page = (path / "tune.html").read_text(encoding="utf-8")

    assert sorted(each.name for each in path.iterdir()) == FILES
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []
    assert (path.parent / "latest").resolve() == path.resolve()
    assert found.verdict == told["verdict"] == "better"
    assert told["recommended"]["policy"] == "consecutive"
    assert told["parts"]["judge"]["recommended"]["cost"] < told["parts"]["judge"]["default"]["cost"]
    assert told["trace"]["parts"]["learn"]["incidents"] == [
        [pytest.approx(start, abs=8), pytest.approx(end, abs=8)] for start, end in OUTAGES[:2]
    ]
    assert told["snippets"]
    assert {each["setting"] for each in told["sensitivity"]["settings"]} <= set(FlatBreaker.model_fields)
    assert not re.search(r"(?:src|href)=.?(?:http|/)", page)  # nothing is loaded from elsewhere
    assert page.count("<svg") == 3
    source = (path / "tune.md").read_text(encoding="utf-8")
    assert headline(found) in source
    assert not found.judge.is_allowed(DEFAULT)
    assert any("The default loses" in each for each in notes(found))
    assert "--candidates 5 --seeds 5" in source
    kept = list(csv.DictReader(io.StringIO((path / "candidates.csv").read_text(encoding="utf-8"))))
    assert len(kept) == len(found.result.tried)
    assert sum(each["finalist"] == "1" for each in kept) == len(found.result.finalists)


def test_the_rebuilt_pattern_fits(once: Tuned) -> None:
    """The share of failures over time is that of the log, nearly: an outage in the log is one in the rebuilt."""
    for courses in once.courses:
        assert (distance(courses) or 0) < 0.1
        assert courses.figures is not None
        recorded, rebuilt = courses.figures["errors, %"]
        assert rebuilt == pytest.approx(recorded, abs=4)


def test_the_same_again_is_the_same(once: Tuned) -> None:
    """And results that come in another order change nothing."""

    @contextmanager
    def backwards() -> Iterator[Crew]:
        def crew(tasks: Iterable[Task]) -> Iterator[list[RunResult]]:
            yield from map(run_task, list(tasks)[::-1])

        yield crew

    with backwards() as crew:
        other = conduct(once.problem, ASKED, once.aim, ("consecutive",), crew, QUIET)

    assert as_json(once) == as_json(other)


def test_a_healthy_holdout_cannot_tell(tmp_path: Path) -> None:
    found = tuned(problem(tmp_path, lines([(30, 50)])), policies=("consecutive",))

    assert found.verdict == "cannot tell"
    assert found.failures == {LEARN: 20, JUDGE: 0}
    assert found.sensitivity_part == LEARN
    assert "cannot tell: nothing fails in it" in headline(found)


def test_without_a_failure_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    """The answer is to keep the default, and says why; nothing is searched."""
    found = tuned(problem(tmp_path, lines([(700, 824)], seconds=1000)), policies=("consecutive",))

    assert found.answer == DEFAULT
    assert len(found.result.tried) == 2
    assert headline(found).startswith("**The first part of the log holds no incident**, so there was none to learn")
    assert "nothing fails in the first part of the log" in headline(found)
    told = (write_results(tmp_path / "out", found, ("consecutive",)) / "tune.md").read_text(encoding="utf-8")
    assert "Nothing was searched. Only no breaker and the default were run, and" in told
    assert "an even draw" not in told


def test_a_default_that_the_rest_does_not_bear_is_not_kept(lab: Lab, tmp_path: Path) -> None:
    """The first part holds no incident, and in the rest the default refuses for too long: that is no answer."""
    (tmp_path / "log.csv").write_text(lines([(150, 168)]), encoding="utf-8")
    assert lab("log.csv", "--candidates", "5", "--seeds", "5", "--policy", "consecutive", "--jobs", "1") == 0
    told = json.loads((tmp_path / "results/tune/latest/tune.json").read_text(encoding="utf-8"))

    assert told["recommended"] is None
    assert told["snippets"] == []
    assert told["headline"].startswith(
        "The first part of the log holds no incident, so there was none to learn from. No recommendation: nothing "
        "holds up on the rest and on the recorded calls. The default loses 27.4 % of the answers on the rest"
    )
    assert told["turned_down"][0]["settings"] == {"policy": "consecutive"}
    assert told["caution"].startswith("The rebuilt backend never suffers from probes or load")
    assert "CLIENT_BREAKER" not in lab.out
    assert told["headline"] in lab.out.replace("\n", " ")
    assert told["caution"] in lab.out.replace("\n", " ")
    assert "nothing to paste" in (tmp_path / "results/tune/latest/tune.md").read_text(encoding="utf-8")


def test_nothing_fails_at_all(tmp_path: Path) -> None:
    """Callers who leave are no failures, so no breaker is needed."""
    left = re.sub(r"(\d*5\.?\d*),200,0.1", r"\1,499,0.03", lines([]))
    found = tuned(problem(tmp_path, left))

    assert left.count("499") > 10
    assert found.failures == {LEARN: 0, JUDGE: 0}
    assert headline(found) == "**No breaker is needed**: nothing fails in the 200 requests of the log."
    assert as_json(found)["recommended"] == {"policy": "off"}


@pytest.mark.usefixtures("no_charts")
def test_where_the_recorded_calls_say_otherwise(once: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rebuilt pattern has never shown is on top of the report, and nothing that rests on it is recommended."""
    monkeypatch.setattr(
        recorded,
        "replay",
        lambda _, breaker, __: Replayed(200, 160, 40, 4, 0 if breaker == OFF else 53, 10, 20),
    )
    found = tuned(once.problem, policies=("consecutive",))
    told = as_json(found)
    source = (write_results(tmp_path, found, ("consecutive",)) / "tune.md").read_text(encoding="utf-8")

    assert not found.recommends
    assert "No recommendation" in told["headline"]
    assert "The recorded calls and the rebuilt pattern disagree" in told["headline"]
    assert told["notes"][0].startswith("The recorded calls and the rebuilt pattern disagree.")
    assert "33.1 % of the answers of the recorded calls, 0 % in the rebuilt pattern" in " ".join(told["notes"])
    assert told["replay"]["judge"]["found"]["agrees"] is False
    assert "| **no** |" in source


def test_the_recorded_calls_stand_beside_the_rebuilt_pattern(once: Tuned) -> None:
    """Trips, answers lost and failures spared of the calls themselves, for the default and what is recommended."""
    told = as_json(once)["replay"]

    assert "On the recorded calls of the whole log, the default trips 3 times, loses 51 of 146 answers (34.9 %)" in (
        " ".join(notes(once))
    )
    assert {name: each["trips"] for name, each in told["whole"].items()}["default"] == 3
    assert told["whole"]["default"]["answers"] == 146
    assert told["whole"]["default"]["lost_share"] == pytest.approx(51 / 146)
    assert all(told[part]["recommended"]["agrees"] for part in (LEARN, JUDGE))
    assert told["whole"]["recommended"]["spared"] > 10


def test_without_a_success_there_is_nothing_to_lose(tmp_path: Path) -> None:
    """Whatever refuses most would look best."""
    found = tuned(problem(tmp_path, lines([(0, 200)])))
    assert headline(found).endswith(
        "nothing succeeds in the first part of the log, so the cost of refusals cannot be seen."
    )
    assert found.answer == DEFAULT


def test_timeouts_that_took_no_time_are_no_lack_of_timeouts(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("time,status,duration\n" + "".join(f"{n},{'timeout' if n % 9 else 'ok'},0\n" for n in range(200)))
    assert read_problem(str(path), None, ASKED).timeout_from == "the default: most timeouts in the log took no time"


def test_long_calls_are_suspected_to_be_milliseconds(tmp_path: Path) -> None:
    """A search takes them as they are, but the report says so."""
    found = tuned(problem(tmp_path, lines([]).replace(",0.1\n", ",4.5\n")))
    assert [text.split(" Where")[0] for text in notes(found) if "seconds?" in text] == [
        "**Are these seconds?** The median call takes 4.5 s by this log."
    ]


def test_a_folder_that_cannot_be_written_is_told_before_the_search(tmp_path: Path) -> None:
    """And no folder of a run is left where it can."""
    (tmp_path / "file").touch()
    with pytest.raises(WrongInputError, match="cannot be written: Not a directory; choose another with --out"):
        check_writable(tmp_path / "file")
    check_writable(tmp_path / "results")
    assert list((tmp_path / "results" / "tune").iterdir()) == []


def test_failures_at_random_need_no_breaker(tmp_path: Path) -> None:
    """At a steady 40 % a refusal hits good requests as often as bad ones: none is the answer, not the default."""
    rng = random.Random(4)  # noqa: S311 - for a test
    text = "time,status,duration\n" + "".join(
        f"{i / 2},{500 if rng.random() < 0.4 else 200},0.05\n" for i in range(200)
    )
    found = tuned(problem(tmp_path, text), policies=("consecutive",))

    assert found.learn.lost_share(found.answer) <= 0.1
    assert found.answer != DEFAULT


@pytest.mark.usefixtures("no_charts")
def test_a_scenario_is_scored_on_other_seeds(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\ntitle = "Mine"\nload = [{ requests = 60, rate_per_s = 4 }]\n'
        "faults = { bursts = { rate = 0.3, mean_length = 12 } }\n"
        "[arms.with]\ntimeout = { total_s = 1 }\nbreaker = { fail_max = 3, reset_timeout = 2 }\n",
        encoding="utf-8",
    )
    options = ["mine.toml", "--candidates", "5", "--seeds", "5", "--policy", "consecutive", "--jobs", "1"]

    assert lab(*options, "--weight", "seconds_held=0.5") == 0
    assert "mine, arm with: 60 requests a run" in lab.out
    told = json.loads((tmp_path / "results/tune/latest/tune.json").read_text(encoding="utf-8"))
    assert told["weights"]["seconds_held"] == 0.5
    assert told["trace"] is None
    assert told["timeout_s"] == 1
    manifest = json.loads((tmp_path / "results/tune/latest/manifest.json").read_text(encoding="utf-8"))
    assert manifest["command"].endswith(
        "tune mine.toml --arm with --policy consecutive --weight seconds_held=0.5 --candidates 5 --seeds 5"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv"], "SOURCE: got 'nowhere.csv'; no such file"),
        (["chekout"], "did you mean 'checkout'?"),
        (["\0"], "SOURCE: got"),
        (["."], "Is a directory"),
        (["short.csv"], "too short for a holdout: 39 requests"),
        (["log.csv", "--holdout", "0.99"], "holdout: got '0.99'; allowed: a number >= 0.05 and <= 0.9"),
        (["log.csv", "--holdout", "0.05"], "too short for a holdout: 10 requests"),
        (["log.csv", "--bad-share", "nan"], "bad_share: got 'nan'"),
        (["log.csv", "--time-is", "middle"], "time_is: got 'middle'"),
        (["log.csv", "--timeout", "0"], "timeout: got '0'"),
        (["log.csv", "--most-lost", "2"], "most_lost: got '2'"),
        (["log.csv", "--weight", "x=1"], "weight: x: no such weight"),
        (["log.csv", "--policy", "consecutiv"], "did you mean 'consecutive'?"),
        (["log.csv", "--arm", "with"], "an access log has no arms"),
        (["log.csv", "--jobs", "0"], "jobs: got '0'"),
        (["log.csv", "--seeds", "2"], "seeds: got '2'; allowed: a whole number >= 5"),
        (["log.csv", "--candidates", "many"], "candidates: got 'many'"),
        (["nothing.toml"], "scenario file nothing.toml"),
        (["experiment-1", "--arm", "nobody"], "arm: got 'nobody'"),
    ],
)
def test_a_mistake_is_one_sentence(lab: Lab, tmp_path: Path, arguments: list[str], said: str) -> None:
    """Exit code 2, no traceback, nothing written."""
    (tmp_path / "log.csv").write_text(lines([(30, 50), (150, 168)]), encoding="utf-8")
    (tmp_path / "short.csv").write_text(lines([], seconds=66), encoding="utf-8")

    assert lab(*arguments) == 2
    assert said in lab.err
    assert "Traceback" not in lab.err
    assert not (tmp_path / "results").exists()


def test_an_interruption_leaves_nothing(lab: Lab, once: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while it searches nor while it writes; it says so, with the signal's exit code."""
    (tmp_path / "log.csv").write_text(lines([(30, 50), (150, 168)]), encoding="utf-8")
    options = ["log.csv", "--candidates", "5", "--seeds", "5", "--policy", "consecutive", "--jobs", "1"]

    @contextmanager
    def cut(_: int) -> Iterator[Crew]:
        def crew(tasks: Iterable[Task]) -> Iterator[list[RunResult]]:
            yield run_task(next(iter(tasks)))
            raise Interrupted(2)

        yield crew

    def cut_off(*_: Any) -> None:
        raise Interrupted(2)

    for where, name, with_what in ((workers, "local", cut), (conducting, "conduct", lambda *_: once)):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, with_what)
            patch.setattr(charts, "recommendation", cut_off)
            assert lab(*options) == 130
        assert lab.err == "loadtest: interrupted: nothing was written\n"
        assert list((tmp_path / "results").rglob("*.*")) == []


def test_the_shipped_result_holds() -> None:
    """What is recommended for the sample, run again with one of the seeds that judge, beats the default and none."""
    told = json.loads((REFERENCE / "tune.json").read_text(encoding="utf-8"))
    manifest = json.loads((REFERENCE / "manifest.json").read_text(encoding="utf-8"))
    sample = read_problem("checkout", None, TuneOptions())
    assert sample.sha256 == manifest["sha256"]
    assert told["verdict"] == "better"
    recommended = breaker_settings(**told["recommended"])
    with workers.local(1) as crew:
        ledger = Ledger(JUDGE, Runner(sample.scenarios, sample.timeout, crew), Aim(Weights(), 0.1))
        ledger.ensure_runs([recommended, DEFAULT], 1)

    assert ledger.mean(recommended) < 0.8 * min(ledger.mean(DEFAULT), ledger.mean(OFF))
    assert ledger.mean(recommended) == pytest.approx(told["parts"]["judge"]["recommended"]["cost"], rel=0.2)


def test_the_arms_classification_is_that_of_the_search(tmp_path: Path) -> None:
    """A 429 that the arm calls a failure trips its breaker in the search, too; by default it does nothing there."""
    text = """
        name = "busy"
        title = "A backend that is too busy"
        load = [{ requests = 100, rate_per_s = 10 }]
        faults = { error_rate = 1, error_status = 429 }
        [arms.with]
        breaker = {}
    """
    (tmp_path / "busy.toml").write_text(
        text + 'classification = { failure_status = ["5xx", "429"] }\n', encoding="utf-8"
    )
    (tmp_path / "usual.toml").write_text(text, encoding="utf-8")

    with workers.local(1) as crew:
        refused = []
        for name in ("busy", "usual"):
            found = read_problem(str(tmp_path / f"{name}.toml"), None, ASKED)
            runner = Runner(found.scenarios, found.timeout, crew, classification=found.classification)
            job = Job(LEARN, DEFAULT, 1)
            refused.append(runner([job])[job].fast_fail)

    assert refused == [95, 0]


@pytest.mark.parametrize(
    ("options", "failures"),
    [({}, 60), ({"failure_status": "5xx,429"}, 120), ({"neutral_status": "4xx,500"}, 0)],
    ids=["default", "429 fails", "500 is neutral"],
)
def test_a_logs_statuses_count_as_one_says(tmp_path: Path, options: dict[str, str], failures: int) -> None:
    """Sixty of 500 and sixty of 429."""
    text = lines([(20, 80)], seconds=500) + "".join(f"{500 + each},429,0.1\n" for each in range(60))
    found = problem(tmp_path, text, ASKED.model_validate({**ASKED.model_dump(), **options}))

    assert found.log is not None
    assert int(np.sum((found.log.outcome == ERROR) | (found.log.outcome == TIMEOUT))) == failures


def test_lists_that_name_the_same_status_are_refused() -> None:
    """As the client refuses them."""
    with pytest.raises(ValidationError, match="neutral_status: got '5xx' beside '5xx' in failure_status"):
        TuneOptions.model_validate({"neutral_status": "5xx"})
