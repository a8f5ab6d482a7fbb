"""Scenario files in TOML: those of the lab, and those of its users."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from inputs.check import check
from inputs.files import UnreadableFileError, read_text
from inputs.limits import LONGEST_SCENARIO
from inputs.toml_text import read_toml
from inputs.wrong_input import WrongInputError, closest
from loadtest.scenario.model import Scenario

# A shipped scenario is in the folder of its experiment, whose name has underscores instead of hyphens.
_EXPERIMENTS = Path(__file__).parents[1] / "experiments"
_FILE = "scenario.toml"


def shipped_names() -> list[str]:
    """Names of the scenarios that come with the lab."""
    return sorted(path.parent.name.replace("_", "-") for path in _EXPERIMENTS.glob(f"*/{_FILE}"))


def folder_of(name: str) -> Path:
    """Return the folder of a shipped scenario's experiment."""
    return _EXPERIMENTS / name.replace("-", "_")


@cache
def documented_arms() -> dict[str, tuple[str, ...]]:
    """Return each experiment of the reference document with the arms whose figures it gives."""
    arms: dict[str, tuple[str, ...]] = {}
    for name in shipped_names():
        values = tomllib.loads((folder_of(name) / _FILE).read_text(encoding="utf-8"))
        if values.get("document") == name:
            arms[name] = tuple(arm for arm, settings in values["arms"].items() if settings.get("documented"))
    return arms


def read(name_or_path: str) -> tuple[Scenario, str]:
    """Return a shipped scenario or one from a file, and its text. Raises WrongInputError."""
    if name_or_path in shipped_names():
        text = (folder_of(name_or_path) / _FILE).read_text(encoding="utf-8")
        return parse(text, f"{name_or_path}.toml"), text
    path = Path(name_or_path)
    if path.suffix != ".toml" and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for impossible names
        names = shipped_names()
        message = f"no shipped scenario{closest(name_or_path, names)}; allowed: {', '.join(names)}, or a .toml file"
        raise _wrong_input(f"scenario: got {name_or_path!r:.200}; {message}", name_or_path)
    try:
        text = read_text(path, LONGEST_SCENARIO)
    except UnreadableFileError as error:
        raise _wrong_input(f"scenario file {name_or_path:.400}: {error}", name_or_path) from error
    return parse(text, path.name), text


def parse(text: str, file_name: str) -> Scenario:
    """Check the text of a scenario file. Raises WrongInputError, which names the file and the field."""
    try:
        values = read_toml(text)
    except ValueError as error:
        raise _wrong_input(f"{file_name}: {error}", None) from error
    for place, faults in _faults_in(values):
        if "seed" in faults:
            raise _wrong_input(
                f"{file_name}: {place:.80}.seed: unknown key; use the scenario's own seed, at the top of the file", None
            )
    try:
        scenario = check(values, Scenario)
        _check_document(scenario)
    except WrongInputError as error:
        raise error.said_of(file_name) from error
    return scenario


def _check_document(scenario: Scenario) -> None:
    """Raise WrongInputError for an experiment that the document lacks, or whose arms the scenario lacks."""
    name = scenario.document
    if name is None:
        return
    known = documented_arms()
    if name not in known:
        detail = f"document: got {name!r}{closest(name, known)}; allowed: {', '.join(known)}"
        raise WrongInputError([{"field": "document", "value": name, "detail": detail}])
    for arm in known[name]:
        if arm not in scenario.arms:
            detail = f"document: got {name!r}, but the scenario has no arm {arm!r}, whose figures the document gives"
            raise WrongInputError([{"field": "document", "value": name, "detail": detail}])


def _faults_in(values: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    arms = values.get("arms")
    places = {"faults": values.get("faults")}
    if isinstance(arms, dict):
        places |= {f"arms.{name}.faults": arm.get("faults") for name, arm in arms.items() if isinstance(arm, dict)}
    return [(place, faults) for place, faults in places.items() if isinstance(faults, dict)]


def _wrong_input(detail: str, value: Any) -> WrongInputError:
    return WrongInputError([{"field": "scenario", "value": value, "detail": detail}])
