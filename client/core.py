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
from client.pipeline.order import build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from enum import StrEnum

    from client.breakers.interface import Breaker, State, Transition
    from client.events import TransitionHook
    from client.pipeline.order import CallSettings


class Client:
    """Protected calls of one backend.

    `upstream` makes the call itself; `clock` gives monotonic seconds, by default those of the running event loop.
    `deciding_call` is the last call on which the breaker decided or whose result it got.
    """

    def __init__(
        self,
        settings: CallSettings,
        upstream: Handler,
        hooks: Sequence[TransitionHook] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._upstream = upstream
        self._set_hooks(tuple(hooks))
        self.clock = clock or (lambda: asyncio.get_running_loop().time())
        self._transitions = 0
        self.deciding_call: Call | None = None
        self.in_flight = 0
        self.revision = 0
        self.settings = settings
        self.breaker = self._new_breaker(self.clock())
        self._pipeline = build(self.settings, self._upstream, self)

    def _new_breaker(self, now: float) -> Breaker:
        """Return a fresh breaker whose transitions are published for as long as it is the current one."""

        def publish(transition: Transition) -> None:
            if self.breaker is made:
                self._publish_transition(transition)

        made = breakers.build(self.settings.breaker, now, publish)
        return made

    def reconfigure(self, settings: CallSettings) -> None:
        """Use `settings`, with a fresh breaker, for calls from now on.

        Calls under way end with the old settings and report to the breaker that let them through.
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
        """Send events to `hook`, too, from now on; `remove_hook` ends it, so that an idle hook costs nothing."""
        self.remove_hook(hook)
        self._set_hooks((*self._hooks, hook))

    def remove_hook(self, hook: Hook) -> None:
        """Send no more events to `hook`."""
        self._set_hooks(tuple(each for each in self._hooks if each is not hook))

    def _set_hooks(self, hooks: tuple[TransitionHook, ...]) -> None:
        self._hooks = hooks
        self._call_hooks = tuple(hook for hook in hooks if isinstance(hook, Hook))

    def force(self, state: State, kind: StrEnum) -> None:
        """Set the breaker's state by hand. Raises NoBreakerError if the policy has no such state."""
        self.deciding_call = None
        self.breaker.force(state, self.clock(), kind)
        self.revision += 1

    async def call(self, request_id: str) -> tuple[Call, Answer]:
        """Make one protected call. Always returns an answer; only a CancelledError passes through, after counting."""
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
        """Return the current state of the breaker as JSON; times in seconds of this process's monotonic clock."""
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

    def _publish_change(self, before: State, after: State, at: float, cause: Cause, fail_count: int = 0) -> None:
        self._transitions += 1
        request_id = None if self.deciding_call is None else self.deciding_call.request_id
        event = TransitionEvent(at, self._transitions, before, after, cause, fail_count, request_id)
        for hook in self._hooks:
            hook.on_transition(event)
