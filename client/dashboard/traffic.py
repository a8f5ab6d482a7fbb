"""A little load, for somebody who opens the page without a load generator."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

RATE_PER_S = 5
LASTS_S = 60
# With this many under way, calls are skipped: they must not pile up while the backend hangs.
MOST_UNDER_WAY = 100


class Traffic:
    """Protected calls at a fixed rate for a while, whether or not the earlier ones have been answered.

    `call` makes one call, with the request id that it is given.
    """

    def __init__(self, call: Callable[[str], Coroutine[Any, Any, object]]) -> None:
        self._call = call
        self._ids = count(1)
        self._calls: set[asyncio.Task[Any]] = set()
        self._sender: asyncio.Task[None] | None = None
        self._left = 0

    def start(self) -> None:
        """Send for `LASTS_S` seconds from now on."""
        self._left = RATE_PER_S * LASTS_S
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    def stop(self) -> None:
        """Send no more calls; those under way end by themselves."""
        self._left = 0
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    async def close(self) -> None:
        """Stop, and cancel the calls under way."""
        under_way: list[asyncio.Task[Any]] = [*self._calls, *([self._sender] if self._sender else [])]
        self.stop()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def snapshot(self) -> dict[str, Any]:
        """Return as JSON whether it is sending, at what rate, and for how much longer."""
        return {"on": self._left > 0, "rate_per_s": RATE_PER_S, "left_s": self._left / RATE_PER_S, "lasts_s": LASTS_S}

    async def _send(self) -> None:
        while self._left > 0:
            self._left -= 1
            if len(self._calls) < MOST_UNDER_WAY:
                call = asyncio.create_task(self._call(f"dashboard-{next(self._ids)}"))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)
            await asyncio.sleep(1 / RATE_PER_S)
        self._sender = None
