"""Events for all listeners at GET /events. A listener that is too slow misses events and learns how many."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from client.events import TransitionEvent
    from client.pipeline.call import Call

QUEUE_LENGTH = 1000
# How long a stream without events may take to notice that the service is being stopped.
CHECK_EVERY_S = 0.5
# Most streams open at once; a page has one.
SEATS = 100


class TooManyListenersError(Exception):
    """There is no room for another event stream."""


class Seats:
    """Limits how many event streams are open at once."""

    def __init__(self, seats: int = SEATS) -> None:
        self._seats = seats
        self._taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a seat while the context lasts. Raises TooManyListenersError."""
        if self._taken >= self._seats:
            raise TooManyListenersError(f"all {self._seats} event streams are in use; try again when one is closed")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


class Listener:
    """One open event stream."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(QUEUE_LENGTH)
        self.missed = 0

    def offer(self, name: str, data: dict[str, Any]) -> None:
        """Queue an event, or count it as missed."""
        try:
            self.queue.put_nowait((name, data))
        except asyncio.QueueFull:
            self.missed += 1


class EventStream:
    """A hook that copies events to its listeners.

    `stopping` says whether the service is being stopped, which ends every stream.
    """

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        self._stopping = stopping
        self._listeners: set[Listener] = set()

    def on_call(self, call: Call) -> None:
        """Pass a call on."""
        self._pass_event_on("call", lambda: asdict(call))

    def on_transition(self, event: TransitionEvent) -> None:
        """Pass a transition on."""
        self._pass_event_on("transition", event.as_json)

    def _pass_event_on(self, name: str, as_json: Callable[[], dict[str, Any]]) -> None:
        if self._listeners:
            data = as_json()
            for listener in self._listeners:
                listener.offer(name, data)

    async def listen(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield (event name, data) until the listener goes away, or the service is stopped."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            while not self._stopping():
                try:
                    event = await asyncio.wait_for(listener.queue.get(), CHECK_EVERY_S)
                except TimeoutError:
                    continue
                yield event
                if listener.missed:
                    missed, listener.missed = listener.missed, 0
                    yield "missed", {"events": missed}
        finally:
            self._listeners.discard(listener)
