"""The client without HTTP: settings, breaker, pipeline, events.

The virtual engine calls this class directly; the HTTP service wraps it. Both run on the running event loop's clock.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from client import breakers
from client.breakers.interface import Cause, Intervention, Kept
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

    `upstream` makes the call itself; `clock` gives monotonic seconds, by default those of the running event loop.
    `loop_lag` looks at how late that loop runs; on virtual time it never is. `deciding_call` is the last call on which
    the breaker decided or whose result it got.
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
        """Return a fresh breaker whose transitions are published for as long as it is the current one."""

        def publish(transition: Transition) -> None:
            if self.breaker is made:
                self._publish_transition(transition)

        made = breakers.build(self.settings.breaker, now, publish, self.settings.timeout.total_s)
        return made

    def reconfigure(self, settings: CallSettings, *, fresh: bool = False) -> tuple[Kept, ...]:
        """Use `settings` for calls from now on; return what of the breaker has been kept.

        Only a change of what the breaker acts on touches it: then another takes over, as far as the old one's state
        means the same to it. `fresh`: with a new breaker in any case. Calls under way end with the old settings.
        """
        now = self.clock()
        before = self.breaker
        alike = breakers.act_alike(self.settings.breaker, settings.breaker)
        self.deciding_call = None
        self.revision += 1
        self.settings = settings
        kept: tuple[Kept, ...] = ()
        if alike and not fresh:
            before.replace_settings(settings.breaker)
            before.limit_calls(settings.timeout.total_s)
            kept = tuple(Kept)
        else:
            self.breaker = self._new_breaker(now)
            if not fresh:
                kept = self.breaker.adopt(before, now)
        if before.state is not self.breaker.state:
            self._publish_change(before.state, self.breaker.state, now, Cause(Intervention.SETTINGS_CHANGED))
        self._pipeline = build(self.settings, self._upstream, self)
        return kept

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

    def force(self, state: State, kind: StrEnum, for_s: float | None = None) -> None:
        """Set the breaker's state by hand; open for `for_s` seconds, or until somebody closes it.

        Raises NoBreakerError where the policy is to have none.
        """
        self.deciding_call = None
        self.breaker.force(state, self.clock(), kind, for_s)
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
            "held_open": False,
            "next_call_probes": False,
            "diagnosis": None,
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
