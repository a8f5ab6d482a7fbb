"""pybreaker, unchanged. It knows coroutines only through Tornado, so each way is tried that a user might."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pybreaker

from bench.peers.peer import Peer, PeerListener, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.peers.peer import ThreadWay, Way, Work


class Pybreaker(Peer):
    """`CircuitBreaker`."""

    distribution = "pybreaker"
    modules = ("pybreaker",)
    settings_text = (
        "`fail_max`, `reset_timeout`, `exclude`; all else by default, `throw_new_error_on_trip` too. `.call_async()` "
        "is for Tornado, and asked only where that is not installed"
    )
    refusal = pybreaker.CircuitBreakerError

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)
        listener: Any = PeerListener(self.events)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=settings.fail_max,
            reset_timeout=settings.reset_timeout_s,
            exclude=settings.ignored,
            listeners=[listener],
        )

    def ways(self) -> Mapping[str, Way]:
        """Return all that the README names, and `calling()` around an await."""
        ways: dict[str, Way] = {"`@breaker`": lambda work: self._breaker(work)(), "`.call()`": self._breaker.call}
        if not pybreaker.HAS_TORNADO_SUPPORT:  # with it, it is for Tornado's coroutines
            ways["`.call_async()`"] = self._call_async
        return {**ways, "`with calling()`": self._calling}

    async def _call_async(self, work: Work) -> None:
        breaker: Any = self._breaker
        await breaker.call_async(work)

    async def _calling(self, work: Work) -> None:
        with self._breaker.calling():
            await work()

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        """Return the same for threads."""
        return {
            "`@breaker`": lambda work: self._breaker(work)(),
            "`.call()`": self._breaker.call,
            "`with calling()`": self._calling_thread,
        }

    def _calling_thread(self, work: Callable[[], None]) -> None:
        with self._breaker.calling():
            work()
