"""This lab's policies: the client's pipeline for coroutines, a locked breaker for threads.

The client answers and raises nothing; an ignored error is a backend's 404. Its breakers hold no clock; the one that it
is given here is `time.monotonic`, which is that of the event loop that it runs on.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from bench.locked import LockedBreaker
from bench.peers.peer import DownError, IgnoredError, Peer, PeerSettings
from client import breakers
from client.breakers.interface import Refusal, Verdict
from client.breakers.settings import breaker_settings
from client.core import Client
from client.pipeline.call import Answer, Call, Outcome
from client.pipeline.classification import verdict_of_error
from client.pipeline.errors import BackendUnreachableError, RefusedError
from client.pipeline.fallback import FallbackSettings
from client.pipeline.order import CallSettings
from client.pipeline.timeout import TimeoutSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.peers.peer import ThreadWay, Way, Work
    from client.breakers.interface import Transition
    from client.events import TransitionEvent

_NOT_FOUND = 404  # how a caller's own mistake reads over HTTP
_HOW = "; called through `Client`, where an ignored error is a 404, and `LockedBreaker` for threads"


class RefusedAnswerError(Exception):
    """The client answered a fast-fail; it raises nothing itself."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.retry_after_s: float = json.loads(answer.body)["retry_after_s"]


class _Hook:
    """Hears what the client tells its hooks, calls by their outcome."""

    def __init__(self, events: list[str]) -> None:
        self._events = events

    def on_call(self, call: Call) -> None:
        self._events.append(f"on_call: {call.outcome}")

    def on_transition(self, event: TransitionEvent) -> None:
        self._events.append(f"on_transition: {event.after}")


class _Lab(Peer):
    """One policy."""

    policy: ClassVar[str]
    distribution = "breaker-lab"
    modules = ("client", "pybreaker", __name__)  # pybreaker: `consecutive` is built on it
    refusal = RefusedAnswerError

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)
        chosen = breaker_settings(policy=self.policy, **self._policy_settings(settings))
        self._works: dict[str, Work] = {}
        self._calls = 0
        self._client = Client(
            CallSettings(
                breaker=chosen,
                timeout=TimeoutSettings(total_s=None),
                fallback=FallbackSettings(enabled=False),
            ),
            self._upstream,
            hooks=[_Hook(self.events)],
            clock=time.monotonic,
        )
        self._locked = LockedBreaker(breakers.build(chosen, time.monotonic(), _ignore))

    @abstractmethod
    def _policy_settings(self, settings: PeerSettings) -> dict[str, Any]:
        """Return the policy's settings."""

    def ways(self) -> Mapping[str, Way]:
        """Return the client's one way."""
        return {"`Client.call()`": self._call}

    async def _call(self, work: Work) -> None:
        self._calls += 1
        name = str(self._calls)
        self._works[name] = work
        call, answer = await self._client.call(name)
        if call.outcome is Outcome.FAST_FAIL:
            raise RefusedAnswerError(answer)
        if call.outcome is not Outcome.OK:
            raise IgnoredError if answer.status == _NOT_FOUND else DownError

    async def _upstream(self, call: Call) -> Answer:
        try:
            await self._works.pop(call.request_id)()
        except IgnoredError:
            return Answer(_NOT_FOUND, b"")
        except DownError as error:
            raise BackendUnreachableError("it is down") from error
        return Answer(200, b"{}")

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        """Return the two steps of a locked breaker."""
        return {"`LockedBreaker`": self._two_steps}

    def _two_steps(self, work: Callable[[], None]) -> None:
        permit = self._locked.admit(time.monotonic())
        if isinstance(permit, Refusal):
            raise RefusedError(permit)
        try:
            work()
        except BaseException as error:
            self._locked.report(permit, verdict_of_error(error), time.monotonic())
            raise
        self._locked.report(permit, Verdict.SUCCESS, time.monotonic())

    def retry_after_s(self, refusal: BaseException) -> float | None:
        """Read the answer's `retry_after_s`."""
        return refusal.retry_after_s if isinstance(refusal, RefusedAnswerError) else None


def _ignore(transition: Transition) -> None:
    """Take no notice."""


class LabConsecutive(_Lab):
    """On pybreaker's state machine."""

    policy = "consecutive"
    settings_text = f"`fail_max`, `reset_timeout`; all else by default{_HOW}"

    def _policy_settings(self, settings: PeerSettings) -> dict[str, Any]:
        return {"fail_max": settings.fail_max, "reset_timeout": settings.reset_timeout_s}


class LabCountWindow(_Lab):
    """A rate over calls."""

    policy = "count_window"
    settings_text = (
        "`failure_rate=1`, and `window_calls` and `min_calls` of 3 calls, which trips exactly at 3 consecutive failures"
        + _HOW
    )

    def _policy_settings(self, settings: PeerSettings) -> dict[str, Any]:
        calls = {"min_calls": settings.fail_max, "window_calls": settings.fail_max}
        return {"failure_rate": 1.0, **calls, "reset_timeout": settings.reset_timeout_s}


class LabTimeWindow(_Lab):
    """A rate over time."""

    policy = "time_window"
    settings_text = (
        "`failure_rate=1`, `min_calls=3` in `window_s=60`: trips at 3 failures in a minute that holds no success, the "
        f"nearest to 3 consecutive ones{_HOW}"
    )

    def _policy_settings(self, settings: PeerSettings) -> dict[str, Any]:
        window = {"min_calls": settings.fail_max, "window_s": 60.0}
        return {"failure_rate": 1.0, **window, "reset_timeout": settings.reset_timeout_s}


_NEVER_OPENS = {
    "half-open-probes": "it never opens, so there is no half-open",
    "late-failure": "it never opens, so there is no open time to extend",
    "ignored-error": "it counts a share, not a streak",
    "tripping-call": "it never trips: no call changes its state",
    "wall-clock": "it never opens, so there is no open time for a clock to end",
    "retry-after": "it refuses by chance: the next call may be let through at once",
}


class LabThrottle(_Lab):
    """A share refused that grows with what is not accepted."""

    policy = "throttle"
    settings_text = f"`seed=1`; all else by default; tripped stands for: one of the next 20 calls is refused{_HOW}"
    not_askable = _NEVER_OPENS
    counts_streak = False
    chances = 20

    def _policy_settings(self, settings: PeerSettings) -> dict[str, Any]:  # noqa: ARG002 - it has no such settings
        return {"seed": 1}


class LabAdaptive(_Lab):
    """A share refused that a controller sets."""

    policy = "adaptive"
    settings_text = (
        "`min_calls=1`, `seed=1`; all else by default; tripped stands for: a step of its controller (1 s) later, one "
        f"of the next 20 calls is refused{_HOW}"
    )
    not_askable = _NEVER_OPENS
    counts_streak = False
    chances = 20
    acts_after_s = 1.0

    def _policy_settings(self, settings: PeerSettings) -> dict[str, Any]:  # noqa: ARG002 - it has no such settings
        return {"min_calls": 1, "seed": 1}
