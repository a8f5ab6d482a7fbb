"""Questions on what counts: failures of coroutines, ignored errors, cancelled calls, and the call that trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.conformance.answer import Answer, NoAnswerError, merge, safe, trap
from bench.conformance.subject import Subject, raising
from bench.conformance.ways import counts_failures, each_way
from bench.peers.peer import Asked, IgnoredError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bench.conformance.clocks import Clocks
    from bench.peers.peer import Peer


async def async_failure(kind: type[Peer], clocks: Clocks) -> Answer:
    """Ask in every way of calling."""
    return merge(await each_way(counts_failures, kind, clocks))


async def ignored_error(subject: Subject) -> Answer:
    """Weigh an error that the breaker was told to ignore."""
    asked = Asked(ignored=(IgnoredError,))
    return await _weigh(subject.afresh(asked), lambda each: each.attempt(raising(IgnoredError("not its fault"))))


async def cancellation(subject: Subject) -> Answer:
    """Weigh a call that is cancelled under way."""
    if subject.kind.counts_streak:
        return await _weigh(subject, Subject.cancel)
    for _ in range(subject.asked.fail_max):
        await subject.cancel()
    return trap("a failure") if await subject.refuses() else safe("not a failure")


async def _weigh(subject: Subject, other: Callable[[Subject], Coroutine[Any, Any, object]]) -> Answer:
    """Say what the `other` ending counts as, one failure before the trip."""
    last = subject.afresh()
    for each in (subject, last):
        for _ in range(subject.asked.fail_max - 1):
            await each.fail()
        await other(each)
    if await subject.refuses():
        return trap("a failure")
    await last.fail()
    return safe("nothing") if await last.refuses() else trap("a success (it resets the streak)")


async def tripping_call(subject: Subject) -> Answer:
    """Look at the error of the call that trips."""
    error: BaseException | None = None
    for _ in range(subject.asked.fail_max):
        error = await subject.fail()
    if subject.reached < subject.asked.fail_max or not await subject.refuses():
        raise NoAnswerError(f"it does not trip at failure {subject.asked.fail_max}")
    if isinstance(error, subject.kind.refusal):
        return trap(f"yes, `{type(error).__name__}`")
    return safe("no, it ends with its own error")
