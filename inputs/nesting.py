"""A bound on how deep and how many the values of a JSON or TOML text are, before anything walks through them."""

from __future__ import annotations

from typing import Any

from inputs.limits import DEEPEST, MOST_VALUES

TOO_DEEP = f"nested too deeply; allowed: at most {DEEPEST} levels of brackets"


def check_nesting(value: Any) -> None:
    """Raise ValueError if objects and lists are nested deeper than DEEPEST, or hold more than MOST_VALUES values.

    Level by level instead of by recursion, which the text could exhaust.
    """
    level, depth, values = [value], 0, 1
    while level := [inner for each in level if isinstance(each, (dict, list)) for inner in _values_in(each)]:
        depth += 1
        values += len(level)
        if depth > DEEPEST:
            raise ValueError(TOO_DEEP)
        if values > MOST_VALUES:
            raise ValueError(f"too many values; allowed: at most {MOST_VALUES:,}")


def _values_in(container: dict[str, Any] | list[Any]) -> Any:
    return container.values() if isinstance(container, dict) else container
