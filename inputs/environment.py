"""Settings from the environment; a misspelt variable is an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, SettingsError

from inputs.json_text import read_json
from inputs.limits import LONGEST_VALUE, MOST_PROBLEMS
from inputs.shown import show_value
from inputs.wrong_input import WrongInputError, closest, explain, models_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Settings = TypeVar("Settings", bound=BaseSettings)


def from_environment(kind: type[Settings], environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Build the settings `kind` from the environment; arguments in `given` override it.

    Raises WrongInputError for a variable with the kind's prefix that names no setting, and for a value out of range.
    """
    environ = os.environ if environ is None else environ
    prefix = kind.model_config.get("env_prefix", "")
    readable = set(variables(kind))
    strangers = sorted(name for name in environ if name.upper().startswith(prefix) and name.upper() not in readable)
    if strangers:
        told = [
            _wrong_variable(name, environ[name], f"no such setting{closest(name.upper(), readable)}")
            for name in strangers[:MOST_PROBLEMS]
        ]
        raise WrongInputError(told, len(strangers) - len(told))
    _refuse_what_is_no_json(kind, prefix, environ)
    try:
        return kind(**given)
    except ValidationError as error:
        raise _as_variables(explain(error, kind), prefix, set(given)) from error
    except SettingsError as error:  # of the library that reads the variables, before any model sees them
        raise WrongInputError([{"field": prefix, "value": None, "detail": f"{prefix}*: {error}"}]) from error


def cache_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the user's folder for caches, as the XDG Base Directory Specification has it; None without a home."""
    environ = os.environ if environ is None else environ
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        return named
    try:
        home = Path(environ.get("HOME") or "~").expanduser()
    except RuntimeError:  # a user whom the system does not know
        return None
    return home / ".cache" if home.is_absolute() and home.is_dir() else None


def variables(kind: type[BaseSettings]) -> Iterator[str]:
    """Yield every environment variable that `kind` reads, in upper case."""
    return _variable_names(kind, kind.model_config.get("env_prefix", ""))


def _variable_names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield f"{prefix}{name}".upper()
        for inner in models_in(info.annotation):  # a group may be optional, or have several forms
            yield from _variable_names(inner, f"{prefix}{name}__")


def _group_names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the variables that may hold a whole group of settings."""
    for name, info in model.model_fields.items():
        for inner in models_in(info.annotation):
            yield f"{prefix}{name}".upper()
            yield from _group_names(inner, f"{prefix}{name}__")


def _refuse_what_is_no_json(kind: type[BaseSettings], prefix: str, environ: Mapping[str, str]) -> None:
    """Raise WrongInputError for each variable that should hold a group of settings as JSON, and does not."""
    groups = set(_group_names(kind, prefix))
    problems = [
        _wrong_variable(name, value, f"got {show_value(value)}; allowed: a JSON object")
        for name, value in environ.items()
        if name.upper() in groups and not _is_json(value)
    ]
    if problems:
        raise WrongInputError(problems)


def _wrong_variable(name: str, value: str, said: str) -> dict[str, Any]:
    return {"field": name[:LONGEST_VALUE], "value": value[:LONGEST_VALUE], "detail": f"{name:.80}: {said}"}


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except ValueError:
        return False
    return True


def _as_variables(wrong: WrongInputError, prefix: str, given: set[str]) -> WrongInputError:
    """Name each field as the variable that the user set, unless it came as an argument."""
    for problem in wrong.problems:
        field = problem["field"]
        if field.split(".")[0] not in given:
            variable = prefix + field.upper().replace(".", "__")
            problem["detail"] = variable + problem["detail"].removeprefix(field)
            problem["field"] = variable
    return WrongInputError(wrong.problems, wrong.more)
