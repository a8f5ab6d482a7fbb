"""Which settings are tried, and how they are drawn, moved and varied. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scipy.stats import qmc

from client.breakers.flat import FlatBreaker
from client.breakers.settings import breaker_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client.breakers.policy import PolicySettings

# From this share of a unit draw on, a setting that may be left out is there.
_THERE_FROM = 0.5
_STEP = 0.12


@dataclass(frozen=True)
class Dimension:
    """One setting and its range. `log`: times and counts, of which the ratio matters. `may_miss`: none is a value."""

    name: str
    low: float
    high: float
    kind: Literal["log", "share"] = "log"
    whole: bool = False
    may_miss: bool = False

    def value(self, unit: float) -> float | None:
        """Return the value at a place from 0 to 1, as a person would write it."""
        if self.may_miss:
            if unit < _THERE_FROM:
                return None
            unit = (unit - _THERE_FROM) / (1 - _THERE_FROM)
        if self.kind == "log":
            found = self.low * (self.high / self.low) ** unit
        else:
            found = self.low + (self.high - self.low) * unit
        return self.round_value(found)

    def round_value(self, value: float) -> float:
        """Keep within the range, and round to whole numbers or two digits."""
        value = min(self.high, max(self.low, value))
        return round(value) if self.whole else float(f"{value:.2g}")


@dataclass(frozen=True)
class Candidate:
    """Settings with their place in the space of their policy; no place: they are not drawn from it."""

    breaker: PolicySettings
    place: tuple[float, ...] | None = None


def space(timeout_s: float) -> dict[str, tuple[Dimension, ...]]:
    """Return, for each policy, what is varied. Half of those that open know slow calls, while they are under way."""
    reset = Dimension("reset_timeout", 0.5, 120)
    closing = Dimension("success_threshold", 1, 5, whole=True)
    slow = Dimension("slow_call_s", 0.2 * timeout_s, 0.95 * timeout_s, may_miss=True)
    rate = Dimension("failure_rate", 0.1, 0.95, kind="share")
    return {
        "consecutive": (Dimension("fail_max", 2, 40, whole=True), reset, closing, slow),
        "count_window": (
            *(rate, Dimension("window_calls", 5, 200, whole=True), Dimension("min_calls", 3, 100, whole=True)),
            *(reset, closing, slow),
        ),
        "time_window": (
            *(rate, Dimension("window_s", 1, 60), Dimension("min_calls", 3, 100, whole=True)),
            *(reset, closing, slow),
        ),
        "throttle": (Dimension("throttle_k", 1.05, 5), Dimension("window_s", 2, 120)),
        "adaptive": (
            *(Dimension("adaptive_gain", 0.1, 1, kind="share"), Dimension("window_s", 1, 60)),
            *(Dimension("min_calls", 3, 50, whole=True), Dimension("max_refused", 0.5, 0.98, kind="share")),
        ),
    }


def draw(dimensions: Sequence[Dimension], policy: str, count: int, seed: int) -> list[Candidate]:
    """Return `count` candidates spread evenly over the space (Sobol, scrambled by the seed)."""
    sampler = qmc.Sobol(len(dimensions), rng=seed)
    places = sampler.random_base2(math.ceil(math.log2(max(2, count))))[:count].tolist()
    return [place_candidate(dimensions, policy, tuple(place)) for place in places]


def place_candidate(dimensions: Sequence[Dimension], policy: str, place: tuple[float, ...]) -> Candidate:
    """Return the candidate at a place of the unit cube."""
    given = {each.name: each.value(unit) for each, unit in zip(dimensions, place, strict=True)}
    return Candidate(fit_settings(policy, given), place)


def fit_settings(policy: str, given: dict[str, float | None]) -> PolicySettings:
    """Make settings that fit together: a window has room for its calls, and slow calls have their share."""
    values: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if policy == "count_window":
        values["min_calls"] = min(int(given["min_calls"] or 1), int(given["window_calls"] or 1))
    if "slow_call_s" in values:
        values["slow_in_flight"] = True
        if policy in ("count_window", "time_window"):
            values["slow_call_rate"] = values["failure_rate"]
    return breaker_settings(**{"policy": policy, **values})


def draw_around(
    dimensions: Sequence[Dimension], candidate: Candidate, count: int, seed: int, reach: float = 1.0
) -> list[Candidate]:
    """Return `count` candidates near one; nothing for one without a place."""
    if candidate.place is None:
        return []
    draws = qmc.Sobol(len(dimensions), rng=seed).random_base2(math.ceil(math.log2(max(2, count))))[:count]
    return [
        place_candidate(
            dimensions,
            candidate.breaker.policy,
            tuple(
                min(1.0, max(0.0, unit + _STEP * reach * (2 * move - 1) * 2))
                for unit, move in zip(candidate.place, moves, strict=True)
            ),
        )
        for moves in draws.tolist()
    ]


def vary_settings(
    dimensions: Sequence[Dimension], breaker: PolicySettings
) -> Iterator[tuple[str, float | None, PolicySettings]]:
    """Yield each setting alone at half and double its value (a share: half-way to 0 and 1), and without slow calls."""
    now = {each.name: getattr(breaker, each.name) for each in dimensions}
    for each in dimensions:
        value = now[each.name]
        if value is None:
            continue
        others = [value / 2, (1 + value) / 2 if each.kind == "share" else 2 * value]
        tried: list[float | None] = [None] if each.may_miss else []
        for other in others:
            found = max(1, round(other)) if each.whole else float(f"{other:.2g}")
            if each.may_miss:
                found = each.round_value(found)
            if each.name == "throttle_k":
                found = max(1.0, found)
            if each.name == "window_s":
                found = max(0.1, found)
            if each.name == "max_refused":
                found = min(found, 0.99)
            tried.append(found)
        for other in dict.fromkeys(tried):
            settled = fit_settings(breaker.policy, {**now, each.name: other})
            if settled != breaker:
                yield each.name, other, settled


def settings_text(breaker: PolicySettings) -> str:
    """Write settings in one line: the policy and what was set beside it."""
    names = [name for name in FlatBreaker.model_fields if name in breaker.model_fields_set and name != "policy"]
    settings = ", ".join(f"{name} = {_text(getattr(breaker, name))}" for name in names)
    return f"{breaker.policy}: {settings}" if settings else breaker.policy


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
