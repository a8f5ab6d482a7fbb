"""Check values with a model, and apply a change to earlier values."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from inputs.wrong_input import explain

Model = TypeVar("Model", bound=BaseModel)


def check(values: dict[str, Any], model: type[Model], prefix: str = "") -> Model:
    """Validate `values`. Raises WrongInputError, which names field, value and range."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise explain(error, model, prefix) from error


def merge_change(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return `old` with `change` applied, nested objects key by key: what PATCH does before the result is checked."""
    new = dict(old)
    for name, value in change.items():
        inner = new.get(name)
        new[name] = merge_change(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return new
