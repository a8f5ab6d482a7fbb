"""An answer, and how the answers of several ways of calling become one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(StrEnum):
    """What an answer means to the reader."""

    SAFE = "safe"
    TRAP = "trap"
    PARTLY = "partly"  # in some ways of calling, or in some places
    NOT_ASKABLE = "not askable"
    NO_ANSWER = "no answer"
    ERROR = "error"
    NOT_INSTALLED = "not installed"


MEASURED = frozenset({Verdict.SAFE, Verdict.TRAP, Verdict.PARTLY})


@dataclass(frozen=True)
class Answer:
    """A verdict and what was seen. Code in the text stands between backticks."""

    verdict: Verdict
    text: str


class NoAnswerError(Exception):
    """The question came to no answer; the text says why."""


def safe(text: str) -> Answer:
    """Answer that the trap is not there."""
    return Answer(Verdict.SAFE, text)


def trap(text: str) -> Answer:
    """Answer that the trap is there."""
    return Answer(Verdict.TRAP, text)


def merge(answers: Mapping[str, Answer]) -> Answer:
    """Make one answer of those found in several ways: the common one, or each with the ways that it holds for."""
    if not answers:
        raise NoAnswerError("no way to ask")
    ways: dict[Answer, list[str]] = {}
    for way, answer in answers.items():
        ways.setdefault(answer, []).append(way)
    if len(ways) == 1:
        return next(iter(ways))
    verdicts = {answer.verdict for answer in ways}
    safe_first = sorted(ways, key=lambda answer: answer.verdict is not Verdict.SAFE)
    text = "; ".join(f"{', '.join(ways[answer])}: {answer.text}" for answer in safe_first)
    return Answer(verdicts.pop() if len(verdicts) == 1 else Verdict.PARTLY, text)
