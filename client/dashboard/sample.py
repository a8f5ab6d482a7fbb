"""Some of many calls, evenly spaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.pipeline.call import Call


class Sample:
    """Of any number of calls every n-th, with n doubled as often as `limit` are kept: no draw, hardly a cost.

    Who adds a call counts it in `seen`, and hands it to `keep` where it is the one that is `due`.
    """

    __slots__ = ("_limit", "_step", "due", "kept", "seen")

    def __init__(self, limit: int) -> None:
        self.seen = 0
        self.due = 1
        self.kept: list[Call] = []
        self._limit = limit
        self._step = 1

    def keep(self, call: Call) -> None:
        """Keep the call that was due."""
        self.kept.append(call)
        if len(self.kept) == self._limit:
            del self.kept[1::2]
            self._step *= 2
        self.due = 1 + len(self.kept) * self._step
