"""Some of many calls, evenly spaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.pipeline.call import Call


class DashboardSample:
    """Keeps every n-th of any number of calls; whenever `limit` are kept, n is doubled."""

    def __init__(self, limit: int) -> None:
        self.seen = 0
        self.kept: list[Call] = []
        self._limit = limit
        self._step = 1

    def add(self, call: Call) -> None:
        """Count a call, and keep it if it is the next n-th."""
        if self.seen == len(self.kept) * self._step:
            self.kept.append(call)
        self.seen += 1
        if len(self.kept) == self._limit:
            del self.kept[1::2]
            self._step *= 2
