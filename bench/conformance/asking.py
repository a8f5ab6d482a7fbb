"""Asks: one question after the other, each with a time limit, and whatever happens is an answer."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from importlib import metadata
from threading import Thread
from typing import TYPE_CHECKING

from bench import peers
from bench.conformance.clocks import Clocks
from bench.conformance.finding import Finding, NoAnswerError, TrapJudgement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.conformance.questions import Question
    from bench.peers.peer import Peer

LIMIT_S = 5.0
_GRACE_S = 0.5  # for a hanging coroutine to be cancelled
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class Column:
    """What one library answered, by the questions' ids. `settings`: how it was set up."""

    name: str
    version: str
    settings: str
    findings: Mapping[str, Finding]


def ask_library(name: str, questions: Sequence[Question]) -> Column:
    """Ask all questions of the library of that name; a missing one is a column, too."""
    try:
        kind = peers.load(name)
    except peers.NotInstalledError as missing:
        finding = Finding(TrapJudgement.NOT_INSTALLED, f"`{missing}` is missing")
        return Column(name, "not installed", "", {question.id: finding for question in questions})
    except Exception as error:  # noqa: BLE001 - another version of the library, perhaps
        return Column(name, _version(name), "", {question.id: _error_finding(error) for question in questions})
    findings = {question.id: ask_question(question, kind) for question in questions}
    return Column(name, _version(kind.distribution), kind.settings_text, findings)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "of this checkout" if distribution == "breaker-lab" else "unknown"


def ask_question(question: Question, kind: type[Peer], limit_s: float = LIMIT_S) -> Finding:
    """Ask one question, on clocks of its own and in a thread of its own, which is left behind where it hangs."""
    reason = kind.not_askable.get(question.id)
    if reason is not None:
        return Finding(TrapJudgement.NOT_ASKABLE, reason)
    clocks = Clocks()
    findings: list[Finding] = []

    def run() -> None:
        try:
            findings.append(asyncio.run(_ask_within(question, kind, clocks, limit_s)))
        except BaseException as error:  # noqa: BLE001 - the thread's end; nothing may be lost with it
            findings.append(_error_finding(error))

    with clocks.put_into(*kind.modules):
        thread = Thread(target=run, name=f"conformance {question.id}", daemon=True)
        thread.start()
        thread.join(limit_s + _GRACE_S)
    return findings[0] if findings else _no_answer_within(limit_s)


async def _ask_within(question: Question, kind: type[Peer], clocks: Clocks, limit_s: float) -> Finding:
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            return await question.ask(kind, clocks)
    except NoAnswerError as error:
        return Finding(TrapJudgement.NO_ANSWER, str(error))
    except TimeoutError:
        if limit.expired():
            return _no_answer_within(limit_s)
        raise


def _no_answer_within(limit_s: float) -> Finding:
    return Finding(TrapJudgement.NO_ANSWER, f"no answer within {limit_s:g} s")


def _error_finding(error: BaseException) -> Finding:
    """Name the error in a line, without the places of files."""
    text = re.sub(r" ?\(?/\S+\.py\)?", "", " ".join(str(error).split()))[:_LONGEST_TEXT]
    return Finding(TrapJudgement.ERROR, f"{type(error).__name__}: {text}" if text else type(error).__name__)
