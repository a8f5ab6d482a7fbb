"""Some of many calls, evenly spaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.call import Call


class Sample:
    """Of any number of calls every n-th, with n doubled as often as `limit` are kept: no draw, hardly a cost."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.seen = 0
        self.kept: list[Call] = []
        self._step = 1
        self._next = 1

    def add(self, call: Call) -> None:
        """Keep the call, or count it only."""
        self.seen += 1
        if self.seen == self._next:
            self.kept.append(call)
            if len(self.kept) == self._limit:
                del self.kept[1::2]
                self._step *= 2
                self._next = 1 + len(self.kept) * self._step
            else:
                self._next += self._step
