"""In which ways a library can be called, and in which of them failures count: the others are not asked further."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bench.conformance.clocks import Clocks
from bench.conformance.finding import Finding, NoAnswerError, TrapJudgement, merge_findings, safe, trap
from bench.conformance.subject import Subject
from bench.peers.peer import DownError, Peer, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

Asking = Callable[[type[Peer], Clocks], Coroutine[Any, Any, Finding]]
"""A question's measurement. Raises NoAnswerError."""
AskingSubject = Callable[[Subject], Coroutine[Any, Any, Finding]]
"""The same for one fresh breaker, called in one way."""


async def ask_each_way(ask: AskingSubject, kind: type[Peer], clocks: Clocks) -> Mapping[str, Finding]:
    """Ask in every way that there is, and return the findings by way."""
    return {way: await ask(Subject(kind, way, clocks)) for way in kind(PeerSettings()).ways()}


async def counts_failures(subject: Subject) -> Finding:
    """Say whether it refuses after so many failures as it was asked to."""
    for _ in range(subject.settings.fail_max):
        error = await subject.fail()
        if not isinstance(error, (DownError, subject.kind.refusal)):
            return trap(f"raises {type(error).__name__}" if error else "swallows the error")
    return safe("yes") if await subject.refuses() else trap("no")


async def counting_ways(kind: type[Peer], clocks: Clocks) -> list[str]:
    """Return the ways in which failures count; in the others there is nothing more to ask."""
    found = await ask_each_way(counts_failures, kind, clocks)
    ways = [way for way, finding in found.items() if finding.judgement is TrapJudgement.SAFE]
    if not ways:
        raise NoAnswerError("in no way of calling does a failure count")
    return ways


def in_counting_ways(ask: AskingSubject) -> Asking:
    """Ask in every way in which failures count, and merge the findings."""

    async def asking(kind: type[Peer], clocks: Clocks) -> Finding:
        ways = await counting_ways(kind, clocks)
        return merge_findings({way: await ask(Subject(kind, way, clocks)) for way in ways})

    return asking
