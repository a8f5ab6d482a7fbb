"""The event stream to listeners of different speed."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from client.breakers.interface import State
from client.events import TransitionEvent
from client.http.stream import QUEUE_LENGTH, EventStream
from virtual_clock.loop import run_virtual


def event(number: int) -> TransitionEvent:
    return TransitionEvent(float(number), number, State.CLOSED, State.OPEN, "test", 1)


def test_a_slow_listener_misses_events_and_is_told_how_many() -> None:
    """Three more than the queue holds: the oldest are kept, and the gap is said after the first of them."""

    async def main() -> list[tuple[str, dict[str, Any]]]:
        stream = EventStream()
        listener = stream.listen()
        first = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        for number in range(QUEUE_LENGTH + 3):
            stream.on_transition(event(number))
        return [await first, await anext(listener), await anext(listener)]

    assert run_virtual(main()) == [
        ("transition", asdict(event(0))),
        ("missed", {"events": 3}),
        ("transition", asdict(event(1))),
    ]


def test_a_listener_that_goes_away_is_forgotten() -> None:
    """Nothing is queued for nobody."""

    async def main() -> tuple[int, int]:
        stream = EventStream()
        listener = stream.listen()
        waiting = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        before = len(stream._listeners)
        stream.on_transition(event(1))
        await waiting
        await listener.aclose()
        return before, len(stream._listeners)

    assert run_virtual(main()) == (1, 0)


def test_every_stream_ends_when_the_service_does() -> None:
    """Within half a second, though nothing happens; what happens before that is still passed on."""
    stopping = False

    async def main() -> tuple[float, list[tuple[str, dict[str, Any]]], int]:
        nonlocal stopping
        stream = EventStream(lambda: stopping)

        async def listen() -> list[tuple[str, dict[str, Any]]]:
            return [each async for each in stream.listen()]

        listening = asyncio.ensure_future(listen())
        await asyncio.sleep(3.2)
        stream.on_transition(event(1))
        await asyncio.sleep(0.2)
        stopping = True
        heard = await listening
        return asyncio.get_running_loop().time(), heard, len(stream._listeners)

    ended_s, heard, listeners = run_virtual(main())

    assert (heard, listeners) == ([("transition", asdict(event(1)))], 0)
    assert 3.4 <= ended_s <= 3.9
