"""Sentences on where something that was reproduced differs from what is kept. Pure."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# If a file differs in more places, only the first few are listed.
MOST_LISTED = 5
_CLOSE = 1e-5


def compare_hashes(kept: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return a sentence for each part of a run ('arm/seed') whose rows differ, or that only one side has."""
    sentences = []
    for name in [*kept, *(name for name in now if name not in kept)]:
        if name not in kept:
            sentences.append(f"rows of {name}: no hash of them is kept")
        elif name not in now:
            sentences.append(f"rows of {name}: a hash of them is kept, but there are none now")
        elif kept[name] != now[name]:
            sentences.append(f"rows of {name}: they differ from those that were kept")
    return _cut_list(sentences)


def compare_values(name: str, kept: Any, now: Any) -> list[str]:
    """Return a sentence for each value of a JSON file that differs; numbers may differ in their sixth digit."""
    return _cut_list([f"{name}: {sentence}" for sentence in _compare("", kept, now)])


def compare_texts(name: str, kept: str, now: str) -> list[str]:
    """Return a sentence for each line of a text that differs."""
    pairs = enumerate(zip_longest(kept.splitlines(), now.splitlines()), start=1)
    return _cut_list(
        [
            f"{name}, line {number}: kept {_value_text(before)}, now {_value_text(after)}"
            for number, (before, after) in pairs
            if before != after
        ]
    )


def _compare(place: str, kept: Any, now: Any) -> list[str]:
    if isinstance(kept, dict) and isinstance(now, dict):
        return [
            sentence
            for key in [*kept, *(key for key in now if key not in kept)]
            for sentence in _compare(f"{place}.{key}".lstrip("."), kept.get(key), now.get(key))
        ]
    if isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        return [
            sentence
            for number, pair in enumerate(zip(kept, now, strict=True))
            for sentence in _compare(f"{place}.{number}", *pair)
        ]
    return [] if _is_same(kept, now) else [f"{place}: kept {_value_text(kept)}, now {_value_text(now)}"]


def _is_same(kept: Any, now: Any) -> bool:
    if isinstance(kept, float) or isinstance(now, float):
        numbers = isinstance(kept, (int, float)) and isinstance(now, (int, float))
        return numbers and math.isclose(kept, now, rel_tol=_CLOSE, abs_tol=1e-9)
    return bool(kept == now)


def _value_text(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.80}"


def _cut_list(sentences: list[str]) -> list[str]:
    rest = len(sentences) - MOST_LISTED
    if rest <= 0:
        return sentences
    return [*sentences[:MOST_LISTED], f"and {rest} more"]
