"""circuitbreaker. Only its decorator refuses: its `call` and its context manager count, and let everything through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import circuitbreaker

from bench.peers.peer import Peer, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.peers.peer import ThreadWay, Way


class Circuitbreaker(Peer):
    """`CircuitBreaker` as a decorator."""

    distribution = "circuitbreaker"
    modules = ("circuitbreaker",)
    settings_text = (
        "`failure_threshold`, `recovery_timeout`, and a predicate as `expected_exception` where an error is to be "
        "ignored; all else by default. It has no listeners; a `fallback_function` would take a refusal's place"
    )
    refusal = circuitbreaker.CircuitBreakerError

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)

        def counts(kind: type[BaseException], _: BaseException) -> bool:
            return issubclass(kind, Exception) and not issubclass(kind, settings.ignored)

        self._breaker = circuitbreaker.CircuitBreaker(
            failure_threshold=settings.fail_max,
            recovery_timeout=settings.reset_timeout_s,
            expected_exception=counts if settings.ignored else None,
        )

    def ways(self) -> Mapping[str, Way]:
        """Return the decorator."""
        return {"`@circuit`": lambda work: self._breaker(work)()}

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        """Return the decorator."""
        return {"`@circuit`": lambda work: self._breaker(work)()}

    def retry_after_s(self, refusal: BaseException) -> float | None:  # noqa: ARG002
        """Read the breaker's `open_remaining`; the refusal has it in its text only."""
        seconds: float = self._breaker.open_remaining
        return seconds
