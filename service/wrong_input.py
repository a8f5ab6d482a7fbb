"""A user's mistake as sentences: which field, which value, what is allowed."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails


_SIGNS = {"ge": ">= ", "gt": "> ", "le": "<= ", "lt": "< "}


class WrongInputError(ValueError):
    """Bad input. Its text names the field, the value and the allowed range; `problems` has one entry a field."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(problem["detail"] for problem in problems))
        self.problems = problems


def explain(error: ValidationError, model: type[BaseModel], prefix: str = "") -> WrongInputError:
    """Turn pydantic's report into problems of the form {field, value, detail}."""
    found = error.errors()
    places = [details["loc"] for details in found]
    inner = [each for each in found if not any(_is_inside(place, each["loc"]) for place in places)]
    return WrongInputError([_problem(details, model, prefix) for details in inner])


def _is_inside(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def closest(word: str, known: Iterable[str]) -> str:
    """' (did you mean X?)' where a known word is near, else an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _problem(details: ErrorDetails, model: type[BaseModel], prefix: str) -> dict[str, Any]:
    # Parts in angle brackets are the tags of a union, which the user never wrote.
    place = [str(part) for part in details["loc"] if not str(part).startswith("<")]
    field = ".".join([prefix, *place] if prefix else place)
    value = details["input"]
    message = _plain(details["msg"])
    if details["type"] == "value_error" and isinstance(value, (dict, BaseModel)):
        # Said by a model about its fields: the message names the field itself.
        name, _, rest = message.partition(": ")
        field = f"{field}.{name}" if field else name
        said = f"{field}: {rest}"
        value = None
    elif details["type"] == "extra_forbidden":
        said = f"{field}: unknown key{closest(place[-1], _siblings(model, place))}"
    elif details["type"] == "missing":
        said = f"{field}: missing"
    else:
        said = f"{field}: got {value!r:.80}; {_allowed(model, place) or message}"
    return {"field": field, "value": _shown(value), "detail": said}


def _shown(value: Any) -> Any:
    """Return the value itself where JSON has it, else its text."""
    if isinstance(value, (str, int, type(None))) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return repr(value)[:80]


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:]


def _model_at(model: type[BaseModel], place: list[str]) -> type[BaseModel] | None:
    """Return the model that holds the last part of `place`, where the way there can be followed."""
    models = [model]
    for part in place[:-1]:
        infos = [each.model_fields[part] for each in models if part in each.model_fields]
        if infos:  # else: an index of a list, or a key of a mapping
            models = [inner for info in infos for inner in _inner_models(info.annotation)]
    return next((each for each in models if place[-1] in each.model_fields), models[0] if models else None)


def _inner_models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _inner_models(argument)


def _siblings(model: type[BaseModel], place: list[str]) -> list[str]:
    holder = _model_at(model, place)
    return list(holder.model_fields) if holder else []


def _allowed(model: type[BaseModel], place: list[str]) -> str:
    """'allowed: a number >= 0 and <= 1', from the field's own bounds."""
    holder = _model_at(model, place)
    info = holder.model_fields.get(place[-1]) if holder and place else None
    if info is None:
        return ""
    bounds = [
        f"{sign}{getattr(mark, name):.12g}"
        for mark in _marks(info.metadata, info.annotation)
        for name, sign in _SIGNS.items()
        if isinstance(getattr(mark, name, None), (int, float))
    ]
    kind = "whole number" if info.annotation is int else "number"
    return f"allowed: a {kind} {' and '.join(bounds)}" if bounds else ""


def _marks(metadata: Iterable[Any], annotation: Any) -> Iterator[Any]:
    """Yield the constraints of a field, also those inside a union or an Annotated."""
    yield from metadata
    yield from getattr(annotation, "__metadata__", ())
    for mark in list(getattr(annotation, "__metadata__", ())):
        yield from getattr(mark, "metadata", ())
    for argument in getattr(annotation, "__args__", ()):
        yield from _marks((), argument)
