"""A user's mistakes as sentences: the field, the value, and what is allowed."""

from __future__ import annotations

import difflib
import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr, Tag, ValidationError

from inputs.limits import LONGEST_VALUE, MOST_PROBLEMS
from inputs.shown import show_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails


# A longer word is like none of ours, and comparing takes the product of both lengths.
_LONGEST_WORD = 200
_MOST_NAMES = 2_000
# Characters of a sentence, which may quote more of the input than it should.
_LONGEST_DETAIL = 2_000
_SIGNS = {"ge": ">= ", "gt": "> ", "le": "<= ", "lt": "< "}
# These replace pydantic's sentences about Python's types.
_WORDS = {
    "model_type": "allowed: keys with values",
    "model_attributes_type": "allowed: keys with values",
    "dict_type": "allowed: keys with values",
    "tuple_type": "allowed: a list",
    "too_short": "allowed: at least {min_length} entry",
}


class WrongInputError(ValueError):
    """Bad input. Its text names the field, the value and the allowed range; `problems` has one entry for each field.

    At most MOST_PROBLEMS are told, and how many `more` there are.
    """

    def __init__(self, problems: list[dict[str, Any]], more: int = 0) -> None:
        self.problems = [_cut_detail(problem) for problem in problems[:MOST_PROBLEMS]]
        self.more = more + len(problems) - len(self.problems)
        super().__init__("; ".join(problem["detail"] for problem in self.told))

    @property
    def told(self) -> list[dict[str, Any]]:
        """The problems and, if there are more, an entry that says how many."""
        if not self.more:
            return self.problems
        return [*self.problems, {"field": "", "value": None, "detail": f"and {self.more:,} more"}]

    def said_of(self, place: str) -> WrongInputError:
        """Return the same with the place, such as a file's name, before each sentence."""
        told = [{**problem, "detail": f"{place}: {problem['detail']}"} for problem in self.problems]
        return WrongInputError(told, self.more)


def _cut_detail(problem: dict[str, Any]) -> dict[str, Any]:
    """Return the problem with a sentence that can be read, whatever it quotes."""
    detail = problem["detail"]
    return problem if len(detail) <= _LONGEST_DETAIL else {**problem, "detail": f"{detail[:_LONGEST_DETAIL]} ..."}


def explain(error: ValidationError, model: type[BaseModel], prefix: str = "") -> WrongInputError:
    """Turn pydantic's report into problems of the form {field, value, detail}."""
    found = error.errors(include_url=False)
    around = {details["loc"][:length] for details in found for length in range(len(details["loc"]))}
    inner = [each for each in found if each["loc"] not in around]
    told = [_describe_problem(details, model, prefix) for details in inner[:MOST_PROBLEMS]]
    return WrongInputError(told, len(inner) - len(told))


def closest(word: str, names: Iterable[str]) -> str:
    """Return ' (did you mean X?)' if one of `names` is similar, else an empty string."""
    if len(word) > _LONGEST_WORD:
        return ""
    near = difflib.get_close_matches(word, islice(names, _MOST_NAMES), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _describe_problem(details: ErrorDetails, model: type[BaseModel], prefix: str) -> dict[str, Any]:
    place = [str(part) for part in details["loc"]]
    named = len(place) if details["type"] != "extra_forbidden" else len(place) - 1  # an unknown key may be any text
    # Parts in angle brackets are the tags of a union, and '[key]' marks a key: the user wrote neither.
    written = [part for part in place[:named] if not part.startswith("<") and part != "[key]"] + place[named:]
    written = [part[:LONGEST_VALUE] for part in written]
    field = ".".join([prefix, *written] if prefix else written)
    value = details["input"]
    words = _WORDS.get(details["type"])
    message = words.format_map(details.get("ctx", {})) if words else _plain_message(details["msg"])
    if details["type"] == "value_error" and isinstance(value, (dict, BaseModel)):
        # From a model, about its fields: the message itself names the field.
        name, _, rest = message.partition(": ")
        field = f"{field}.{name}" if field else name
        said = f"{field}: {rest}"
        value = value.get(name) if isinstance(value, dict) else None
        place = [*place, name]
    elif details["type"] == "extra_forbidden":
        said = f"{field}: unknown key{_suggest_key(model, place)}"
    elif details["type"] == "missing":
        said = f"{field}: missing"
    else:
        field = field or "body"  # about the whole input, such as a key that is not text
        got = "" if _is_secret(model, place) else f"got {show_value(value)}; "
        said = f"{field}: {got}{_allowed_range(model, place) or message}"
    if _is_secret(model, place):
        value = None
    return {"field": field, "value": _json_value(value), "detail": said}


def _json_value(value: Any) -> Any:
    """Return the value itself if JSON can hold it and it is short, else the beginning of its text."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if value is None or isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = show_value(value)
    return value if isinstance(value, int) and len(text) < LONGEST_VALUE else text


def _plain_message(message: str) -> str:
    message = message[:_LONGEST_DETAIL].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:]


def _models_at(model: type[BaseModel], place: list[str]) -> list[type[BaseModel]]:
    """Return the models that may have the last part of `place` as a field, if the path leads to any."""
    models = [("", model)]
    for part in place[:-1]:
        infos = [each.model_fields[part] for _, each in models if part in each.model_fields]
        if infos:
            models = [inner for info in infos for inner in _inner_models(info.annotation)]
        elif part.startswith("<"):
            models = [(tag, each) for tag, each in models if tag == part]
        # else: an index of a list, or a key of a mapping
    return [each for _, each in models]


def _inner_models(annotation: Any, tag: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each model in a field's type, with its tag where it is one of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield tag, annotation
    tag = next((mark.tag for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Tag)), tag)
    for argument in getattr(annotation, "__args__", ()):
        yield from _inner_models(argument, tag)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return each model in a field's type."""
    return [model for _, model in _inner_models(annotation)]


def _suggest_key(model: type[BaseModel], place: list[str]) -> str:
    """Return ' (did you mean X?)': the same key one level deeper, else a similar key."""
    word = place[-1]
    fields = {name: info for holder in _models_at(model, place) for name, info in holder.model_fields.items()}
    for name, info in fields.items():
        if any(word in inner.model_fields for _, inner in _inner_models(info.annotation)):
            return f" (did you mean '{name}.{word}'?)"
    return closest(word, fields)


def _allowed_range(model: type[BaseModel], place: list[str]) -> str:
    """Return a text such as 'allowed: a number >= 0 and <= 1' from the field's own bounds."""
    holders = _models_at(model, place) if place else []
    info = next((each.model_fields[place[-1]] for each in holders if place[-1] in each.model_fields), None)
    if info is None:
        return ""
    bounds = [
        f"{sign}{_bound_text(getattr(mark, name))}"
        for mark in _constraints(info.metadata, info.annotation)
        for name, sign in _SIGNS.items()
        if isinstance(getattr(mark, name, None), (int, float))
    ]
    kind = "whole number" if info.annotation is int else "number"
    return f"allowed: a {kind} {' and '.join(bounds)}" if bounds else ""


def _is_secret(model: type[BaseModel], place: list[str]) -> bool:
    """Return whether a value must not be repeated."""
    holders = _models_at(model, place) if place else []
    infos = [each.model_fields[place[-1]] for each in holders if place[-1] in each.model_fields]
    return any(SecretStr in _types_of(info.annotation) for info in infos)


def _types_of(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in getattr(annotation, "__args__", ()) or (getattr(annotation, "__origin__", None),):
        if argument is not None:
            yield from _types_of(argument)


def _bound_text(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:.12g}"


def _constraints(metadata: Iterable[Any], annotation: Any) -> Iterator[Any]:
    """Yield the constraints of a field, including those inside a union or an Annotated."""
    yield from metadata
    yield from getattr(annotation, "__metadata__", ())
    for mark in list(getattr(annotation, "__metadata__", ())):
        yield from getattr(mark, "metadata", ())
    for argument in getattr(annotation, "__args__", ()):
        yield from _constraints((), argument)
