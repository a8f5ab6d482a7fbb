"""The client without HTTP: settings, breaker, pipeline, events.

The virtual engine calls this class directly; the HTTP service wraps it. Both run on the running event loop's clock.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from client import breakers
from client.breakers.interface import Cause, Intervention
from client.events import Hook, TransitionEvent
from client.pipeline.call import Answer, Call, Handler, Outcome
from client.pipeline.loop_lag import LATE_S
from client.pipeline.order import build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from enum import StrEnum

    from client.breakers.interface import Breaker, State, Transition
    from client.events import TransitionHook
    from client.pipeline.loop_lag import LoopLag
    from client.pipeline.order import CallSettings

# Where calls may take any time: seconds over which a change of state looks back at the loop's lag.
LAG_OVER_S = 3.0


class Client:
    """Protected calls of one backend.

    `upstream` does the call itself; `clock` gives monotonic seconds, by default those of the running event loop.
    `loop_lag` looks at how late that loop runs; on virtual time it never is. `deciding_call` is the one on which the
    breaker decided, or whose result it got, last.
    """

    def __init__(
        self,
        settings: CallSettings,
        upstream: Handler,
        hooks: Sequence[TransitionHook] = (),
        clock: Callable[[], float] | None = None,
        loop_lag: LoopLag | None = None,
    ) -> None:
        self._upstream = upstream
        self._set_hooks(tuple(hooks))
        self.clock = clock or (lambda: asyncio.get_running_loop().time())
        self._transitions = 0
        self.deciding_call: Call | None = None
        self.in_flight = 0
        self.late_deadlines = 0
        self.loop_lag = loop_lag
        self.revision = 0
        self.settings = settings
        self.breaker = self._new_breaker(self.clock())
        self._pipeline = build(self.settings, self._upstream, self)

    def _new_breaker(self, now: float) -> Breaker:
        """Return a fresh breaker whose transitions are published for as long as it is the one that guards."""

        def publish(transition: Transition) -> None:
            if self.breaker is made:
                self._publish_transition(transition)

        made = breakers.build(self.settings.breaker, now, publish)
        return made

    def reconfigure(self, settings: CallSettings) -> None:
        """Put `settings` in force for calls from now on, with a fresh breaker.

        Calls under way end as they began and report to the breaker that let them through, which is no longer asked.
        """
        now = self.clock()
        before = self.breaker.state
        self.deciding_call = None
        self.revision += 1
        self.settings = settings
        self.breaker = self._new_breaker(now)
        if before is not self.breaker.state:
            self._publish_change(before, self.breaker.state, now, Cause(Intervention.SETTINGS_CHANGED))
        self._pipeline = build(self.settings, self._upstream, self)

    def add_hook(self, hook: Hook) -> None:
        """Hand events to `hook`, too, from now on: who looks only now and then costs nothing in between."""
        self.remove_hook(hook)
        self._set_hooks((*self._hooks, hook))

    def remove_hook(self, hook: Hook) -> None:
        """Hand nothing to `hook` any more."""
        self._set_hooks(tuple(each for each in self._hooks if each is not hook))

    def _set_hooks(self, hooks: tuple[TransitionHook, ...]) -> None:
        self._hooks = hooks
        self._call_hooks = tuple(hook for hook in hooks if isinstance(hook, Hook))

    def force(self, state: State, kind: StrEnum) -> None:
        """Set the breaker's state by hand. Raises NoBreakerError where the policy is to have none."""
        self.deciding_call = None
        self.breaker.force(state, self.clock(), kind)
        self.revision += 1

    async def call(self, request_id: str) -> tuple[Call, Answer]:
        """Make one protected call. Always answers; a CancelledError passes through after it has been counted."""
        began = self.clock()
        call = Call(request_id)
        self.in_flight += 1
        try:
            answer = await self._pipeline(call)
            call.status = answer.status
        except asyncio.CancelledError:
            call.outcome = Outcome.CANCELLED
            raise
        finally:
            self.in_flight -= 1
            call.at = now = self.clock()
            call.duration_s = now - began
            for hook in self._call_hooks:
                hook.on_call(call)
        return call, answer

    def snapshot(self) -> dict[str, Any]:
        """JSON of the breaker as it stands; times in seconds of this process's monotonic clock."""
        now = self.clock()
        breaker = self.breaker
        return {
            **self.settings.model_dump()["breaker"],
            "state": breaker.state.value,
            "fail_count": breaker.fail_count,
            "in_state_s": now - breaker.since,
            "now_s": now,
            "in_flight": self.in_flight,
            "transition_count": self._transitions,
            "retry_after_s": 0.0,
            **breaker.details(now),
        }

    def _publish_transition(self, transition: Transition) -> None:
        self._publish_change(
            transition.before, transition.after, transition.at, transition.cause, transition.fail_count
        )

    def _recent_lag_s(self, at: float) -> float:
        """Return how late the loop was, at the most, in the time that a call may take."""
        if self.loop_lag is None:
            return 0.0
        lag_s = self.loop_lag.longest_s(at - (self.settings.timeout.total_s or LAG_OVER_S))
        return round(lag_s, 6) if lag_s >= LATE_S else 0.0

    def _publish_change(self, before: State, after: State, at: float, cause: Cause, fail_count: int = 0) -> None:
        self._transitions += 1
        request_id = None if self.deciding_call is None else self.deciding_call.request_id
        event = TransitionEvent(
            at, self._transitions, before, after, cause, fail_count, request_id, self._recent_lag_s(at)
        )
        for hook in self._hooks:
            hook.on_transition(event)
