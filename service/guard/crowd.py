"""How many connections a service holds at once, and who makes room when there are too many."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from uvicorn.server import ServerState

from service.guard import limits
from service.guard.patience import Patience, Step
from service.observe.log import RareLine, logger_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

# Descriptors for everything that is no connection: the program itself, its log, the files of a page.
_OTHER_DESCRIPTORS = 64
_FEWEST = 8
# Of those who may make room, the first go: who has never sent a request, then who has been idle the longest.
_MAKING_ROOM = {Step.END: 0, Step.REST_OF_BODY: 0, Step.FIRST_HEAD: 1, Step.HEAD: 1, Step.NEXT_HEAD: 2}
# So many at once, as a share of all, so that not every newcomer costs a look at all connections.
_SHARE = 50


class Member(Protocol):
    """A connection, as seen from here."""

    patience: Patience
    transport: asyncio.Transport

    def step(self) -> Step:
        """Return what the connection waits for."""


Each = TypeVar("Each", bound=Member)


class Crowd(ServerState):
    """What uvicorn knows of its connections, with a bound on their number, and the lines of the log about strangers."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        logger = logger_of("strangers")
        self.refusals = RareLine(logger, "request_refused", limits.SAID_EVERY_S)
        self.resets = RareLine(logger, "answer_not_taken", limits.SAID_EVERY_S)
        self._shortage = RareLine(logger, "too_many_connections", limits.SAID_EVERY_S)

    def make_room(self, newcomer: Member) -> bool:
        """Close idle connections if there are too many; return whether the newcomer may stay."""
        if len(self.connections) <= self.most:
            return True
        leaving = longest_idle(self._protocols(newcomer), max(1, self.most // _SHARE))
        self._shortage.count(time.monotonic(), most=self.most, idle_closed=len(leaving))
        for each in leaving:
            each.transport.abort()
        return bool(leaving)

    def _protocols(self, newcomer: Each) -> Iterable[Each]:
        return (each for each in self.connections if isinstance(each, type(newcomer)) and each is not newcomer)


def longest_idle(connections: Iterable[Each], most: int) -> list[Each]:
    """Return up to `most` connections that have nothing under way, the first to go first."""
    idle = [each for each in connections if each.step() in _MAKING_ROOM]
    idle.sort(key=lambda each: (_MAKING_ROOM[each.step()], each.patience.since))
    return idle[:most]


def raise_descriptor_limit() -> int:
    """Raise the limit of open files as far as this process may; return how many connections it leaves room for.

    Half of what is left: behind each connection of a caller, the client may have one to the backend.
    """
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:  # pragma: no cover - Windows has no such limit
        return limits.MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return limits.MOST_CONNECTIONS
    return max(_FEWEST, min(limits.MOST_CONNECTIONS, (soft - _OTHER_DESCRIPTORS) // 2))
