"""The strict base of every model that people may fill in."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

# Also accepts the word: neither TOML nor an environment variable has a null.
OrNone = BeforeValidator(lambda value: None if value == "none" else value)


class StrictModel(BaseModel):
    """Frozen. An unknown key, a number that is not finite, and true or false for a number are errors.

    Text that contains a number is accepted as a number: environment variables are always text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and info.field_name is not None:
            kinds = _types_in(cls.model_fields[info.field_name].annotation)
            if kinds & {int, float} and bool not in kinds:
                raise ValueError("allowed: a number")
        return value


def _types_in(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of."""
    inner = [part for part in get_args(annotation) if isinstance(part, type) or get_args(part)]
    return {kind for part in inner for kind in _types_in(part)} if inner else {annotation}
