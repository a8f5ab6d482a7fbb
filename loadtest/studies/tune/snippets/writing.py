"""Numbers and text as the targets read them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Tree = Mapping[str, "str | Tree"]


def number(value: float) -> str:
    """Write a number without an exponent, and a whole one without a point."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").removesuffix(".") if "." in text else text


def percent(share: float) -> float:
    """Return a share in percent, without the dust of binary fractions."""
    return round(share * 100, 6)


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds, rounded up, so that what is more than nothing stays so."""
    return math.ceil(round(seconds * 1000, 6))


def quote_text(text: str) -> str:
    """Write text as a literal that YAML, Python, C# and Go read alike."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else _escape_character(ord(each)) for each in plain) + '"'


def _escape_character(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def yaml(tree: Tree) -> str:
    """Write nested settings as YAML; the leaves are YAML already."""
    return "\n".join(_lines(tree, ""))


def _lines(tree: Tree, indent: str) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, str):
            yield f"{indent}{key}: {value}"
        else:
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
