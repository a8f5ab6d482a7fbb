"""What the page gets, and what that costs: batches while somebody listens, and nothing else."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from client.breakers.interface import Intervention, State
from client.core import Client
from client.dashboard.feed import POINTS, TRANSITIONS, Feed
from client.observe.counters import Counters
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendFailedError
from client.pipeline.order import CallSettings
from service.guard.listeners import Listener
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Result = TypeVar("Result")


class Lab:
    """A client over an upstream that fails when told to, and a feed of it."""

    def __init__(self, **breaker: Any) -> None:
        self.fails = False
        self.open = ExitStack()
        self.counters = Counters()
        self.client = Client(CallSettings.model_validate({"breaker": breaker}), self.answer, [self.counters])
        self.feed = Feed(self.client, self.counters)

    async def answer(self, call: Call) -> Answer:
        call.backend_calls += 1
        await asyncio.sleep(0.01)
        if self.fails:
            raise BackendFailedError(500)
        return Answer(200, b"{}")

    async def call(self, times: int = 1) -> None:
        await asyncio.gather(*(self.client.call("1") for _ in range(times)))

    async def watch(self, leaving: ExitStack | None = None) -> tuple[Listener, dict[str, Any]]:
        """Begin to listen, until `leaving` ends; return the listener and its first batch."""
        listener = Listener(lambda: None, asyncio.get_running_loop().time(), gives_way=False)
        (leaving or self.open).enter_context(self.feed.pass_on_to(listener))
        return listener, await read_batch(listener)


async def read_batch(listener: Listener) -> dict[str, Any]:
    piece = await listener.next_piece()
    assert piece is not None
    assert piece.startswith(b"event: batch\ndata: {")
    assert piece.endswith(b"}\n\n")
    return dict(json.loads(piece.partition(b"data: ")[2]))


def run(main: Callable[[Lab], Awaitable[Result]], **breaker: Any) -> Result:
    """Run `main` with a lab, and close whatever it has opened."""

    async def whole() -> Result:
        lab = Lab(**breaker)
        try:
            return await main(lab)
        finally:
            lab.open.close()
            await asyncio.sleep(0)

    return run_virtual(whole())


async def following(listener: Listener) -> tuple[float, dict[str, Any]]:
    """Return the time at which the next batch came, and the batch."""
    batch = await read_batch(listener)
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
        one, other = ExitStack(), ExitStack()
        await lab.watch(one)
        await lab.watch(other)
        look()
        one.close()
        look()
        other.close()
        await asyncio.sleep(0)
        look()
        return found

    assert run(main) == [(False, 0), (True, 1), (True, 1), (False, 0)]


def test_a_batch_is_made_once_for_all() -> None:
    """Two listeners get the same bytes, not two of the same."""

    async def main(lab: Lab) -> bool:
        one, _ = await lab.watch()
        other, _ = await lab.watch()
        await asyncio.sleep(1.5)
        return one._waiting[0][1] is other._waiting[0][1]

    assert run(main)


def test_one_task_serves_all_however_they_come_and_go() -> None:
    """The last one leaves while another comes: nothing is begun a second time, and nothing is left behind."""

    async def main(lab: Lab) -> list[tuple[int, int]]:
        seen = []
        for _ in range(3):
            with ExitStack() as leaving:
                await lab.watch(leaving)
                await lab.watch(leaving)
                senders = [each for each in asyncio.all_tasks() if "Feed._send_batches" in repr(each)]
                seen.append((lab.client._hooks.count(lab.feed), len(senders)))
            await asyncio.sleep(0)
        return seen

    assert run(main) == [(1, 1)] * 3


def test_another_service_is_another_instance() -> None:
    """After a restart the counts are another book, and the page has to know."""

    async def main(lab: Lab) -> list[str]:
        return [(await lab.watch())[1]["instance"] for _ in range(2)]

    (one, again), (other, _) = run(main), run(main)

    assert one == again != other
