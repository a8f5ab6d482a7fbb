"""Any breaker for callers on several threads: one lock around each step, never across the call itself."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from enum import StrEnum

    from client.breakers.interface import Breaker, Permit, Refusal, State, Verdict


class LockedBreaker:
    """The two steps of `breaker`, one thread at a time; on an event loop nobody needs it."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self._lock = Lock()

    @property
    def state(self) -> State:
        """Where the breaker stands."""
        return self._breaker.state

    def admit(self, now: float) -> Permit | Refusal:
        """See Breaker.admit."""
        with self._lock:
            return self._breaker.admit(now)

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """See Breaker.report."""
        with self._lock:
            self._breaker.report(permit, verdict, now, retry_after_s)

    def force(self, state: State, now: float, kind: StrEnum, for_s: float | None = None) -> None:
        """See Breaker.force."""
        with self._lock:
            self._breaker.force(state, now, kind, for_s)

    def details(self, now: float) -> dict[str, Any]:
        """See Breaker.details."""
        with self._lock:
            return self._breaker.details(now)
