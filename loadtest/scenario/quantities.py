"""The description of a field in a file: a sentence and, for a quantity, its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

# Bounded, so that no sum overflows.
BoundedFloat = Annotated[float, Field(ge=-1e9, le=1e9)]
BoundedInt = Annotated[int, Field(ge=-(2**63), lt=2**63)]
# The unit of a share: 1 is the whole.
SHARE = "1"


def describe(text: str, unit: str = "") -> FieldInfo:
    """Return the annotation of a field; its JSON Schema has the text as `description`, and the `unit` if given."""
    field: FieldInfo = Field(description=text, json_schema_extra={"unit": unit} if unit else None)
    return field
