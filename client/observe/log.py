"""The client's events as log lines. Each hook is only installed if its lines are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.observe.log import log_event, logger_of

if TYPE_CHECKING:
    from client.events import TransitionEvent
    from client.pipeline.call import Call

LOGGER = logger_of("client")


class TransitionLog:
    """A line for each change of the breaker's state."""

    def on_transition(self, event: TransitionEvent) -> None:
        """Log both states, the cause, and the request."""
        log_event(
            LOGGER,
            "transition",
            event.request_id,
            before=event.before.value,
            after=event.after.value,
            cause=str(event.cause),
            fail_count=event.fail_count,
        )


class RequestLog(TransitionLog):
    """Also a line for each call."""

    def on_call(self, call: Call) -> None:
        """Log how the call ended."""
        log_event(
            LOGGER,
            "request",
            call.request_id,
            outcome=call.outcome.value,
            served=call.served.value,
            status=call.status,
            state=call.state.value,
            fail_count=call.fail_count,
            attempts=call.attempts,
            backend_calls=call.backend_calls,
            duration_ms=round(call.duration_s * 1000, 3),
            **({} if call.refused is None else {"refused": call.refused}),
        )
