"""What a breaker has to offer to be asked: a fresh one of it, the ways to call through it, and what it tells.

An adapter shows a library as it is: it sets what it is asked to set, leaves everything else at the library's defaults,
and judges nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Work = Callable[[], Coroutine[Any, Any, None]]
"""What is protected: an `async def` without arguments."""
Way = Callable[[Work], Awaitable[object]]
"""A way to call through a breaker. Raises what the library's user would see."""
ThreadWay = Callable[[Callable[[], None]], object]
"""The same for a thread."""


class DownError(Exception):
    """The dependency failed: what every breaker is there to count."""


class IgnoredError(Exception):
    """Says nothing about the dependency: what a breaker is set not to count."""


@dataclass(frozen=True)
class PeerSettings:
    """How a fresh breaker is set: to trip after `fail_max` consecutive failures, or the nearest to it there is."""

    fail_max: int = 3
    reset_timeout_s: float = 10.0
    ignored: tuple[type[Exception], ...] = ()


class Peer(ABC):
    """One fresh breaker of a library. It adds to `events` the name of whatever a listener of it receives."""

    distribution: ClassVar[str]
    # Top-level names of the modules that read a clock.
    modules: ClassVar[tuple[str, ...]]
    # How it was set up, for the reader of the table.
    settings_text: ClassVar[str]
    refusal: ClassVar[type[BaseException]]
    # Why a question, by its id, cannot be asked.
    not_askable: ClassVar[Mapping[str, str]] = {}
    # Why no thread can call.
    no_threads: ClassVar[str] = ""
    # False where a rate or a share decides, so that a success does not wipe out the failures before it.
    counts_streak: ClassVar[bool] = True
    # Where chance decides: calls among which one is refused, and how long what was counted takes to have an effect.
    chances: ClassVar[int] = 1
    acts_after_s: ClassVar[float] = 0.0

    def __init__(self, settings: PeerSettings) -> None:
        self.settings = settings
        self.events: list[str] = []

    @abstractmethod
    def ways(self) -> Mapping[str, Way]:
        """Return the ways to protect an `async def`, by what a user would write."""

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        """Return the ways to protect a `def`."""
        return {}

    def retry_after_s(self, refusal: BaseException) -> float | None:  # noqa: ARG002 - many tell nothing
        """Return the seconds until a retry, as the refusal or the breaker tells them; None where neither does."""
        return None


class PeerListener:
    """Hears every event that there is: whichever method is called is noted by its name."""

    def __init__(self, events: list[str]) -> None:
        self._events = events

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return a method that notes its name."""

        def note(*_: Any, **__: Any) -> None:
            self._events.append(name)

        return note
