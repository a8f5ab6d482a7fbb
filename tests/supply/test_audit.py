"""What is said of the pins: never more than was answered."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from supply import audit
from supply.audit import Advisory, read_answer, told

PINS = [("flask", "3.1.0"), ("rich", "14.0.0"), ("uv", "0.9.0")]
FILES = {pin: ["dev.txt"] for pin in PINS} | {("flask", "3.1.0"): ["dev.txt", "run.txt"]}
FAULT = {"id": "PYSEC-2026-1", "fix_versions": ["3.1.1", "3.2.0"]}


def checked(name: str, version: str, *faults: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": list(faults)}


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": f"{name} not found"}


def json_of(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def answers(monkeypatch: pytest.MonkeyPatch, **said: str) -> list[str]:
    """Let pip-audit answer so for each service; return the list of the services that are asked."""
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        service = command[command.index("--vulnerability-service") + 1]
        asked.append(service)
        return subprocess.CompletedProcess(command, 0, stdout=said[service], stderr="first line\nno such host\n")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(audit, "files_by_pin", lambda _: FILES)
    return asked


def test_what_was_answered_is_checked_and_nothing_else() -> None:
    """A skipped pin has no version in the answer; one that the answer forgot is unchecked, too."""
    found = read_answer("pypi", json_of(checked("flask", "3.1.0", FAULT), skipped("rich")), PINS, "no reason given")

    assert found.checked == {("flask", "3.1.0")}
    assert found.unchecked == {("rich", "14.0.0"): "rich not found", ("uv", "0.9.0"): "no reason given"}
    assert found.advisories == [Advisory("flask", "3.1.0", "PYSEC-2026-1", ["3.1.1", "3.2.0"])]


@pytest.mark.parametrize("said", ["", "Traceback", "[]", "{}", '{"dependencies": [1]}', '{"dependencies": null}'])
def test_no_answer_checks_nothing(said: str) -> None:
    """Whatever came instead."""
    found = read_answer("osv", said, PINS, "no such host")

    assert (found.checked, found.unchecked) == (set(), dict.fromkeys(PINS, "no such host"))


def test_a_mirror_that_skips_everything_has_checked_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip-audit itself says "no known vulnerabilities" and ends with 0 then. Both services are asked."""
    asked = answers(monkeypatch, pypi=json_of(*(skipped(name) for name, _ in PINS)), osv="")

    codes = [audit.main([]), audit.main(["--strict"])]
    lines = ["PyPI: flask not found", "OSV: no such host"]
    lines.append("not checked: none of the 3 pins, since no advisories can be had here")
    assert codes == [0, 1]
    assert asked == ["pypi", "osv"] * 2
    assert capsys.readouterr().out.splitlines() == lines * 2


def test_all_checked_and_nothing_known(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One service is enough."""
    asked = answers(monkeypatch, pypi=json_of(*(checked(*pin) for pin in PINS)))

    assert (audit.main(["--strict"]), asked) == (0, ["pypi"])
    assert capsys.readouterr().out == "3 of 3 pins checked, advisories of PyPI: none known\n"


def test_a_known_fault_is_told_and_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the files that pin it; what was not checked is told beside it."""
    unfixed = {"id": "PYSEC-2026-2", "fix_versions": []}
    answers(monkeypatch, pypi=json_of(checked("flask", "3.1.0", FAULT), checked("rich", "14.0.0", unfixed)))

    assert audit.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "flask 3.1.0 (dev.txt, run.txt): PYSEC-2026-1, fixed in 3.1.1, 3.2.0",
        "rich 14.0.0 (dev.txt): PYSEC-2026-2, no fixed version yet",
        "2 of 3 pins checked, advisories of PyPI: 2 known",
        "not checked: uv 0.9.0 (no such host)",
    ]


def test_a_pin_that_was_not_checked_fails_only_if_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make audit` on a machine without a network is no error; in a CI it may be one."""
    answers(monkeypatch, pypi=json_of(checked("flask", "3.1.0")))

    assert (audit.main([]), audit.main(["--strict"])) == (0, 1)


def test_many_unchecked_pins_are_counted() -> None:
    """Five are named."""
    pins = [(f"p{number}", "1") for number in range(9)]
    found = read_answer("pypi", json_of(checked("p8", "1")), pins, "why")

    assert told([found], {pin: ["dev.txt"] for pin in pins}) == [
        "1 of 9 pins checked, advisories of PyPI: none known",
        "not checked: p0 1, p1 1, p2 1, p3 1, p4 1 and 3 more (why)",
    ]


def test_a_service_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired(command, 300)

    monkeypatch.setattr(subprocess, "run", run)

    assert audit.ask("osv", PINS).unchecked == dict.fromkeys(PINS, "no answer within 300 s")
