"""The breaker's place in the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import Refusal, Verdict
from client.classification import verdict_of_answer, verdict_of_error
from client.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.breakers.interface import Breaker
    from client.call import Answer, Call, Handler


def with_breaker(inner: Handler, breaker: Callable[[], Breaker], clock: Callable[[], float]) -> Handler:
    """Ask for a permit, call, report. Whatever ends the call, cancellation too, the permit is given back.

    `breaker` is asked at each call, since it may be replaced while calls are under way.
    """

    async def guarded(call: Call) -> Answer:
        guard = breaker()
        permit = guard.admit(clock())
        call.state = permit.state
        if isinstance(permit, Refusal):
            call.fail_count = guard.fail_count
            call.refused = permit.cause
            raise RefusedError(permit)
        verdict = Verdict.NEUTRAL
        try:
            answer = await inner(call)
            verdict = verdict_of_answer(answer)
        except BaseException as error:
            verdict = verdict_of_error(error)
            raise
        finally:
            guard.report(permit, verdict, clock())
            call.fail_count = guard.fail_count
        return answer

    return guarded
