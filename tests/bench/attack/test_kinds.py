"""Each kind of attack against a service that does everything wrong: it has to say so."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from bench.attack import targets, wire
from bench.attack.ground import Effort
from bench.attack.kinds import (
    bodies,
    commands,
    descriptors,
    disk,
    floods,
    forms,
    heads,
    hosts,
    kills,
    locks,
    pages,
    paths,
    schemas,
    smuggling,
    streams,
    tokens,
    values,
)
from bench.attack.registry import ATTACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def told(ground: Any) -> str:
    """Return all that did not hold."""
    return "\n".join(ground.tally.told)


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (values.attack, ["fail_max = None: 200", "fail_max = -1: 200", "fresh=maybe: 200", "zzz"]),
        (
            bodies.attack,
            ["8,000 unknown keys", "answered late", "objects 957 deep: 500", "1,100,000 bytes in chunks: 200"],
        ),
        (heads.attack, ["a header line of", "an id of 129 characters: 200", "20,000 header lines: 200", "X-Attempt"]),
        (smuggling.attack, ["a length and chunks: the hidden request was done", "two lengths"]),
        (hosts.attack, ["GET /config for the host evil.example: 200", "PATCH /config from https://evil.example: 200"]),
        (tokens.attack, ["PATCH /config with {}: 200", "Basic"]),
        (paths.attack, ["GET /dashboard/../settings.py"]),
        (pages.attack, ["shows '<img src=x onerror=alert(1)>'", "passes on text/html that runs", "no nosniff"]),
        (floods.attack, ["connection 0", "descriptors afterwards"]),
    ],
)
def test_a_weak_service_breaks(attack: Callable[[Any], None], said: list[str], weak: tuple[Any, Any]) -> None:
    """A quick run of each sees what is wrong, and tells where."""
    ground, _ = weak
    attack(ground)

    found = told(ground)
    assert [each for each in said if each not in found] == []


def test_streams_that_starve_others_break(weak: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls fall to a fifth, and no seat comes back."""
    ground, _ = weak
    ground.effort = Effort()
    rates = iter([372.0, 75.0])
    monkeypatch.setattr(streams, "measure_rate", lambda *_: next(rates, 75.0))
    monkeypatch.setattr(streams, "open_stream", lambda *_, **__: _Silent())
    monkeypatch.setattr(streams, "finds_seat", lambda _: False)
    monkeypatch.setattr(streams, "SEATS_BACK_WITHIN_S", 0.01)
    streams.attack(ground)

    found = told(ground)
    assert "100 readers of calls=each that never read: 75 calls/s, 372 before" in found
    assert "calls=each: no seat for a dashboard" in found
    assert "no seat after 300 streams" in found


class _Silent:
    """A socket that does nothing."""

    def setsockopt(self, *_: Any) -> None:
        """Do nothing."""


def test_a_service_that_spins_without_descriptors_breaks(
    weak: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes whole cores, and says nothing."""
    ground, service = weak
    monkeypatch.setattr(descriptors, "BACK_WITHIN_S", 0.01)
    monkeypatch.setattr(service, "_as_json", lambda _: wire.WireAnswer())
    descriptors.attack(ground)

    found = told(ground)
    assert "of a core while no descriptor is left" in found
    assert "the log does not say that the descriptors have run out" in found


def test_forms_that_start_anything_break(weak: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every form starts a run, whoever sends it."""
    ground, _ = weak
    monkeypatch.setattr(forms, "RUN_WITHIN_S", 0.01)
    monkeypatch.setattr(forms, "IDLE_WITHIN_S", 0.01)
    forms.attack(ground)

    found = told(ground)
    assert '{"Origin": "https://evil.example"}: 200' in found
    assert '{"results": ' in found
    assert '"host": ' in found
    assert '{"run_time": "abc"}: 200' in found
    assert "5 of 5 starts at once" in found


class _Ended:
    """A process that has ended, or never does."""

    pid = 2**22

    def __init__(self, code: int | None) -> None:
        self.returncode = code

    def poll(self) -> int | None:
        """Return the exit code."""
        return self.returncode

    def wait(self, _: float) -> int:
        """Return the exit code."""
        if self.returncode is None:
            raise targets.subprocess.TimeoutExpired("lab", 1)
        return self.returncode


def _lab(monkeypatch: pytest.MonkeyPatch, said: str, code: int | None) -> None:
    """Let every command of the lab say this, and end so."""

    @contextmanager
    def start_lab(folder: Path, *_: str, **__: str) -> Iterator[_Ended]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "out").write_text(said, encoding="utf-8")
        yield _Ended(code)

    def run_lab(folder: Path, *arguments: str, **__: Any) -> tuple[int | None, str]:
        with start_lab(folder, *arguments):
            return code, said

    monkeypatch.setattr(targets, "start_lab", start_lab)
    monkeypatch.setattr(targets, "run_lab", run_lab)


@pytest.mark.parametrize(
    ("said", "code"), [("Traceback (most recent call last)", 1), ("", 2), ("did it", 0), ("x", None)]
)
def test_a_command_without_a_sentence_breaks(
    said: str, code: int | None, weak: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback, silence, success and no end are none of them right."""
    ground, _ = weak
    _lab(monkeypatch, said, code)
    commands.attack(ground)

    assert "run: a key of 2,000 dots" in told(ground)


def test_a_run_that_leaves_a_traceback_and_drafts_breaks(
    weak: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that does not end."""
    ground, _ = weak
    _lab(monkeypatch, "Traceback (most recent call last)", None)
    monkeypatch.setattr(disk, "_limit_files_of", lambda *_: None)
    monkeypatch.setattr(disk, "WITHIN_S", 0.01)
    monkeypatch.setattr(disk, "_wait_for_length", lambda folder, *_: (folder / ".draft").write_text("x") > 0)
    disk.attack(ground)

    found = told(ground)
    assert "a file may have 200,000 bytes, virtual: exit code None" in found
    assert "a traceback" in found
    assert "drafts are left: ['.draft']" in found


def test_locks_that_follow_links_break(weak: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a link points to is overwritten, made, and opened to all."""
    ground, _ = weak

    def run_lab(*_: Any, **__: Any) -> tuple[int, str]:
        out = ground.folder / "results"
        out.mkdir(exist_ok=True)
        for name in (".running", ".running.lock"):
            (out / name).write_text("taken", encoding="utf-8")
            (out / name).chmod(0o666)
        return 0, ""

    monkeypatch.setattr(targets, "run_lab", run_lab)
    locks.attack(ground)

    assert set(ground.tally.told) == {
        ".running may be written by all: -rw-rw-rw-",
        ".running.lock may be written by all: -rw-rw-rw-",
        "a run has changed what a link at .running.lock points to",
        "a run has changed what a link at .running points to",
        "a run has made what a link at .running points to",
        "a run has made what a link at .running.lock points to",
    }


class _Undying:
    """A process that no signal ends."""

    def __init__(self, part: str) -> None:
        self.pid = 1
        self._part = part

    def cmdline(self) -> list[str]:
        """Return what was started."""
        return ["python", "-m", self._part]

    def is_running(self) -> bool:
        """Say yes."""
        return True

    def status(self) -> str:
        """Sleep."""
        return "sleeping"

    def kill(self) -> None:
        """Ignore it."""

    terminate = kill


def test_orphans_break(weak: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What outlives the kill is named."""
    ground, _ = weak
    _lab(monkeypatch, "", None)
    family = [_Undying(part) for part in ("backend", "client", "locust")]
    monkeypatch.setattr(targets, "below", lambda _: family)
    monkeypatch.setattr(kills.psutil, "Process", lambda _: _Undying("loadtest"))
    monkeypatch.setattr(kills, "GONE_WITHIN_S", 0.01)
    kills._kill_parts(ground, "run")

    assert [text.partition(": still there")[0] for text in ground.tally.told] == [
        f"run: kill -9 of {part}" for part in ("the lab", "backend", "client", "locust")
    ]


def test_an_answer_that_the_page_does_not_tell_breaks(weak: tuple[Any, Any]) -> None:
    """A 500, and what the check of the answer says, count."""
    ground, _ = weak
    counted = count()

    class Answer:
        status_code = 500
        content = b"Internal Server Error"

    class Refused(Exception):  # noqa: N818 - stands for schemathesis' group
        exceptions = ()

    class Case:
        def call(self, **_: Any) -> Answer:
            return Answer()

        def validate_response(self, *_: Any, **__: Any) -> None:
            next(counted)
            raise Refused

    schemas.judge_case(ground, "client: GET /x", Case(), "http://127.0.0.1:1", (), Refused)

    assert next(counted) == 1
    assert ground.tally.broken == 2


def test_every_attack_is_in_the_table_once() -> None:
    """Their names are different, and the times of all together are bounded."""
    names = [each.name for each in ATTACKS]
    assert len(set(names)) == len(names)
    assert sum(each.deadline_s for each in ATTACKS) <= 1_500
