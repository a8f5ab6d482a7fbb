"""aiobreaker: pybreaker's fork for asyncio."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiobreaker

from bench.peers.peer import Peer, PeerListener, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.peers.peer import ThreadWay, Way


class Aiobreaker(Peer):
    """`CircuitBreaker`."""

    distribution = "aiobreaker"
    modules = ("aiobreaker",)
    settings_text = "`fail_max`, `timeout_duration`, `exclude`; all else by default"
    refusal = aiobreaker.CircuitBreakerError

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)
        self._breaker = aiobreaker.CircuitBreaker(
            fail_max=settings.fail_max,
            timeout_duration=timedelta(seconds=settings.reset_timeout_s),
            exclude=settings.ignored,
            listeners=[PeerListener(self.events)],
        )

    def ways(self) -> Mapping[str, Way]:
        """Return what its documentation names for coroutines."""
        return {"`@breaker`": lambda work: self._breaker(work)(), "`.call_async()`": self._breaker.call_async}

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        """Return what its documentation names for functions."""
        return {"`@breaker`": lambda work: self._breaker(work)(), "`.call()`": self._breaker.call}

    def retry_after_s(self, refusal: BaseException) -> float | None:
        """Read the refusal's `time_remaining`."""
        error: Any = refusal
        seconds: float = error.time_remaining.total_seconds()
        return seconds
