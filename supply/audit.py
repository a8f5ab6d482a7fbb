"""Hold the pins against the known advisories: python -m supply.audit [--strict].

pip-audit asks PyPI and, where that answers for no pin, OSV. Only what was answered counts as checked: a mirror without
advisories answers "not found", which pip-audit calls skipped, and ends with "no known vulnerabilities".

Exit code 1 if an advisory is known; with --strict also if any pin could not be checked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supply.pins import FOLDER, files_by_pin

SERVICES = {"pypi": "PyPI", "osv": "OSV"}
WITHIN_S = 300
_MOST_NAMED = 5


@dataclass(frozen=True)
class Advisory:
    """A known fault of a pin."""

    name: str
    version: str
    id: str
    fixed_in: list[str]


@dataclass
class Answer:
    """What one service said: the pins that it checked, those that it did not, and why."""

    service: str
    checked: set[tuple[str, str]] = field(default_factory=set)
    unchecked: dict[tuple[str, str], str] = field(default_factory=dict)
    advisories: list[Advisory] = field(default_factory=list)


def ask(service: str, pins: list[tuple[str, str]]) -> Answer:
    """Ask a service about every pin; markers are left out, so that those of other systems are checked, too."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pins.txt"
        listed.write_text("".join(f"{name}=={version}\n" for name, version in pins), encoding="utf-8")
        options = [
            "--no-deps",
            "--disable-pip",
            "--progress-spinner=off",
            "--format=json",
            "--requirement",
            str(listed),
        ]
        command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
            said, why = done.stdout, _last_line(done.stderr)
        except subprocess.TimeoutExpired:
            said, why = "", f"no answer within {WITHIN_S} s"
    return read_answer(service, said, pins, why)


def read_answer(service: str, said: str, pins: list[tuple[str, str]], why: str) -> Answer:
    """Read pip-audit's JSON. A pin of which it says nothing is unchecked, for the reason `why`."""
    answer = Answer(service)
    for each in _dependencies(said):
        pin = str(each.get("name")), str(each.get("version"))
        if "vulns" in each and "skip_reason" not in each:
            answer.checked.add(pin)
            answer.advisories += [
                Advisory(*pin, str(vulnerability["id"]), list(map(str, vulnerability.get("fix_versions") or ())))
                for vulnerability in each["vulns"]
            ]
        else:
            answer.unchecked[pin] = str(each.get("skip_reason") or why)
    # A skipped one has no version of its own in pip-audit's answer.
    named = {name: reason for (name, _), reason in answer.unchecked.items()}
    answer.checked &= set(pins)
    answer.unchecked = {pin: named.get(pin[0], why) for pin in pins if pin not in answer.checked}
    return answer


def _dependencies(said: str) -> list[dict[str, Any]]:
    try:
        return [each for each in json.loads(said)["dependencies"] if isinstance(each, dict)]
    except (ValueError, KeyError, TypeError):
        return []


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:200] if lines else "no reason given"


def told(answers: list[Answer], files: dict[tuple[str, str], list[str]]) -> list[str]:
    """Return what there is to say of the last answer, and why those before it were of no use."""
    last = answers[-1]
    lines = [
        f"{each.name} {each.version} ({', '.join(files[each.name, each.version])}): {each.id}, "
        + (f"fixed in {', '.join(each.fixed_in)}" if each.fixed_in else "no fixed version yet")
        for each in last.advisories
    ]
    if last.checked:
        known = f"{len(last.advisories)} known" if last.advisories else "none known"
        lines.append(
            f"{len(last.checked)} of {len(files)} pins checked, advisories of {SERVICES[last.service]}: {known}"
        )
        if last.unchecked:
            some = ", ".join(f"{name} {version}" for name, version in list(last.unchecked)[:_MOST_NAMED])
            more = f" and {len(last.unchecked) - _MOST_NAMED} more" if len(last.unchecked) > _MOST_NAMED else ""
            lines.append(f"not checked: {some}{more} ({next(iter(last.unchecked.values()))})")
        return lines
    lines += [f"{SERVICES[each.service]}: {next(iter(each.unchecked.values()))}" for each in answers]
    return [*lines, f"not checked: none of the {len(files)} pins, since no advisories can be had here"]


def main(arguments: list[str] | None = None) -> int:
    """Ask, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="audit", description="Hold the pins against the known advisories.")
    parser.add_argument("--strict", action="store_true", help="exit code 1 also if a pin could not be checked")
    options = parser.parse_args(arguments)
    files = files_by_pin(FOLDER)
    answers: list[Answer] = []
    for service in SERVICES:
        answers.append(ask(service, list(files)))
        if answers[-1].checked:
            break
    sys.stdout.write("\n".join(told(answers, files)) + "\n")
    return 1 if answers[-1].advisories or (options.strict and answers[-1].unchecked) else 0


if __name__ == "__main__":
    sys.exit(main())
