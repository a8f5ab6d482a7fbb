"""The stream of each event: encoded once for all listeners, a few times a second at most, with what was missed."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from client.breakers.interface import State
from client.events import TransitionEvent
from client.http import stream as module
from client.http.stream import PASS_ON_EVERY_S, EventStream
from client.pipeline.call import Call, Outcome
from service.guard import limits
from service.guard.listeners import Listener
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

Result = TypeVar("Result")


def event(number: int) -> TransitionEvent:
    return TransitionEvent(float(number), number, State.CLOSED, State.OPEN, "test", 1)  # type: ignore[arg-type]


def call(number: int) -> Call:
    return Call(str(number), outcome=Outcome.OK, status=200)


class Stand:
    """A stream, and whoever listens to it."""

    def __init__(self) -> None:
        self.stream = EventStream()
        self.open = ExitStack()

    def join(self, leaving: ExitStack | None = None) -> Listener:
        listener = Listener(lambda: None, asyncio.get_running_loop().time(), gives_way=True)
        (leaving or self.open).enter_context(self.stream.pass_on_to(listener, lambda: {"state": "closed"}))
        return listener


def run(main: Callable[[Stand], Awaitable[Result]]) -> Result:
    async def whole() -> Result:
        stand = Stand()
        with stand.open:
            return await main(stand)

    return run_virtual(whole())


async def read(listener: Listener) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of the next piece."""
    piece = await listener.next_piece()
    assert piece is not None
    lines = [each.splitlines() for each in piece.decode().split("\n\n")[:-1]]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def test_what_happens_comes_in_order_after_a_snapshot() -> None:
    """As JSON of their fields, at once."""

    async def main(stand: Stand) -> tuple[list[Any], float]:
        listener = stand.join()
        found = await read(listener)
        stand.stream.on_transition(event(1))
        stand.stream.on_call(call(1))
        return found + await read(listener), asyncio.get_running_loop().time()

    assert run(main) == (
        [("snapshot", {"state": "closed"}), ("transition", asdict(event(1))), ("call", asdict(call(1)))],
        0.0,
    )


def test_many_events_are_passed_on_together_and_not_too_often() -> None:
    """A thousand in a second are some twenty pieces, and none is lost or told twice."""

    async def main(stand: Stand) -> list[int]:
        listener = stand.join()
        await read(listener)
        sizes: list[int] = []

        async def keep_reading() -> None:
            while True:
                sizes.append(len(await read(listener)))

        reading = asyncio.create_task(keep_reading())
        for number in range(1000):
            stand.stream.on_call(call(number))
            await asyncio.sleep(0.001)
        await asyncio.sleep(PASS_ON_EVERY_S)
        reading.cancel()
        return sizes

    sizes = run(main)

    assert sum(sizes) == 1000
    assert len(sizes) <= 22


def test_an_event_is_encoded_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many listen: they get the same bytes, not as many of the same."""
    encoded: list[dict[str, Any]] = []
    encode = module._encode

    def count(data: dict[str, Any]) -> str:
        encoded.append(data)
        return encode(data)

    monkeypatch.setattr(module, "_encode", count)

    async def main(stand: Stand) -> tuple[int, int]:
        listeners = [stand.join() for _ in range(5)]
        for each in listeners:
            await read(each)
        encoded.clear()
        for number in range(3):
            stand.stream.on_call(call(number))
        pieces = [await each.next_piece() for each in listeners]
        return len(encoded), len({id(piece) for piece in pieces})

    assert run(main) == (3, 1)


def test_more_events_than_can_be_told_are_counted() -> None:
    """The rest are missed, and all learn how many; a change of state is told all the same."""

    async def main(stand: Stand) -> list[tuple[str, dict[str, Any]]]:
        listener = stand.join()
        await read(listener)
        for number in range(limits.MOST_EVENTS + 3):
            stand.stream.on_call(call(number))
        stand.stream.on_transition(event(1))
        return (await read(listener))[limits.MOST_EVENTS - 1 :]

    assert run(main) == [
        ("call", asdict(call(limits.MOST_EVENTS - 1))),
        ("transition", asdict(event(1))),
        ("missed", {"events": 3}),
    ]


def test_who_comes_later_gets_what_comes_later() -> None:
    """What happened before is in the snapshot; it is not told again."""

    async def main(stand: Stand) -> list[Any]:
        first = stand.join()
        await read(first)
        stand.stream.on_call(call(1))
        second = stand.join()
        stand.stream.on_call(call(2))
        await asyncio.sleep(1)
        return [[data.get("request_id") for _, data in await read(each)] for each in (first, second)]

    assert run(main) == [["1", "2"], [None, "2"]]


def test_nobody_listens_and_nothing_is_kept() -> None:
    """Not one event, nor a timer, when all have gone."""

    async def main(stand: Stand) -> tuple[int, object]:
        with ExitStack() as leaving:
            stand.join(leaving)
        stand.stream.on_call(call(1))
        stand.stream.on_transition(event(1))
        return len(stand.stream._events), stand.stream._due

    assert run(main) == (0, None)
