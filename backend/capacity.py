"""A limited number of workers with a first-come, first-served queue in front of them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from backend.errors import QueueFullError

if TYPE_CHECKING:
    from backend.profile import CapacityLimit


class Capacity:
    """Workers and queue, shared by all requests; the limit may change while requests are in flight.

    After a lower limit, busy workers finish; after a higher one, the first in the queue start at once. Written here,
    since asyncio.Semaphore has a fixed limit and an endless queue.
    """

    def __init__(self) -> None:
        self.busy = 0
        self._limit: CapacityLimit | None = None
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    def set_limit(self, limit: CapacityLimit | None) -> None:
        """Use `limit` from now on; none: no limit."""
        if limit is not self._limit:
            self._limit = limit
            self._admit()

    async def take_worker(self) -> None:
        """Wait for a worker and take it; give it back with `free_worker`. Cancelling gives up the place in the queue.

        Raises QueueFullError.
        """
        if self._queue or not self._has_room():
            await self._wait()
        else:
            self.busy += 1

    def free_worker(self) -> None:
        """Give a worker back, for the next request."""
        self.busy -= 1
        if self._queue:
            self._admit()

    def _has_room(self) -> bool:
        return self._limit is None or self.busy < self._limit.workers

    async def _wait(self) -> None:
        if self._limit is not None and len(self._queue) >= self._limit.queue:
            raise QueueFullError(f"{self._limit.workers} workers busy and {self._limit.queue} requests waiting")
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._queue:
                self._queue.remove(turn)
            elif not turn.cancelled():  # cancelled after its turn had come: pass the worker on
                self.busy -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._queue and self._has_room():
            turn = self._queue.popleft()
            if not turn.done():  # else: cancelled in this same step of the loop, before it could leave the queue
                self.busy += 1
                turn.set_result(None)
