"""interlock-cb: rates in a window. A window of `fail_max` calls that must all fail is `fail_max` failures in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import interlock

from bench.peers.peer import Peer, PeerListener, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.peers.peer import ThreadWay, Way, Work


class _Classifier:
    """Any error is a failure, but for the ignored ones: its own default, and the exception to it that was asked for."""

    def __init__(self, ignored: tuple[type[Exception], ...]) -> None:
        self._ignored = ignored

    def is_failure(self, *, result: object, exception: Exception | None) -> bool:  # noqa: ARG002
        return exception is not None and not isinstance(exception, self._ignored)


class Interlock(Peer):
    """`CircuitBreaker`."""

    distribution = "interlock-cb"
    modules = ("interlock",)
    settings_text = (
        "`failure_rate_threshold=1`, and `window_size` and `minimum_number_of_calls` of 3 calls, which trips exactly "
        "at 3 consecutive failures; `permitted_calls_in_half_open=1` (10 by default) so that one success closes as "
        "elsewhere; `wait_duration_in_open`; a classifier that ignores an error"
    )
    refusal = interlock.CircuitOpenError

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)
        listener: Any = PeerListener(self.events)
        self._breaker = interlock.CircuitBreaker(
            name="backend",
            config=interlock.Config(
                failure_rate_threshold=1.0,
                minimum_number_of_calls=settings.fail_max,
                window_size=settings.fail_max,
                permitted_calls_in_half_open=1,
                wait_duration_in_open=settings.reset_timeout_s,
            ),
            classifier=_Classifier(settings.ignored),
            listener=listener,
        )

    def ways(self) -> Mapping[str, Way]:
        """Return its three ways."""
        return {
            "`@breaker`": lambda work: self._breaker(work)(),
            "`.call()`": self._breaker.call,
            "`async with`": self._async_with,
        }

    async def _async_with(self, work: Work) -> None:
        async with self._breaker:
            await work()

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        """Return the same three."""
        return {
            "`@breaker`": lambda work: self._breaker(work)(),
            "`.call()`": self._breaker.call,
            "`with`": self._with,
        }

    def _with(self, work: Callable[[], None]) -> None:
        with self._breaker:
            work()

    def retry_after_s(self, refusal: BaseException) -> float | None:
        """Read the refusal's `retry_after`."""
        error: Any = refusal
        seconds: float | None = error.retry_after
        return seconds
