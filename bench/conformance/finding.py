"""What a question found, and how the findings of several ways of calling become one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class TrapJudgement(StrEnum):
    """What a finding means to the reader."""

    SAFE = "safe"
    TRAP = "trap"
    PARTLY = "partly"  # in some ways of calling, or in some places
    NOT_ASKABLE = "not askable"
    NO_ANSWER = "no answer"
    ERROR = "error"
    NOT_INSTALLED = "not installed"


MEASURED = frozenset({TrapJudgement.SAFE, TrapJudgement.TRAP, TrapJudgement.PARTLY})


@dataclass(frozen=True)
class Finding:
    """A judgement and what was seen. Code in the text stands between backticks."""

    judgement: TrapJudgement
    text: str


class NoAnswerError(Exception):
    """The question came to no answer; the text says why."""


def safe(text: str) -> Finding:
    """Return the finding that the trap is not there."""
    return Finding(TrapJudgement.SAFE, text)


def trap(text: str) -> Finding:
    """Return the finding that the trap is there."""
    return Finding(TrapJudgement.TRAP, text)


def merge_findings(findings: Mapping[str, Finding]) -> Finding:
    """Make one finding of those of several ways: the common one, or each with the ways that it holds for."""
    if not findings:
        raise NoAnswerError("no way to ask")
    ways: dict[Finding, list[str]] = {}
    for way, finding in findings.items():
        ways.setdefault(finding, []).append(way)
    if len(ways) == 1:
        return next(iter(ways))
    judgements = {finding.judgement for finding in ways}
    safe_first = sorted(ways, key=lambda finding: finding.judgement is not TrapJudgement.SAFE)
    text = "; ".join(f"{', '.join(ways[finding])}: {finding.text}" for finding in safe_first)
    return Finding(judgements.pop() if len(judgements) == 1 else TrapJudgement.PARTLY, text)
