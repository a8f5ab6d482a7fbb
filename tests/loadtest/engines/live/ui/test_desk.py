"""A run from the form: one at a time, and whatever goes wrong gives its place back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from inputs.wrong_input import WrongInputError
from loadtest.engines.live.control import Service
from loadtest.engines.live.ui import desk
from loadtest.engines.live.ui.desk import CommandLine, Desk, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RIGHT = {"scenario": ["experiment-1"], "engine": ["virtual"], "user_count": ["1"], "spawn_rate": ["1"]}
LIVE = {**RIGHT, "engine": ["live"]}
BUSY = "a run is in progress, or its report is being written: wait for it, or stop it"


class Runner:
    """Locust, as far as the desk knows it."""

    def __init__(self) -> None:
        self.started = 0
        self.fails = False
        self.is_running = False

    def launch(self) -> None:
        if self.fails:
            raise RuntimeError("no runner")
        self.started += 1


@pytest.fixture
def runner() -> Runner:
    """Stand in for Locust."""
    return Runner()


@pytest.fixture
def session() -> Session:
    """Return the state that the desk shares with the user who conducts the run."""
    return Session()


@pytest.fixture
def taken(tmp_path: Path, runner: Runner, session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Return a desk whose services answer, and whose reports are written by nobody.

    Its client has an address of its own, since a run on the same one is kept out, whoever started it.
    """
    monkeypatch.setattr(Service, "check", lambda *_: None)
    done = SimpleNamespace(stdout="", stderr="no report here")
    monkeypatch.setattr(desk.subprocess, "run", lambda *_, **__: done)
    made = Desk(
        session,
        CommandLine(f"http://{uuid4().hex}.test", "http://backend.test", tmp_path / "results", tmp_path),
        launch=runner.launch,
        is_running=lambda: runner.is_running,
        report_request=lambda _: None,
    )
    yield made
    made.finish()


def runs(taken: Desk) -> list[Path]:
    """Return the folders of all runs."""
    return sorted(taken.results.glob("experiment-1/2*"))


def refusal(taken: Desk, fields: dict[str, list[str]]) -> str:
    """Return why a form is refused."""
    with pytest.raises(WrongInputError) as caught:
        taken.start(fields)
    return str(caught.value)


def test_a_right_form_starts_one_run(taken: Desk, runner: Runner, session: Session) -> None:
    """The second click is told, until the report is written; then the next one starts."""
    taken.start(RIGHT)

    assert (runner.started, session.phase, len(runs(taken))) == (1, "running", 1)
    assert refusal(taken, RIGHT) == refusal(taken, {}) == BUSY
    session.failed = ""
    taken.finish()
    assert taken.progress()["message"] == "the report could not be written: no report here"
    taken.start(RIGHT)
    assert (runner.started, session.phase, len(runs(taken))) == (2, "running", 2)


@pytest.mark.parametrize(
    "wrong",
    [{"run_time": ["abc"]}, {"user_count": ["x"]}, {"spawn_rate": [""]}, {"results": ["elsewhere"]}, {"seeds": ["x"]}],
)
def test_a_typing_error_starts_nothing_and_locks_nothing(taken: Desk, runner: Runner, wrong: dict[str, Any]) -> None:
    """No folder of a run, and the next right form starts."""
    assert refusal(taken, {**RIGHT, **wrong}) != BUSY
    assert (runner.started, runs(taken), taken.progress()["phase"]) == (0, [], "idle")
    taken.start(RIGHT)
    assert runner.started == 1


def test_a_runner_that_does_not_start_gives_the_place_back(taken: Desk, runner: Runner) -> None:
    """With the folder that was made for it."""
    runner.fails = True
    with pytest.raises(RuntimeError):
        taken.start(RIGHT)
    assert (runs(taken), taken.progress()) == ([], {"phase": "idle", "message": "", "run": None})
    runner.fails = False
    taken.start(RIGHT)
    assert runner.started == 1


def test_a_runner_that_goes_on_is_not_disturbed(taken: Desk, runner: Runner) -> None:
    """Locust may still be clearing up after a run whose report is there."""
    runner.is_running = True

    assert refusal(taken, RIGHT) == BUSY
    assert runner.started == 0


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let something happen while the services are asked whether they are there."""
    asked: list[Service] = []

    def check(service: Service, _: str) -> None:
        asked.append(service)
        if len(asked) == 1:
            act()

    monkeypatch.setattr(Service, "check", check)


def test_of_two_at_once_one_starts(taken: Desk, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is taken before the first check waits for a service."""
    told: list[str] = []
    meanwhile(monkeypatch, lambda: told.append(refusal(taken, RIGHT)))

    taken.start(LIVE)

    assert (told, runner.started, len(runs(taken))) == ([BUSY], 1, 1)


def test_a_stop_during_the_preparation_is_heeded(taken: Desk, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust knows of no run yet, so its own stop changes nothing; its event of an end must not end the next one."""

    def stop() -> None:
        taken.stop_preparing()
        taken.finish()

    meanwhile(monkeypatch, stop)

    assert refusal(taken, LIVE) == "the run was stopped before it began"
    assert (runner.started, runs(taken)) == (0, [])
    taken.stop_preparing()  # nothing is being prepared: it is not for the next one
    taken.start(LIVE)
    assert runner.started == 1


def test_a_folder_that_has_gone_ends_the_run_with_a_sentence(taken: Desk, runner: Runner) -> None:
    """And the next one starts."""
    taken.start(RIGHT)
    for each in runs(taken)[0].iterdir():
        each.unlink()

    taken.finish()

    found = taken.progress()
    assert found["phase"] == "failed"
    assert found["message"].endswith("not a run: manifest.json is missing or broken")
    taken.start(RIGHT)
    assert runner.started == 2
