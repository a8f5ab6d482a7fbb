"""A bound on how deep the values of a JSON or TOML text are, before anything walks through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inputs.limits import DEEPEST

if TYPE_CHECKING:
    from collections.abc import Collection

TOO_DEEP = f"nested too deeply; allowed: at most {DEEPEST} levels of brackets"


def check_depth(value: Any) -> int:
    """Return how many values there are. Raises ValueError if objects and lists are nested deeper than DEEPEST.

    Level by level instead of by recursion, which the text could exhaust.
    """
    level, depth, count = [value], 0, 1
    while level := [inner for each in level if isinstance(each, (dict, list)) for inner in _values_in(each)]:
        depth += 1
        count += len(level)
        if depth > DEEPEST:
            raise ValueError(TOO_DEEP)
    return count


def _values_in(container: dict[str, Any] | list[Any]) -> Collection[Any]:
    return container.values() if isinstance(container, dict) else container
