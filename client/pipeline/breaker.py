"""The breaker's place in the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import Refusal
from client.pipeline.classification import verdict_of_answer, verdict_of_error
from client.pipeline.errors import BackendFailedError, RefusedError

if TYPE_CHECKING:
    from client.breakers.policy import PolicySettings
    from client.pipeline.call import Answer, Call, Handler
    from client.pipeline.part import Owner


def with_breaker(inner: Handler, _: PolicySettings, owner: Owner) -> Handler:
    """Ask for a permit, call, report. The permit is given back however the call ends, even by cancellation."""
    clock = owner.clock

    async def guarded(call: Call) -> Answer:
        breaker = owner.breaker
        permit = breaker.shared_permit
        if permit is None:
            owner.deciding_call = call
            decision = breaker.admit(clock())
            if isinstance(decision, Refusal):
                call.state = decision.state
                call.fail_count = breaker.fail_count
                call.refused = decision.cause
                raise RefusedError(decision)
            permit = decision
        call.state = permit.state
        try:
            answer = await inner(call)
        except BaseException as error:
            owner.deciding_call = call
            wait_s = error.retry_after_s if isinstance(error, BackendFailedError) else None
            breaker.report(permit, verdict_of_error(error), clock(), wait_s)
            call.fail_count = breaker.fail_count
            raise
        owner.deciding_call = call
        breaker.report(permit, verdict_of_answer(answer), clock())
        call.fail_count = breaker.fail_count
        return answer

    return guarded
