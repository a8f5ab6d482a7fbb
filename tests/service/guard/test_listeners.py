"""Who listens: shared bytes, who is behind goes, seats come back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from service.guard import limits
from service.guard.listeners import SILENT_S, Audience, Listener, TooManyListenersError, write_event
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Result = TypeVar("Result")


class Theatre:
    """An audience with few seats; who was hung up on is remembered."""

    def __init__(self, seats: int = 2) -> None:
        self.stopping = False
        self.gone: list[str] = []
        self.audience = Audience(lambda: self.stopping, seats)
        self.open = ExitStack()

    def sit(self, name: str = "", *, gives_way: bool = True) -> Listener:
        return self.open.enter_context(self.audience.take_seat(lambda: self.gone.append(name), gives_way=gives_way))

    @staticmethod
    def offer(listener: Listener, piece: bytes = b"x") -> None:
        listener.offer(piece, asyncio.get_running_loop().time())

    async def read(self, listener: Listener) -> list[tuple[float, bytes]]:
        """Read until the stream ends; the time and the bytes of each piece."""
        pieces = []
        while (piece := await listener.next_piece()) is not None:
            pieces.append((asyncio.get_running_loop().time(), piece))
        return pieces


def run(main: Callable[[Theatre], Awaitable[Result]], seats: int = 2) -> Result:
    """Run `main` with a theatre on a virtual clock."""

    async def whole() -> Result:
        theatre = Theatre(seats)
        with theatre.open:
            return await main(theatre)

    return run_virtual(whole())


async def keep_offering(theatre: Theatre, listener: Listener, seconds: float, size: int = 1) -> None:
    for _ in range(round(seconds)):
        theatre.offer(listener, b"x" * size)
        await asyncio.sleep(1)


def test_what_waits_is_sent_together() -> None:
    """And a piece that nothing waits beside is handed on as it is, not copied."""
    piece = write_event("call", "{}")

    async def main(theatre: Theatre) -> tuple[bytes | None, bool]:
        listener = theatre.sit()
        theatre.offer(listener, b"a")
        theatre.offer(listener, b"b")
        both = await listener.next_piece()
        theatre.offer(listener, piece)
        return both, await listener.next_piece() is piece

    assert run(main) == (b"ab", True)
    assert piece == b"event: call\ndata: {}\n\n"


def test_who_does_not_read_is_dropped_by_time() -> None:
    """Five seconds after the first byte that he did not take; one who reads stays, and the seat is free at once."""

    async def main(theatre: Theatre) -> tuple[list[str], int, int, bool]:
        stuck, reader = theatre.sit("stuck"), theatre.sit("reader")
        reading = asyncio.create_task(theatre.read(reader))
        assert theatre.audience.open_streams == 2
        theatre.offer(stuck)
        await stuck.next_piece()  # which the transport has, and cannot send
        await asyncio.gather(keep_offering(theatre, stuck, 4), keep_offering(theatre, reader, 8))
        reading.cancel()
        return theatre.gone, theatre.audience.open_streams, theatre.audience.dropped, stuck.has_ended

    assert run(main) == (["stuck"], 1, 1, True)


def test_a_reader_who_is_slow_but_reads_stays() -> None:
    """Four seconds for each piece, for a minute."""

    async def main(theatre: Theatre) -> list[str]:
        slow = theatre.sit("slow")

        async def read() -> None:
            while True:
                await slow.next_piece()
                await asyncio.sleep(4)

        reading = asyncio.create_task(read())
        for _ in range(12):
            theatre.offer(slow)
            await asyncio.sleep(5)
        reading.cancel()
        return theatre.gone

    assert run(main) == []


def test_who_is_behind_by_bytes_is_dropped_sooner() -> None:
    """Within a quarter of a second, however long the bytes have waited."""

    async def main(theatre: Theatre) -> tuple[list[str], list[str]]:
        stuck = theatre.sit("stuck")
        theatre.offer(stuck, b"x" * limits.STREAM_BEHIND)
        await asyncio.sleep(1)
        before = list(theatre.gone)
        theatre.offer(stuck)
        await asyncio.sleep(0.3)
        return before, theatre.gone

    assert run(main) == ([], ["stuck"])


def test_a_silent_stream_is_told_that_it_goes_on() -> None:
    """With a comment, so that what is between them does not close the connection."""

    async def main(theatre: Theatre) -> tuple[bytes | None, bool]:
        listener = theatre.sit()
        piece = await listener.next_piece()
        return piece, SILENT_S <= asyncio.get_running_loop().time() < SILENT_S + 0.5

    assert run(main) == (b": ping\n\n", True)


def test_all_seats_are_taken() -> None:
    """Then the next is refused in words; who leaves makes room."""

    async def main(theatre: Theatre) -> str:
        with theatre.audience.take_seat(lambda: None, gives_way=True):
            theatre.sit()
            with pytest.raises(TooManyListenersError) as caught:
                theatre.sit()
        theatre.sit()
        return str(caught.value)

    assert run(main) == "all 2 event streams are in use; try again when one is closed"


def test_after_a_while_the_one_furthest_behind_gives_way_then_the_oldest() -> None:
    """Nobody holds a seat for good; who has only just come keeps it."""

    async def main(theatre: Theatre) -> list[str]:
        theatre.sit("oldest")
        await asyncio.sleep(1)
        behind = theatre.sit("behind")
        await asyncio.sleep(limits.STREAM_SURE_S - 1)
        theatre.offer(behind)
        await asyncio.sleep(1)
        for name in ("third", "fourth"):
            theatre.sit(name)
        with pytest.raises(TooManyListenersError):
            theatre.sit("fifth")
        return theatre.gone

    assert run(main) == ["behind", "oldest"]


def test_a_page_finds_a_seat_where_programs_have_them_all() -> None:
    """At once; pages do not give way to pages so soon."""

    async def main(theatre: Theatre) -> list[str]:
        for name in ("one", "other"):
            theatre.sit(name)
            await asyncio.sleep(0.01)
        for name in ("page", "second page"):
            theatre.sit(name, gives_way=False)
        with pytest.raises(TooManyListenersError):
            theatre.sit("third page", gives_way=False)
        return theatre.gone

    assert run(main) == ["one", "other"]


def test_every_stream_ends_when_the_service_does() -> None:
    """Soon, though nothing happens; who is behind is not waited for."""

    async def main(theatre: Theatre) -> tuple[float, list[Any], list[str]]:
        reader, stuck = theatre.sit("reader"), theatre.sit("stuck")
        reading = asyncio.create_task(theatre.read(reader))
        await asyncio.sleep(3.2)
        theatre.offer(reader)
        theatre.offer(stuck)
        await asyncio.sleep(0.3)
        theatre.stopping = True
        return asyncio.get_running_loop().time(), await reading, theatre.gone

    asked_s, pieces, gone = run(main)

    assert ([piece for _, piece in pieces], gone) == ([b"x"], ["stuck"])
    assert asked_s == 3.5


def test_when_nobody_listens_nothing_runs() -> None:
    """One task from the first listener to the last."""

    async def main(theatre: Theatre) -> list[int]:
        alone = len(asyncio.all_tasks())
        found = []
        for _ in range(2):
            with theatre.audience.take_seat(lambda: None, gives_way=True):
                theatre.sit()
                found.append(len(asyncio.all_tasks()) - alone)
            theatre.open.close()
            await asyncio.sleep(0)
            found.append(len(asyncio.all_tasks()) - alone)
        return found

    assert run(main) == [1, 0, 1, 0]


def test_drops_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """With their number since the last line, and why the latest had to go."""

    async def main(theatre: Theatre) -> None:
        for _ in range(14):
            for _ in range(2):
                theatre.offer(theatre.sit())
            await asyncio.sleep(6)

    with caplog.at_level(logging.WARNING):
        run(main)

    told: list[Any] = [record.__dict__["fields"] for record in caplog.records]
    assert [record.getMessage() for record in caplog.records] == ["stream_dropped"] * 2
    assert [each["times"] for each in told] == [1, 20]
    assert (told[1]["latest"]["why"], told[1]["latest"]["unsent"]) == ("does not read", 1)
