"""A fresh breaker, called in one way, in the words in which a question is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bench.conformance.finding import NoAnswerError
from bench.peers.peer import DownError, PeerSettings

if TYPE_CHECKING:
    from bench.conformance.clocks import Clocks
    from bench.peers.peer import Peer, Work

_TURNS = 100  # of the event loop, in which every task that can go on has gone on


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class Subject:
    """One fresh breaker of `kind`, called in the way of that name."""

    def __init__(self, kind: type[Peer], way: str, clocks: Clocks, settings: PeerSettings | None = None) -> None:
        self.kind = kind
        self.way = way
        self.clocks = clocks
        self.settings = settings or PeerSettings()
        self.peer = kind(self.settings)
        self.reached = 0  # calls that came through

    def make_fresh_copy(self, settings: PeerSettings | None = None) -> Subject:
        """Return another one like it, with nothing counted."""
        return Subject(self.kind, self.way, self.clocks, settings or self.settings)

    async def call(self, work: Work) -> None:
        """Call through the breaker. Raises what its user would see."""

        async def count_and_work() -> None:
            self.reached += 1
            await work()

        await self.peer.ways()[self.way](count_and_work)

    def start(self, work: Work) -> asyncio.Task[None]:
        """Call without waiting for the end."""
        return asyncio.create_task(self.call(work))

    async def attempt(self, work: Work) -> Exception | None:
        """Call, and return the error that its user would see, if any."""
        try:
            await self.call(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was asked for
            return error
        return None

    async def fail(self) -> Exception | None:
        """Make one call that fails."""
        return await self.attempt(raising(DownError("down")))

    async def fail_until_it_trips(self) -> None:
        """Make just so many failing calls as should trip it."""
        for _ in range(self.settings.fail_max):
            await self.fail()

    async def cancel(self) -> None:
        """Make one call and cancel it under way."""
        task = self.start(_wait_for_ever)
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def refusal(self) -> BaseException | None:
        """Call; return the refusal, or None where the call came through. Raises whatever else it ends with."""
        self.clocks.advance(self.kind.acts_after_s)
        for _ in range(self.kind.chances):
            before = self.reached
            error = await self.attempt(passing())
            if self.reached == before and isinstance(error, self.kind.refusal):
                return error
            if error is not None:
                raise error
        return None

    async def refuses(self) -> bool:
        """Say whether a call is refused."""
        return await self.refusal() is not None

    async def trip(self) -> None:
        """Make it refuse. Raises NoAnswerError where it does not."""
        await self.fail_until_it_trips()
        if not await self.refuses():
            raise NoAnswerError(f"it does not refuse after {self.settings.fail_max} failures")

    async def recover(self) -> None:
        """See the open time end when it should, so that anything else has another cause. Raises NoAnswerError."""
        await self.trip()
        self.wait(1.2)
        if await self.refuses():
            raise NoAnswerError("it still refuses after its open time, whatever else happens")

    def wait(self, share: float) -> None:
        """Let this share of the open time pass."""
        self.clocks.advance(share * self.settings.reset_timeout_s)


def raising(error: Exception) -> Work:
    """Return work that fails."""

    async def fails() -> None:
        raise error

    return fails


def passing(gate: asyncio.Event | None = None) -> Work:
    """Return work that succeeds, once the gate is open where there is one."""

    async def passes() -> None:
        if gate is not None:
            await gate.wait()

    return passes


async def _wait_for_ever() -> None:
    await asyncio.Event().wait()
