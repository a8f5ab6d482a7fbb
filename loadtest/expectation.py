"""Hold a summary against what its scenario expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadtest.validity import Check

if TYPE_CHECKING:
    from loadtest.scenario import Bound, Scenario


def check_expectations(scenario: Scenario, arms: dict[str, dict[str, Any]]) -> list[Check]:
    """Return one check for each bound of `[expect]` on an arm that was run."""
    return [
        _check(arm, path, bound, _figure(arms[arm], path))
        for arm, bounds in scenario.expect.items()
        if arm in arms
        for path, bound in bounds.items()
    ]


def _check(arm: str, path: str, bound: Bound, value: float | None) -> Check:
    name = f"expected of {arm}: {path}{_text(bound)}"
    if value is None:
        return Check(name, ok=False, detail="there is no such figure in this run")
    low_ok = bound.min is None or value >= bound.min
    high_ok = bound.max is None or value <= bound.max
    return Check(name, low_ok and high_ok, f"measured {value:.6g}")


def _text(bound: Bound) -> str:
    if bound.min is None:
        return f" <= {bound.max:g}"
    if bound.max is None:
        return f" >= {bound.min:g}"
    return f" = {bound.min:g}" if bound.min == bound.max else f" from {bound.min:g} to {bound.max:g}"


def _figure(summary: dict[str, Any], path: str) -> float | None:
    """Follow a dotted path; the length of a list stands for the list."""
    found: Any = summary
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    if isinstance(found, list):
        return float(len(found))
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return float(found) if is_number else None
