"""Colours, shapes and words of outcomes and states, wherever they are drawn. Draws nothing, and so loads nothing.

Colours are Okabe and Ito's, chosen to be told apart with any kind of colour vision.
"""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """How one kind of thing is drawn, always the same way."""

    colour: str
    marker: str
    hatch: str
    word: str


OUTCOMES = {
    "ok": Look("#009E73", "o", "", "ok"),
    "error": Look("#D55E00", "X", "xx", "error"),
    "timeout": Look("#CC79A7", "s", "..", "timeout"),
    "fast_fail": Look("#56B4E9", "v", "//", "fast-fail"),
    "rejected": Look("#F0E442", "P", "++", "rejected"),
    "cancelled": Look("#999999", "*", "--", "cancelled"),
}
STATES = {
    "closed": Look("none", "", "", "closed"),
    "open": Look("#0072B2", "", "///", "open"),
    "half-open": Look("#E69F00", "", "...", "half-open"),
}
