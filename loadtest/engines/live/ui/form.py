"""What Locust's form offers, and what a filled-in form asks for. Knows nothing of Locust."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inputs.limits import LONGEST_SCENARIO, LONGEST_VALUE, MOST_PROBLEMS
from inputs.shown import show_value
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

# The fields that a form may have: the lab's, and those that Locust's page sends whatever the lab does with them.
OWN_FIELDS = ("scenario", "arms", "seeds", "engine")
LOCUSTS_FIELDS = ("user_count", "spawn_rate", "run_time", "host", "profile")
# More users than any machine has; Locust starts one, whatever the form says.
MOST_USERS = 1_000_000
_LONGEST_NUMBER = 20
LONGEST_RUN_S = 31 * 24 * 3600
_RUN_TIME = re.compile(r"(?=\d)(?:(\d{1,7})h)?(?:(\d{1,7})m)?(?:(\d{1,7})s)?|(\d{1,7})", re.ASCII)
_DECIMAL = re.compile(r"(?:\d{1,20}\.?\d{0,20}|\.\d{1,20})(?:[eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Choice:
    """A run that was asked for, checked."""

    scenario: Scenario
    text: str
    arms: list[str]
    seeds: list[int]
    engine: Engine


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


def choose_run(form: Mapping[str, Sequence[str]], offered: Sequence[str], client_url: str) -> Choice:
    """Return what the form asks for; each field has a list of values. Raises WrongInputError, for every wrong field.

    `client_url` is the host that Locust's page shows: the addresses of the services are no choice of the form.
    """
    known = (*OWN_FIELDS, *LOCUSTS_FIELDS)
    strangers = [name for name in form if name not in known]
    problems = [_unknown_field(name, known) for name in strangers[:MOST_PROBLEMS]]
    problems += [*_repeated_fields(form), *_locusts_problems(form, client_url)]
    choice = None
    try:
        choice = _choose_own(form, offered)
    except WrongInputError as error:
        problems += error.problems
    if problems or choice is None:
        raise WrongInputError(problems, more=len(strangers[MOST_PROBLEMS:]))
    return choice


def _choose_own(form: Mapping[str, Sequence[str]], offered: Sequence[str]) -> Choice:
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
    return Choice(scenario, text, chosen, seeds, engine)


def _unknown_field(name: str, known: Sequence[str]) -> dict[str, Any]:
    detail = f"{show_value(name)}: no field of this form{closest(name, known)}; allowed: {', '.join(known)}"
    return _problem(name[:LONGEST_VALUE], None, detail)


def _repeated_fields(form: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Refuse a field that says two things: readers differ in which one they take."""
    return [
        _problem(name, None, f"{name}: given {len(form[name])} times; allowed: once")
        for name in (*OWN_FIELDS, *LOCUSTS_FIELDS)
        if name != "arms" and len(form.get(name, ())) > 1
    ]


def _locusts_problems(form: Mapping[str, Sequence[str]], client_url: str) -> list[dict[str, Any]]:
    """Check Locust's own fields before Locust sees them: the scenario defines the load, so they change nothing."""
    problems = []
    for name in ("user_count", "spawn_rate"):
        value = _last_value(form, name)
        whole = name == "user_count"
        if not _is_count(value, whole=whole):
            kind = "a whole number" if whole else "a number"
            problems += _wrong_input(name, value, f"{kind} from 0 to {MOST_USERS:,}").problems
    run_time = _last_value(form, "run_time")
    if run_time and not _is_run_time(run_time):
        allowed = f"none, or a time such as 20, 20s, 3m, 2h or 1h20m, up to {LONGEST_RUN_S // 3600}h"
        problems += _wrong_input("run_time", run_time, allowed).problems
    host = _last_value(form, "host")
    if host.rstrip("/") not in ("", client_url.rstrip("/")):
        allowed = f"{client_url}, since the addresses of the services come from the command line alone"
        problems += _wrong_input("host", host, allowed).problems
    profile = _last_value(form, "profile")
    if profile:
        problems += _wrong_input("profile", profile, "none").problems
    return problems


def _is_count(text: str, *, whole: bool) -> bool:
    if whole:
        return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text) <= MOST_USERS
    if not _DECIMAL.fullmatch(text):
        return False
    value = float(text)
    return math.isfinite(value) and value <= MOST_USERS


def _is_run_time(text: str) -> bool:
    found = _RUN_TIME.fullmatch(text)
    if found is None:
        return False
    hours, minutes, seconds, alone = (int(part or 0) for part in found.groups())
    return 0 < hours * 3600 + minutes * 60 + seconds + alone <= LONGEST_RUN_S


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
    detail = f"{field}: got {show_value(value)}; allowed: {allowed}"
    return WrongInputError([_problem(field, value[:LONGEST_VALUE], detail)])


def _problem(field: str, value: str | None, detail: str) -> dict[str, Any]:
    return {"field": field, "value": value, "detail": detail}
