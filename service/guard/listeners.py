"""Who listens to the streams of a service: how many there may be, and who has to go.

What is sent is the same bytes for all of them, made once. It waits for each reader until he has taken what came before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from service.guard import limits
from service.observe.log import RareLine, logger_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Seconds between two looks at the listeners, and seconds of silence after which they are told that the stream goes on.
CHECK_EVERY_S = 0.25
SILENT_S = 15.0
_STILL_HERE = b": ping\n\n"


class TooManyListenersError(Exception):
    """There is no room for another event stream."""


class Listener:
    """One open stream.

    `hang_up` closes its connection; `gives_way`: whether a page may have its seat at once. Times are in seconds of the
    loop's clock.
    """

    def __init__(self, hang_up: Callable[[], None], now: float, *, gives_way: bool) -> None:
        self.hang_up = hang_up
        self.gives_way = gives_way
        self.came_at = self.offered_at = now
        self.unsent = 0
        self.has_ended = False
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._sending: tuple[float, int] | None = None
        self._wake = asyncio.Event()

    def offer(self, piece: bytes, now: float) -> None:
        """Let `piece` be sent after what waits already."""
        if not self.has_ended:
            self.offered_at = now
            self.unsent += len(piece)
            self._waiting.append((now, piece))
            self._wake.set()

    async def next_piece(self) -> bytes | None:
        """Wait for the bytes to be sent next, and return them; none at the end.

        Asked again, the listener takes the last ones for sent.
        """
        self._count_sent()
        while not self._waiting:
            if self.has_ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        since = self._waiting[0][0]
        piece = b"".join([each for _, each in self._waiting])
        self._waiting.clear()
        self._sending = since, len(piece)
        return piece

    def _count_sent(self) -> None:
        if self._sending is not None:
            self.unsent -= self._sending[1]
            self._sending = None

    def end(self) -> None:
        """Take no more; the stream ends when what waits is sent."""
        self.has_ended = True
        self._wake.set()

    def behind_s(self, now: float) -> float:
        """Return for how long the oldest bytes have been waiting for their reader."""
        if self._sending is not None:
            return now - self._sending[0]
        return now - self._waiting[0][0] if self._waiting else 0.0

    def is_behind(self, now: float) -> bool:
        """Return whether the reader is too far behind to be waited for."""
        return self.unsent > limits.STREAM_BEHIND or self.behind_s(now) > limits.STREAM_BEHIND_S


class Audience:
    """All listeners. `stopping` says whether the service is being stopped, which ends every stream."""

    def __init__(self, stopping: Callable[[], bool] = lambda: False, seats: int | None = None) -> None:
        self._stopping = stopping
        self._seats = limits.MOST_STREAMS if seats is None else seats
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._drops = RareLine(logger_of("streams"), "stream_dropped", limits.SAID_EVERY_S)

    @property
    def open_streams(self) -> int:
        """Return how many seats are taken."""
        return len(self._listeners)

    @property
    def dropped(self) -> int:
        """Return how many listeners had to go since the start."""
        return self._drops.total

    @contextmanager
    def take_seat(self, hang_up: Callable[[], None], *, gives_way: bool) -> Iterator[Listener]:
        """Hold a seat while the context lasts. Raises TooManyListenersError."""
        now = asyncio.get_running_loop().time()
        if len(self._listeners) >= self._seats:
            self._make_room(now, for_page=not gives_way)
        listener = Listener(hang_up, now, gives_way=gives_way)
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_after())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    def _make_room(self, now: float, *, for_page: bool) -> None:
        """Drop who is furthest behind, or else the oldest, of those who are no longer sure of their seats."""
        unsure = [
            each
            for each in self._listeners
            if now - each.came_at >= limits.STREAM_SURE_S or (for_page and each.gives_way)
        ]
        if not unsure:
            raise TooManyListenersError(f"all {self._seats} event streams are in use; try again when one is closed")
        self._drop(max(unsure, key=lambda each: (each.behind_s(now), now - each.came_at)), now, "gave way to another")

    def _drop(self, listener: Listener, now: float, why: str) -> None:
        self._listeners.discard(listener)
        listener.end()
        listener.hang_up()
        self._drops.count(now, why=why, unsent=listener.unsent, behind_s=round(listener.behind_s(now), 1))

    async def _look_after(self) -> None:
        """Drop who is behind, and say now and then that the streams go on."""
        loop = asyncio.get_running_loop()
        while not self._stopping():
            await asyncio.sleep(CHECK_EVERY_S)
            now = loop.time()
            for each in [each for each in self._listeners if each.is_behind(now)]:
                self._drop(each, now, "does not read")
            for each in self._listeners:
                if now - each.offered_at >= SILENT_S:
                    each.offer(_STILL_HERE, now)
        for each in tuple(self._listeners):
            each.end()
            if each.behind_s(loop.time()) > CHECK_EVERY_S:
                each.hang_up()


def write_event(name: str, data: str) -> bytes:
    """Write a server-sent event with one line of data."""
    return f"event: {name}\ndata: {data}\n\n".encode()
