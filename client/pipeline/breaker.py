"""The breaker's place in the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import NEUTRAL, SUCCESS, Refusal
from client.pipeline.classification import LOWEST, TOO_MANY_REQUESTS, verdict_of_error
from client.pipeline.errors import BackendFailedError, RefusedError
from client.pipeline.retry_after import asked_wait_s

if TYPE_CHECKING:
    from client.breakers.interface import Verdict
    from client.breakers.policy import PolicySettings
    from client.pipeline.call import Answer, Call, Handler
    from client.pipeline.part import Owner


def with_breaker(inner: Handler, settings: PolicySettings, owner: Owner) -> Handler:
    """Ask for a permit, call, report. Whatever ends the call, cancellation too, the permit is given back."""
    clock, classification = owner.clock, owner.settings.classification
    honours_retry_after = getattr(settings, "honour_retry_after", False)

    def judge(answer: Answer) -> tuple[Verdict, float | None]:
        """Return what a 3xx or 4xx says, and for how long the backend wants to be left alone, where it is too busy.

        A breaker that honours this opens at the first one, however the settings count it.
        """
        verdict = classification.verdict_of_status(answer.status)
        wait_s = asked_wait_s(answer) if answer.status == TOO_MANY_REQUESTS else None
        return (NEUTRAL if wait_s and honours_retry_after else verdict), wait_s

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
            breaker.report(permit, verdict_of_error(error, classification), clock(), wait_s)
            call.fail_count = breaker.fail_count
            raise
        owner.deciding_call = call
        if answer.status < LOWEST:
            breaker.report(permit, SUCCESS, clock())
        else:
            verdict, wait_s = judge(answer)
            breaker.report(permit, verdict, clock(), wait_s)
        call.fail_count = breaker.fail_count
        return answer

    return guarded
