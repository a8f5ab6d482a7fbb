"""The breaker's place in the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import NEUTRAL, SUCCESS, Refusal
from client.pipeline.classification import LOWEST, TOO_MANY_REQUESTS, verdict_of_error
from client.pipeline.errors import BackendFailedError, RefusedError
from client.pipeline.loop_lag import SHARE_FELT
from client.pipeline.retry_after import asked_wait_s

if TYPE_CHECKING:
    from client.breakers.interface import Permit, Verdict
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

    slow_s = getattr(settings, "slow_call_s", None)
    finds_own_delays = slow_s is not None and owner.loop_lag is not None

    def judge_success(permit: Permit, now: float) -> Verdict:
        """Return what a success says: nothing, where only the client's own loop has made it a slow one."""
        if slow_s is None or owner.loop_lag is None or now - permit.at < slow_s:
            return SUCCESS
        wasted_s = owner.loop_lag.wasted_s(permit.at, SHARE_FELT * slow_s)
        return NEUTRAL if now - permit.at - wasted_s < slow_s else SUCCESS

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
            now = clock()
            breaker.report(permit, judge_success(permit, now) if finds_own_delays else SUCCESS, now)
        else:
            verdict, wait_s = judge(answer)
            breaker.report(permit, verdict, clock(), wait_s)
        call.fail_count = breaker.fail_count
        return answer

    return guarded
