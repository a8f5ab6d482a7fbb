"""What Locust's form offers, and what a filled-in form asks for. Knows nothing of Locust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inputs.limits import LONGEST_SCENARIO
from inputs.wrong_input import WrongInputError, closest
from loadtest.records.manifest import ENGINES
from loadtest.scenario import files
from loadtest.scenario.seeds import parse_seeds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loadtest.records.manifest import Engine
    from loadtest.scenario.model import Scenario

ALL_ARMS = "(all arms)"
# More files than a form can show are no folder of scenarios.
_MOST_FILES = 200
_BETWEEN = ": "


@dataclass(frozen=True)
class Choice:
    """A run that was asked for, checked."""

    scenario: Scenario
    text: str
    arms: list[str]
    seeds: list[int]
    engine: Engine
    client_url: str
    backend_url: str


def scenarios(folder: Path) -> list[str]:
    """Name the shipped scenarios and the scenario files of a folder, as `scenario.read` takes them.

    A file that has arms but is no right scenario is among them, so that starting it says what is wrong.
    """
    own = [path for path in sorted(folder.glob("*.toml"))[:_MOST_FILES] if _has_arms(path)]
    return [*files.shipped_names(), *map(str, own)]


def _has_arms(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= LONGEST_SCENARIO and b"[arms." in path.read_bytes()
    except OSError:
        return False


def arms(names: Sequence[str]) -> list[str]:
    """Name every arm of these scenarios as 'scenario: arm'; those that cannot be read have none."""
    labels = []
    for name in names:
        try:
            labels += [f"{name}{_BETWEEN}{arm}" for arm in files.read(name)[0].arms]
        except WrongInputError:
            continue
    return labels


def choose_run(form: Mapping[str, Sequence[str]], offered: Sequence[str]) -> Choice:
    """Return what the form asks for; each field has a list of values. Raises WrongInputError, for every wrong field."""
    name = _last_value(form, "scenario")
    if name not in offered:
        raise _wrong_input("scenario", name, f"{', '.join(offered)}{closest(name, offered)}")
    scenario, text = files.read(name)
    problems = []
    chosen: list[str] = []
    seeds: list[int] = []
    try:
        chosen = _choose_arms(form.get("arms", ()), name, scenario)
    except WrongInputError as error:
        problems += error.problems
    try:
        seeds = parse_seeds(_last_value(form, "seeds")) or [scenario.seed]
    except WrongInputError as error:
        problems += error.problems
    wanted = _last_value(form, "engine") or ENGINES[0]
    engine = next((each for each in ENGINES if each == wanted), None)
    if engine is None:
        problems += _wrong_input("engine", wanted, f"{', '.join(ENGINES)}{closest(wanted, ENGINES)}").problems
    if problems or engine is None:
        raise WrongInputError(problems)
    return Choice(scenario, text, chosen, seeds, engine, _last_value(form, "host"), _last_value(form, "backend_url"))


def _choose_arms(values: Sequence[str], name: str, scenario: Scenario) -> list[str]:
    """Return the chosen arms, all where none is named: 'scenario: arm' or the arm alone, and several between commas."""
    chosen = []
    for value in filter(None, (part.strip() for each in values for part in each.split(","))):
        if value == ALL_ARMS:
            continue
        whose, _, arm = value.rpartition(_BETWEEN)
        if whose not in ("", name):
            raise _wrong_input("arms", value, f"arms of {name}: {', '.join(scenario.arms)}")
        chosen.append(arm)
    return scenario.choose_arms(chosen)


def _last_value(form: Mapping[str, Sequence[str]], field: str) -> str:
    values = form.get(field, ())
    return values[-1].strip() if values else ""


def _wrong_input(field: str, value: str, allowed: str) -> WrongInputError:
    return WrongInputError([{"field": field, "value": value, "detail": f"{field}: got {value!r}; allowed: {allowed}"}])
