"""hyx, for coroutines only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyx.circuitbreaker import consecutive_breaker
from hyx.circuitbreaker.exceptions import BreakerFailing

from bench.peers.peer import DownError, Peer, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.peers.peer import Way, Work


class Hyx(Peer):
    """`consecutive_breaker`."""

    distribution = "hyx"
    modules = ("hyx",)
    settings_text = (
        "`failure_threshold`, `recovery_time_secs`, `recovery_threshold=1` (3 by default) so that one success closes "
        "as elsewhere, `exceptions` where an error is to be ignored. It has no listeners"
    )
    refusal = BreakerFailing
    no_threads = "it knows only coroutines"

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)
        self._breaker = consecutive_breaker(
            exceptions=DownError if settings.ignored else Exception,
            failure_threshold=settings.fail_max,
            recovery_time_secs=settings.reset_timeout_s,
            recovery_threshold=1,
        )

    def ways(self) -> Mapping[str, Way]:
        """Return decorator and context manager."""
        return {"`@breaker`": lambda work: self._breaker(work)(), "`async with`": self._async_with}

    async def _async_with(self, work: Work) -> None:
        async with self._breaker:
            await work()

    def retry_after_s(self, refusal: BaseException) -> float | None:  # noqa: ARG002
        """Read what remains off the breaker's state; the refusal carries nothing."""
        state: Any = self._breaker.state
        seconds: float = state.remain.total_seconds()
        return seconds
