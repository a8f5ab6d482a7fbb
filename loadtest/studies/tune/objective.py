"""What a run costs, in one unit: the answer that a caller loses to a refusal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from inputs.check import check
from inputs.model import StrictModel
from inputs.wrong_input import WrongInputError, closest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.studies.many_runs.work import StudyFigures

PER = 1000
_FORM = "KEY=NUMBER, such as bad_let_through=0.5"


class Weights(StrictModel):
    """What each thing costs, in answers lost.

    An answer is 1. A bad call let through brings its caller no answer, just like a refusal, but it is one more call on
    a backend in trouble: five of them count as an answer. A caller held for ten seconds is as good as lost.
    """

    good_refused: float = Field(1.0, ge=0, le=1e6)
    bad_let_through: float = Field(0.2, ge=0, le=1e6)
    seconds_held: float = Field(0.1, ge=0, le=1e6)


def parse_weights(texts: Sequence[str]) -> Weights:
    """Read `KEY=NUMBER` texts; what is not named keeps its default. Raises WrongInputError."""
    given: dict[str, str] = {}
    for text in texts:
        key, equals, number = (part.strip() for part in text.partition("="))
        if not equals or not number:
            raise _wrong_input(text, f"got {text!r:.80}; allowed: {_FORM}")
        if key not in Weights.model_fields:
            raise _wrong_input(
                text, f"{key}: no such weight{closest(key, Weights.model_fields)}; allowed: {', '.join(_keys())}"
            )
        if key in given:
            raise _wrong_input(text, f"{key}: got two; allowed: each once")
        given[key] = number
    found = check(given, Weights, "weight")
    if not any(found.model_dump().values()):
        raise _wrong_input("", "all are 0; allowed: at least one above 0, or nothing would matter")
    return found


def answers_lost(figures: StudyFigures, unguarded: StudyFigures) -> int:
    """Return how many fewer answers there are than without a breaker on the same weather; less than 0: it gained some.

    Without a queue at the backend these are exactly the good requests refused; with one, refusals also let others pass.
    """
    return unguarded.ok - figures.ok


def parts(figures: StudyFigures, unguarded: StudyFigures, weights: Weights) -> dict[str, float]:
    """Return what each thing cost, in answers lost for each 1,000 requests."""
    scale = PER / figures.requests
    return {
        "good_refused": scale * weights.good_refused * answers_lost(figures, unguarded),
        "bad_let_through": scale * weights.bad_let_through * figures.bad_calls,
        "seconds_held": scale * weights.seconds_held * figures.in_flight_s,
    }


def cost(figures: StudyFigures, unguarded: StudyFigures, weights: Weights) -> float:
    """Return the sum of the parts: what is to be small."""
    return sum(parts(figures, unguarded, weights).values())


def _keys() -> list[str]:
    return list(Weights.model_fields)


def _wrong_input(value: str, message: str) -> WrongInputError:
    return WrongInputError([{"field": "weight", "value": value, "detail": f"weight: {message}"}])
