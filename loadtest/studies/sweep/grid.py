"""A grid as people write it: `breaker.fail_max=3,5,8` and `breaker.reset_timeout=5:60:5`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from client.pipeline.order import FlatCallSettings
from inputs.wrong_input import WrongInputError, closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_POINTS = 10_000
_FORMS = "KEY=A,B,C or KEY=FROM:TO:STEP, such as breaker.fail_max=3,5,8 or breaker.reset_timeout=5:60:5"


@dataclass(frozen=True)
class Axis:
    """One setting and the values it takes, as texts: the scenario's model is what reads them."""

    key: str
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """The setting without the part that it belongs to, for where there is little room."""
        return self.key.rpartition(".")[2]

    @property
    def numbers(self) -> list[float] | None:
        """The values as numbers, where all of them are."""
        found = [_number(value) for value in self.values]
        return None if None in found else [float(value) for value in found if value is not None]


def settings() -> list[str]:
    """Every setting of an arm that a grid may vary, as a dotted path."""
    return list(_leaves(FlatCallSettings, ""))


def parse_grid(texts: Sequence[str]) -> list[Axis]:
    """Return the axes in the order in which they were given. Raises WrongInputError."""
    if not texts:
        raise _wrong_input("grid", None, f"grid: missing; allowed: {_FORMS}")
    axes = [_axis(text) for text in texts]
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise _wrong_input("grid", key, f"grid: got {key} {keys.count(key)} times; allowed: each setting once")
    points = math.prod(len(axis.values) for axis in axes)
    if points > MOST_POINTS:
        sizes = " x ".join(str(len(axis.values)) for axis in axes)
        raise _wrong_input(
            "grid", points, f"grid: got {sizes} = {points:,} points; allowed: at most {MOST_POINTS:,}; take wider steps"
        )
    return axes


def combinations(axes: Sequence[Axis]) -> list[tuple[str, ...]]:
    """Return every point of the grid; the last axis moves fastest."""
    return list(product(*(axis.values for axis in axes)))


def canonical_text(value: Any) -> str:
    """Write a value as an axis has it: a number in its shortest form, `none`, `true` and `false` as words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    number = _number(str(value))
    return str(value) if number is None else _shortest_text(number)


def _axis(text: str) -> Axis:
    key, equals, listed = text.partition("=")
    key, listed = key.strip(), listed.strip()
    if not equals or not key:
        raise _wrong_input("grid", text, f"grid: got {text!r:.80}; allowed: {_FORMS}")
    known = settings()
    if key not in known:
        near = closest(key, known) or next((f" (did you mean {each!r}?)" for each in known if _ends(each, key)), "")
        tops = ", ".join(f"{name}.*" for name in FlatCallSettings.model_fields)
        raise _wrong_input("grid", key, f"grid: {key}: no such setting{near}; allowed: a setting of an arm: {tops}")
    values = _range(key, listed) if ":" in listed else _list(key, listed)
    return Axis(key, tuple(dict.fromkeys(values)))


def _ends(known: str, word: str) -> bool:
    return known.endswith(f".{word}")


def _list(key: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise _wrong_input("grid", text, f"grid: {key}: got {text!r:.80}; allowed: {_FORMS}")
    return [canonical_text(part) for part in parts]


def _range(key: str, text: str) -> list[str]:
    parts = [_number(part.strip()) for part in text.split(":")]
    numbers = [part for part in parts if part is not None]
    if len(parts) != 3 or len(numbers) != 3:
        raise _wrong_input(
            "grid", text, f"grid: {key}: got {text!r:.80}; allowed: three numbers FROM:TO:STEP, as in 5:60:5"
        )
    start, end, step = numbers
    if step <= 0 or end < start:
        raise _wrong_input("grid", text, f"grid: {key}: got {text!r:.80}; allowed: FROM <= TO and STEP > 0")
    count = (end - start) / step
    if count >= MOST_POINTS:
        raise _wrong_input("grid", text, f"grid: {key}: got {text!r:.80}; allowed: at most {MOST_POINTS:,} values")
    return [_shortest_text(start + index * step) for index in range(int(count) + 1)]


def _number(text: str) -> Decimal | None:
    """Return a decimal, in which 0.1 + 0.2 is 0.3; none for a text that is no finite number of a sane size."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 20 else None


def _shortest_text(number: Decimal) -> str:
    return format(number.normalize() if number else Decimal(0), "f")


def _leaves(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        inner = next((each for each in _types(info.annotation) if issubclass(each, BaseModel)), None)
        if inner is None:
            yield prefix + name
        else:
            yield from _leaves(inner, f"{prefix}{name}.")


def _types(annotation: Any) -> list[type]:
    return [each for each in (annotation, *get_args(annotation)) if isinstance(each, type)]


def _wrong_input(field: str, value: Any, detail: str) -> WrongInputError:
    return WrongInputError([{"field": field, "value": value, "detail": detail}])
