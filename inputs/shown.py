"""The beginning of any value as text, for a sentence about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inputs.limits import LONGEST_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of a whole number with 4,000 digits; Python refuses to write one with more than 4,300.
_MOST_BITS = 13_000


def show_value(value: Any) -> str:
    """Return what repr() begins with, LONGEST_VALUE characters of it, however long or deep the value is.

    repr() itself would write all of it, raise RecursionError for a deep one, and ValueError for a long whole number.
    """
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) >= LONGEST_VALUE:
            break
    return text[:LONGEST_VALUE]


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield repr(value[:LONGEST_VALUE])
    elif isinstance(value, dict):
        yield "{"
        for index, (name, inner) in enumerate(value.items()):
            yield ", " if index else ""
            yield from _pieces(name)
            yield ": "
            yield from _pieces(inner)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for index, inner in enumerate(value):
            yield ", " if index else ""
            yield from _pieces(inner)
        yield "]"
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        yield hex(value)  # as decimals it would take time that grows with the square of its length
    else:
        yield repr(value)
