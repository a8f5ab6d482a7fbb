"""Which of the settings that were found can be stood for: on the rest, and on the recorded calls. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN, OFF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.search import Ledger, SearchResult


@dataclass(frozen=True)
class TurnedDown:
    """Settings that cannot be stood for, and why."""

    breaker: PolicySettings
    why: tuple[str, ...]


@dataclass(frozen=True)
class Recommendation:
    """What is recommended, if anything, and what was turned down before it, first come first."""

    answer: PolicySettings | None
    turned_down: tuple[TurnedDown, ...] = ()


def choose(
    result: SearchResult,
    ledgers: Mapping[str, Ledger],
    failures: Mapping[str, int],
    objections: Callable[[PolicySettings], list[str]] = lambda _: [],
) -> Recommendation:
    """Return the first that passes: the search's answer, the finalists after it, the default at last.

    `objections`: of the recorded calls. To use no breaker loses nothing, so it passes where the search says it.
    """
    turned_down: list[TurnedDown] = []
    for each in _candidates(result, ledgers[LEARN]):
        why = (*_holdout_objections(each, ledgers[JUDGE], failures[JUDGE]), *objections(each))
        if not why:
            return Recommendation(each, tuple(turned_down))
        turned_down.append(TurnedDown(each, why))
    return Recommendation(None, tuple(turned_down))


def _candidates(result: SearchResult, learn: Ledger) -> list[PolicySettings]:
    """Return the answer and, if it is a breaker, the finalists that the search's seeds can tell from none."""
    if result.answer == OFF:
        return [OFF]
    found = [result.answer]
    for each in result.finalists:
        better = [learn.difference(each, OFF).verdict == "better"]
        if result.answer != DEFAULT and learn.is_allowed(DEFAULT):
            better.append(learn.difference(each, DEFAULT).verdict == "better")
        if each not in (OFF, DEFAULT) and learn.is_allowed(each) and all(better):
            found.append(each)
    return list(dict.fromkeys([*found, DEFAULT]))


def _holdout_objections(breaker: PolicySettings, judge: Ledger, failures: int) -> list[str]:
    """Say why the rest speaks against a breaker; where nothing fails in it, it says nothing of what helps."""
    if breaker == OFF:
        return []
    said = []
    if not judge.is_allowed(breaker):
        lost, most = 100 * judge.lost_share(breaker), 100 * judge.aim.most_lost
        said.append(f"loses {lost:.3g} % of the answers on the rest, more than the {most:.3g} % that may be lost")
    if not failures:
        return said
    others = {"no breaker": OFF} | ({"the default": DEFAULT} if judge.is_allowed(DEFAULT) else {})
    return said + [
        f"costs more than {name} on the rest"
        for name, other in others.items()
        if breaker != other and judge.difference(breaker, other).verdict == "worse"
    ]
