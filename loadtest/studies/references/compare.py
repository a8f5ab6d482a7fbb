"""Where something that was made again differs from what is kept, in sentences. Pure."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of a file that differs in more places, the first few say what happened.
MOST_TOLD = 5
_CLOSE = 1e-5


def unlike_hashes(kept: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return a sentence for each part of a run ('arm/seed') whose rows differ, or that only one side has."""
    said = []
    for name in [*kept, *(name for name in now if name not in kept)]:
        if name not in kept:
            said.append(f"rows of {name}: no hash of them is kept")
        elif name not in now:
            said.append(f"rows of {name}: a hash of them is kept, but they did not come out again")
        elif kept[name] != now[name]:
            said.append(f"rows of {name}: not those that were kept")
    return _first(said)


def unlike_values(name: str, kept: Any, now: Any) -> list[str]:
    """Return a sentence for each value of a JSON file that differs; numbers may differ in their sixth digit."""
    return _first([f"{name}: {said}" for said in _unlike("", kept, now)])


def unlike_texts(name: str, kept: str, now: str) -> list[str]:
    """Return a sentence for each line of a text that differs."""
    pairs = enumerate(zip_longest(kept.splitlines(), now.splitlines()), start=1)
    return _first(
        [
            f"{name}, line {number}: kept {_shown(before)}, now {_shown(after)}"
            for number, (before, after) in pairs
            if before != after
        ]
    )


def _unlike(place: str, kept: Any, now: Any) -> list[str]:
    if isinstance(kept, dict) and isinstance(now, dict):
        return [
            said
            for key in [*kept, *(key for key in now if key not in kept)]
            for said in _unlike(f"{place}.{key}".lstrip("."), kept.get(key), now.get(key))
        ]
    if isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        return [
            said
            for number, pair in enumerate(zip(kept, now, strict=True))
            for said in _unlike(f"{place}.{number}", *pair)
        ]
    return [] if _same(kept, now) else [f"{place}: kept {_shown(kept)}, now {_shown(now)}"]


def _same(kept: Any, now: Any) -> bool:
    if isinstance(kept, float) or isinstance(now, float):
        numbers = isinstance(kept, (int, float)) and isinstance(now, (int, float))
        return numbers and math.isclose(kept, now, rel_tol=_CLOSE, abs_tol=1e-9)
    return bool(kept == now)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.80}"


def _first(said: list[str]) -> list[str]:
    left = len(said) - MOST_TOLD
    if left <= 0:
        return said
    return [*said[:MOST_TOLD], f"and {left} more"]
