"""What the page gets, and what that costs: batches while somebody listens, and nothing else."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

from client.breakers.interface import Intervention, State
from client.core import Client
from client.dashboard.feed import LONGEST_QUEUE, POINTS, TRANSITIONS, Feed
from client.observe.counters import Counters
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendFailedError
from client.pipeline.order import CallSettings
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

Result = TypeVar("Result")


class Lab:
    """A client over an upstream that fails when told to, and a feed of it."""

    def __init__(self, **breaker: Any) -> None:
        self.fails = False
        self.stopping = False
        self.open: list[AsyncGenerator[str]] = []
        self.counters = Counters()
        self.client = Client(CallSettings.model_validate({"breaker": breaker}), self.answer, [self.counters])
        self.feed = Feed(self.client, self.counters, stopping=lambda: self.stopping)

    async def answer(self, call: Call) -> Answer:
        call.backend_calls += 1
        await asyncio.sleep(0.01)
        if self.fails:
            raise BackendFailedError(500)
        return Answer(200, b"{}")

    async def call(self, times: int = 1) -> None:
        await asyncio.gather(*(self.client.call("1") for _ in range(times)))

    async def watch(self, leave: Callable[[], None] = lambda: None) -> tuple[AsyncGenerator[str], dict[str, Any]]:
        """Begin to listen; return the listener and its first batch."""
        listener = self.feed.listen(leave)
        self.open.append(listener)
        return listener, json.loads(await anext(listener))


def run(main: Callable[[Lab], Awaitable[Result]], **breaker: Any) -> Result:
    """Run `main` with a lab, and close whatever it has opened."""

    async def whole() -> Result:
        lab = Lab(**breaker)
        try:
            return await main(lab)
        finally:
            for listener in lab.open:
                await listener.aclose()
            await asyncio.sleep(0)

    return run_virtual(whole())


async def following(listener: AsyncIterator[str]) -> tuple[float, dict[str, Any]]:
    """Return the time at which the next batch came, and the batch."""
    batch = json.loads(await anext(listener))
    return round(asyncio.get_running_loop().time(), 6), batch


def test_the_first_batch_is_all_that_is_known() -> None:
    """State, counts and transitions from before anybody listened; no points: nobody kept them."""

    async def main(lab: Lab) -> dict[str, Any]:
        lab.fails = True
        await lab.call()
        return (await lab.watch())[1]

    batch = run(main, fail_max=1)

    assert (batch["breaker"]["state"], batch["counts"]["outcomes"]["error"]) == ("open", 1)
    assert [(each["seq"], each["after"], each["cause"]) for each in batch["transitions"]] == [
        (1, "open", "fail_max reached")
    ]
    assert batch["calls"] == {"seen": 0, "sent": 0, "points": {}}
    assert batch["settings"]["timeout"] == {"total_s": 3}


def test_calls_come_together_and_many_as_a_sample_of_each_outcome() -> None:
    """One batch, 0.2 s later; the rare error is in it, and it says how many there were."""

    async def main(lab: Lab) -> dict[str, Any]:
        listener, _ = await lab.watch()
        await lab.call(1000)
        lab.fails = True
        await lab.call()
        return (await following(listener))[1]["calls"]

    calls = run(main)

    assert calls["seen"] == 1001
    assert calls["sent"] == len(calls["points"]["ok"]) + 1
    assert POINTS / 2 <= len(calls["points"]["ok"]) < POINTS
    [[ago_s, took_ms]] = calls["points"]["error"]
    assert (ago_s, took_ms) == (0.18, 10.0)


def test_when_nothing_happens_a_batch_comes_each_second() -> None:
    """So that the page can tell a quiet service from one that is gone."""

    async def main(lab: Lab) -> list[float]:
        listener, _ = await lab.watch()
        return [(await following(listener))[0] for _ in range(3)]

    assert run(main) == [1.0, 2.0, 3.0]


def test_a_transition_is_told_at_once() -> None:
    """Within a twentieth of a second, also when the last batch has just gone."""

    async def main(lab: Lab) -> tuple[float, list[str]]:
        listener, _ = await lab.watch()
        await lab.call()
        went, _ = await following(listener)
        lab.client.force(State.OPEN, Intervention.OPENED)
        came, batch = await following(listener)
        return round(came - went, 6), [each["after"] for each in batch["transitions"]]

    assert run(main) == (0.05, ["open"])


def test_transitions_are_told_once_and_no_more_than_the_latest() -> None:
    """A breaker that flaps fills neither the line nor the memory; the snapshot has their number."""

    async def main(lab: Lab) -> tuple[int, int, int, list[Any]]:
        listener, _ = await lab.watch()
        for _ in range(TRANSITIONS):
            lab.client.force(State.OPEN, Intervention.OPENED)
            lab.client.force(State.CLOSED, Intervention.OPENED)
        _, batch = await following(listener)
        _, after = await following(listener)
        told = batch["transitions"]
        return batch["breaker"]["transition_count"], len(told), told[-1]["seq"], after["transitions"]

    assert run(main) == (2 * TRANSITIONS, TRANSITIONS, 2 * TRANSITIONS, [])


def test_nobody_listens_and_nothing_is_done() -> None:
    """The hook is there from the first listener to the last, and so is the task."""

    async def main(lab: Lab) -> list[tuple[bool, int]]:
        alone = len(asyncio.all_tasks())
        found = []

        def look() -> None:
            found.append((lab.feed in lab.client._hooks, len(asyncio.all_tasks()) - alone))

        look()
        one, _ = await lab.watch()
        other, _ = await lab.watch()
        look()
        await one.aclose()
        look()
        await other.aclose()
        await asyncio.sleep(0)
        look()
        return found

    assert run(main) == [(False, 0), (True, 1), (True, 1), (False, 0)]


def test_a_listener_that_does_not_read_is_dropped() -> None:
    """Its connection is cut once so many batches wait; another one, who reads, does not notice."""

    async def main(lab: Lab) -> tuple[list[str], int, bool]:
        cut: list[str] = []
        stuck, _ = await lab.watch(lambda: cut.append("stuck"))
        listener, _ = await lab.watch()
        for _ in range(LONGEST_QUEUE + 1):
            await following(listener)
        listeners = len(lab.feed._listeners)
        ended = [batch async for batch in stuck] == []
        return cut, listeners, ended

    assert run(main) == (["stuck"], 1, True)


def test_who_comes_just_after_the_last_was_dropped_is_told_once() -> None:
    """The one that was dropped has not left yet: nothing is begun a second time."""

    async def main(lab: Lab) -> tuple[int, int, int]:
        await lab.watch()
        await asyncio.sleep(LONGEST_QUEUE + 1.5)
        dropped = len(lab.feed._listeners)
        await lab.watch()
        senders = [each for each in asyncio.all_tasks() if "Feed._send_batches" in repr(each)]
        return dropped, lab.client._hooks.count(lab.feed), len(senders)

    assert run(main) == (0, 1, 1)


def test_every_stream_ends_when_the_service_does() -> None:
    """Within a quarter of a second."""

    async def main(lab: Lab) -> tuple[float, int]:
        listener, _ = await lab.watch()
        lab.stopping = True
        rest = [batch async for batch in listener]
        return asyncio.get_running_loop().time(), len(rest)

    ended_s, rest = run(main)

    assert (ended_s <= 0.25, rest <= 1) == (True, True)


def test_another_service_is_another_instance() -> None:
    """After a restart the counts are another book, and the page has to know."""

    async def main(lab: Lab) -> list[str]:
        return [(await lab.watch())[1]["instance"] for _ in range(2)]

    (one, again), (other, _) = run(main), run(main)

    assert one == again != other
