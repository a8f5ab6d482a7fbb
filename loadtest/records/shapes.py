"""A shape as JSON. A shape is a dataclass whose fields describe themselves."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any


def as_json(value: Any) -> Any:
    """Return what `json.dumps` takes: of shapes, dicts in the order of their fields.

    A field that has a default is left out while it has it: what does not occur in a run is absent from its files.
    """
    if isinstance(value, dict):
        return {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        entries = ((name, getattr(value, name), default) for name, default in _defaults(type(value)))
        return {name: as_json(each) for name, each, default in entries if default is MISSING or each != default}
    return value


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(kind))
