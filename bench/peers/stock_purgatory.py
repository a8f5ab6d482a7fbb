"""purgatory: a factory of breakers by name, one kind of factory for coroutines and one for threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purgatory import AsyncCircuitBreakerFactory, SyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from bench.peers.peer import Peer, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.peers.peer import ThreadWay, Way, Work

_NAME = "backend"


class Purgatory(Peer):
    """`AsyncCircuitBreakerFactory`, and `SyncCircuitBreakerFactory` for threads."""

    distribution = "purgatory"
    modules = ("purgatory",)
    settings_text = (
        "`default_threshold`, `default_ttl`, `exclude`; all else by default. A refusal is the `OpenedState` itself: it "
        "carries `opened_at`, by the wall clock, and leaves the rest to the caller"
    )
    refusal = OpenedState

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)
        given: dict[str, Any] = {
            "default_threshold": settings.fail_max,
            "default_ttl": settings.reset_timeout_s,
            "exclude": list(settings.ignored),
        }
        self._tasks = AsyncCircuitBreakerFactory(**given)
        self._tasks.add_listener(lambda _, kind, __: self.events.append(kind))
        self._threads = SyncCircuitBreakerFactory(**given)

    def ways(self) -> Mapping[str, Way]:
        """Return decorator and context manager."""
        return {"`@factory(name)`": lambda work: self._tasks(_NAME)(work)(), "`async with`": self._async_with}

    async def _async_with(self, work: Work) -> None:
        async with await self._tasks.get_breaker(_NAME):
            await work()

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        """Return decorator and context manager."""
        return {"`@factory(name)`": lambda work: self._threads(_NAME)(work)(), "`with`": self._with}

    def _with(self, work: Callable[[], None]) -> None:
        with self._threads.get_breaker(_NAME):
            work()
