"""Check the figures of a run against what its scenario expects. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.figures.summary import fold
from loadtest.records.summary import Check
from loadtest.scenario.arm_figures import figure_at
from loadtest.scenario.phases import spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.records.measured import Measured
    from loadtest.scenario.model import Bound, Scenario


def check_expectations(scenario: Scenario, arms: Sequence[Measured]) -> list[Check]:
    """Return one check for each bound of `[expect]` on an arm that was run; it has to hold with every seed."""
    checks = []
    for arm in arms:
        bounds = scenario.expect.get(arm.arm, {})
        phases = spans(scenario.plan_of(arm.arm, scenario.seed))
        runs = {seed: fold(arm.of_seed(seed), phases) for seed in arm.seeds} if bounds else {}
        for path, bound in bounds.items():
            checks.append(
                _check_bound(arm.arm, path, bound, {seed: figure_at(run, path) for seed, run in runs.items()})
            )
    return checks


def _check_bound(arm: str, path: str, bound: Bound, values: dict[int, float | None]) -> Check:
    name = f"expected of {arm}: {path}{_bound_text(bound)}"
    broken = {seed: value for seed, value in values.items() if not _satisfies(bound, value)}
    shown = broken or values
    if len(values) == 1:
        detail = _value_text(next(iter(shown.values())))
    else:
        detail = "; ".join(f"seed {seed}: {_value_text(value)}" for seed, value in list(shown.items())[:5])
        detail += f"; and {len(shown) - 5} more seeds" if len(shown) > 5 else ""
    return Check(name, bool(values) and not broken, detail or "nothing was measured")


def _satisfies(bound: Bound, value: float | None) -> bool:
    if value is None:
        return False
    return (bound.min is None or value >= bound.min) and (bound.max is None or value <= bound.max)


def _value_text(value: float | None) -> str:
    return "there is no such figure in this run" if value is None else f"measured {value:.6g}"


def _bound_text(bound: Bound) -> str:
    if bound.min is None:
        return f" <= {bound.max:g}"
    if bound.max is None:
        return f" >= {bound.min:g}"
    return f" = {bound.min:g}" if bound.min == bound.max else f" from {bound.min:g} to {bound.max:g}"
