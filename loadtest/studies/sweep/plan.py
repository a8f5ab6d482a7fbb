"""What a sweep is going to run: one small scenario for each point of the grid, checked before anything starts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inputs.check import check
from inputs.wrong_input import WrongInputError
from loadtest.scenario.model import Scenario
from loadtest.studies.sweep.grid import Axis, canonical_text, combinations

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_RUNS = 1_000_000
# From here on a sweep takes hours on one core, and its user should have meant it.
MANY_REQUESTS = 100_000_000
_SHOWN = 10


@dataclass(frozen=True)
class Point:
    """One choice of settings: its name, its value on each axis, and the one arm that has them."""

    label: str
    values: tuple[str, ...]
    scenario: Scenario

    @property
    def arm(self) -> str:
        """The scenario's only arm."""
        return next(iter(self.scenario.arms))


@dataclass(frozen=True)
class Plan:
    """All that is run: the grid's points; the arm as it stands, where it is none of them; the arm without a breaker."""

    arm: str
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    skipped: tuple[tuple[str, ...], ...]
    why_skipped: str
    default: int

    @property
    def unguarded(self) -> int:
        """Number of the arm without a breaker."""
        return len(self.points) - 1

    @property
    def on_grid(self) -> int:
        """How many of the points are the grid's."""
        return self.default if self.points[self.default].label == "default" else self.unguarded

    @property
    def runs(self) -> int:
        """How many runs it takes."""
        return len(self.points) * len(self.seeds)

    @property
    def requests(self) -> int:
        """How many requests all runs have."""
        first = self.points[0]
        return self.runs * sum(segment.requests for segment in first.scenario.load_of(first.arm))


def make_plan(scenario: Scenario, arm: str, axes: Sequence[Axis], seeds: Sequence[int]) -> Plan:
    """Check every point. One whose values do not fit together is left out, and counted.

    Raises WrongInputError for a value with which no point fits, and for more runs than `MOST_RUNS`.
    """
    wanted = combinations(axes)
    if len(wanted) * len(seeds) > MOST_RUNS:
        raise _wrong_input(
            "grid",
            len(wanted),
            f"grid: got {len(wanted):,} points x {len(seeds):,} seeds = {len(wanted) * len(seeds):,} runs; allowed: at "
            f"most {MOST_RUNS:,}; take wider steps or fewer seeds",
        )
    base = _reduce_scenario(scenario, arm)
    points: list[Point] = []
    failed: dict[tuple[str, ...], list[str]] = {}
    for values in wanted:
        try:
            points.append(Point(str(len(points) + 1), values, _make_scenario(base, arm, axes, values)))
        except WrongInputError as error:
            failed[values] = [problem["detail"].removeprefix(f"arms.{arm}.") for problem in error.problems]
    _refuse_dead_values(axes, wanted, failed)
    default, extra = _default(scenario, arm, axes, points)
    points += extra
    return Plan(
        arm=arm,
        axes=tuple(axes),
        seeds=tuple(seeds),
        points=(*points, _unguarded(base, arm, axes)),
        skipped=tuple(failed),
        why_skipped=next((_mistake_text(axes, values, mistakes[0]) for values, mistakes in failed.items()), ""),
        default=default,
    )


def _reduce_scenario(scenario: Scenario, arm: str) -> dict[str, Any]:
    """Return the scenario with this arm alone and nothing that is asked of the others: it goes to every worker."""
    values = scenario.model_dump(mode="json", exclude_unset=True, exclude={"expect", "baseline", "document", "about"})
    return {**values, "arms": {arm: values["arms"][arm]}}


def _make_scenario(base: dict[str, Any], arm: str, axes: Sequence[Axis], values: tuple[str, ...]) -> Scenario:
    settings = base["arms"][arm]
    for axis, value in zip(axes, values, strict=True):
        settings = _put(settings, axis.key.split("."), value)
    settled = check({**base, "arms": {arm: settings}}, Scenario)
    if not settled.arms[arm].guarded:
        _refuse_unread(settled.arms[arm].breaker.policy, axes, values)
    return settled


def _refuse_unread(policy: str, axes: Sequence[Axis], values: tuple[str, ...]) -> None:
    """Raise for a breaker's setting where there is no breaker: such points would all be the same."""
    for axis, value in zip(axes, values, strict=True):
        if axis.key.startswith("breaker.") and axis.key != "breaker.policy":
            raise _wrong_input(axis.key, value, f"{axis.key}: got {value}; the policy {policy!r} does not read it")


def _put(inside: dict[str, Any], path: list[str], value: str) -> dict[str, Any]:
    """Return a copy with one value replaced; what is on the way there and missing is made."""
    name, *rest = path
    return {**inside, name: _put(inside.get(name) or {}, rest, value) if rest else value}


def _refuse_dead_values(
    axes: Sequence[Axis], wanted: Sequence[tuple[str, ...]], failed: dict[tuple[str, ...], list[str]]
) -> None:
    """Raise for each value of which no point is left: that is a mistake, not a corner of the grid."""
    own: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for place, axis in enumerate(axes):
        all_points, lost = (Counter(values[place] for values in some) for some in (wanted, failed))
        for value in axis.values:
            if lost[value] < all_points[value]:
                continue
            mistakes = [(values, each) for values in failed if values[place] == value for each in failed[values]]
            blamed = [(values, each) for values, each in mistakes if each.startswith(f"{axis.key}: ")]
            values, detail = (blamed or mistakes)[0]
            problem = {"field": axis.key, "value": value, "detail": _mistake_text(axes, values, detail)}
            (own if blamed else others).append(problem)
    if own or others:
        raise WrongInputError((own or others[:1])[:_SHOWN])


def _mistake_text(axes: Sequence[Axis], values: tuple[str, ...], mistake: str) -> str:
    where = ", ".join(f"{axis.key}={value}" for axis, value in zip(axes, values, strict=True))
    return f"grid point {where}: {mistake}"


def _default(scenario: Scenario, arm: str, axes: Sequence[Axis], points: Sequence[Point]) -> tuple[int, list[Point]]:
    """Return where the arm as it stands is among the points, and the point to add where it is not on the grid."""
    own = scenario.arms[arm].call_settings(0).model_dump()
    for index, point in enumerate(points):
        if point.scenario.arms[arm].call_settings(0).model_dump() == own:
            return index, []
    call = scenario.arms[arm].call_settings(0).model_dump()
    values = tuple(_value(call, axis.key) for axis in axes)
    return len(points), [Point("default", values, check(_reduce_scenario(scenario, arm), Scenario))]


def _unguarded(base: dict[str, Any], arm: str, axes: Sequence[Axis]) -> Point:
    """Return the arm with its breaker off: what there is to win and to lose."""
    off = {**base, "arms": {arm: {**base["arms"][arm], "breaker": {"policy": "off"}}}}
    return Point("no breaker", ("",) * len(axes), check(off, Scenario))


def _value(call: dict[str, Any], key: str) -> str:
    found: Any = call
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else None
    return canonical_text(found)


def _wrong_input(field: str, value: Any, detail: str) -> WrongInputError:
    return WrongInputError([{"field": field, "value": value, "detail": detail}])
