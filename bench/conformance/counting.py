"""Questions on what counts: failures of coroutines, ignored errors, cancelled calls, and the call that trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.conformance.finding import Finding, NoAnswerError, merge_findings, safe, trap
from bench.conformance.subject import Subject, raising
from bench.conformance.ways import ask_each_way, counts_failures
from bench.peers.peer import IgnoredError, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bench.conformance.clocks import Clocks
    from bench.peers.peer import Peer


async def async_failure(kind: type[Peer], clocks: Clocks) -> Finding:
    """Ask in every way of calling."""
    return merge_findings(await ask_each_way(counts_failures, kind, clocks))


async def ignored_error(subject: Subject) -> Finding:
    """Weigh an error that the breaker is set to ignore."""
    settings = PeerSettings(ignored=(IgnoredError,))
    return await _weigh_ending(
        subject.make_fresh_copy(settings), lambda each: each.attempt(raising(IgnoredError("not its fault")))
    )


async def cancellation(subject: Subject) -> Finding:
    """Weigh a call that is cancelled under way."""
    if subject.kind.counts_streak:
        return await _weigh_ending(subject, Subject.cancel)
    for _ in range(subject.settings.fail_max):
        await subject.cancel()
    return trap("a failure") if await subject.refuses() else safe("not a failure")


async def _weigh_ending(subject: Subject, other: Callable[[Subject], Coroutine[Any, Any, object]]) -> Finding:
    """Say what the `other` ending counts as, one failure before the trip."""
    last = subject.make_fresh_copy()
    for each in (subject, last):
        for _ in range(subject.settings.fail_max - 1):
            await each.fail()
        await other(each)
    if await subject.refuses():
        return trap("a failure")
    await last.fail()
    return safe("nothing") if await last.refuses() else trap("a success (it resets the streak)")


async def tripping_call(subject: Subject) -> Finding:
    """Look at the error of the call that trips."""
    error: BaseException | None = None
    for _ in range(subject.settings.fail_max):
        error = await subject.fail()
    if subject.reached < subject.settings.fail_max or not await subject.refuses():
        raise NoAnswerError(f"it does not trip at failure {subject.settings.fail_max}")
    if isinstance(error, subject.kind.refusal):
        return trap(f"yes, `{type(error).__name__}`")
    return safe("no, it ends with its own error")
