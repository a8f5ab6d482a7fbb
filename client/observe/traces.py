"""The client's events and its calls to the backend as spans; only used if traces are on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client.breakers.interface import HALF_OPEN
from client.pipeline.errors import BackendFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from client.events import TransitionEvent
    from client.pipeline.call import Answer, Call, Handler
    from service.observe.spans import Tracing


class TraceHook:
    """Writes the breaker's decision, and how the call ended, into the span of the request.

    `policy` returns the name of the current policy. A call and its transitions happen in the request's own task, in
    which its span is the current one.
    """

    def __init__(self, tracing: Tracing, policy: Callable[[], str]) -> None:
        self._tracing = tracing
        self._policy = policy

    def on_call(self, call: Call) -> None:
        """Add the decision and the end of the call."""
        let_through = "probe" if call.state is HALF_OPEN else "permit"
        self._tracing.set_attributes(
            {
                "request_id": call.request_id,
                "breaker.policy": self._policy(),
                "breaker.state": call.state.value,
                "breaker.decision": let_through if call.refused is None else "refused",
                "breaker.refusal": call.refused,
                "breaker.fail_count": call.fail_count,
                "outcome": call.outcome.value,
                "served": call.served.value,
                "attempts": call.attempts,
                "backend_calls": call.backend_calls,
                "http.response.status_code": call.status or None,
            }
        )
        if call.status >= 500 or not call.status:
            self._tracing.mark_failed(call.outcome.value)

    def on_transition(self, event: TransitionEvent) -> None:
        """Add the transition as an event, if a call caused it."""
        if event.request_id is not None:
            about = {"before": event.before.value, "after": event.after.value, "cause": str(event.cause)}
            self._tracing.add_event("breaker.transition", {**about, "fail_count": event.fail_count})


def with_span(inner: Handler, tracing: Tracing) -> Handler:
    """Put a span around the call to the backend."""

    async def traced(call: Call) -> Answer:
        with tracing.call("GET /data of the backend"):
            try:
                answer = await inner(call)
            except BaseException as error:
                status = error.status if isinstance(error, BackendFailedError) else None
                tracing.set_attributes({"http.response.status_code": status})
                tracing.mark_failed(type(error).__name__)
                raise
            finally:
                tracing.set_attributes(
                    {"http.request.method": "GET", "request_id": call.request_id, "attempt": call.attempts}
                )
            tracing.set_attributes({"http.response.status_code": answer.status})
            return answer

    return traced


def with_root(
    call: Callable[[str], Coroutine[Any, Any, object]], tracing: Tracing
) -> Callable[[str], Coroutine[Any, Any, object]]:
    """Put a span around each call that the client makes itself: otherwise the breaker's decision would have none."""

    async def traced(request_id: str) -> None:
        with tracing.request("call of the dashboard", ()):
            await call(request_id)

    return traced
