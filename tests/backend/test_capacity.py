"""Workers and their queue."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.capacity import Capacity
from backend.errors import QueueFullError
from backend.profile import CapacityLimit
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def worker(capacity: Capacity) -> AsyncIterator[None]:
    """Hold a worker, as the backend does."""
    await capacity.take_worker()
    try:
        yield
    finally:
        capacity.free_worker()


def limited(workers: int, queue: int = 10_000) -> Capacity:
    capacity = Capacity()
    capacity.set_limit(CapacityLimit(workers=workers, queue=queue))
    return capacity


class Log:
    """Who got a worker, when; who was refused."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.entries: list[tuple[float, str]] = []

    def job(self, name: str, work_s: float = 1.0) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._work(name, work_s))

    async def _work(self, name: str, work_s: float) -> None:
        now = asyncio.get_running_loop().time
        try:
            async with worker(self.capacity):
                self.entries.append((now(), name))
                await asyncio.sleep(work_s)
        except QueueFullError:
            self.entries.append((now(), f"{name} refused"))


def play(script: Callable[[Log], Awaitable[None]], capacity: Capacity) -> list[tuple[float, str]]:
    """Run `script`, wait for what it started, and see that everything is free again."""

    async def main() -> Log:
        log = Log(capacity)
        await script(log)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        return log

    log = run_virtual(main())
    assert (capacity.busy, capacity.waiting) == (0, 0)
    return log.entries


def test_first_come_first_served() -> None:
    """Two workers, five jobs of one second: in pairs, in the order of their coming."""

    async def script(log: Log) -> None:
        for name in "abcde":
            log.job(name)

    assert play(script, limited(2)) == [(0, "a"), (0, "b"), (1, "c"), (1, "d"), (2, "e")]


def test_a_newcomer_does_not_overtake_the_queue() -> None:
    """Who comes at the moment a worker is freed waits behind who was there before."""

    async def script(log: Log) -> None:
        log.job("a")
        log.job("b")
        await asyncio.sleep(1)
        log.job("late")

    assert play(script, limited(1)) == [(0, "a"), (1, "b"), (2, "late")]


def test_a_full_queue_refuses_at_once() -> None:
    """One worker, one place to wait in: the third is refused, and a later one is served again."""

    async def script(log: Log) -> None:
        for name in "abc":
            log.job(name)
        await asyncio.sleep(1.5)
        log.job("d")

    assert play(script, limited(1, queue=1)) == [(0, "a"), (0, "c refused"), (1, "b"), (2, "d")]


def test_without_a_queue_only_a_free_worker_helps() -> None:
    """A queue of no places at all."""

    async def script(log: Log) -> None:
        log.job("a")
        log.job("b")
        await asyncio.sleep(1)
        await asyncio.sleep(0)
        log.job("c")

    assert play(script, limited(1, queue=0)) == [(0, "a"), (0, "b refused"), (1, "c")]


def test_cancelling_while_working_frees_the_worker_at_once() -> None:
    """The next in the queue does not wait for the work that nobody wants any more."""

    async def script(log: Log) -> None:
        first = log.job("a", 100)
        log.job("b")
        await asyncio.sleep(3)
        first.cancel()

    assert play(script, limited(1)) == [(0, "a"), (3, "b")]


def test_cancelling_while_waiting_gives_up_the_place() -> None:
    """The queue closes up, and its place can be taken by somebody else."""

    async def script(log: Log) -> None:
        log.job("a", 10)
        second = log.job("b")
        await asyncio.sleep(1)
        second.cancel()
        await asyncio.sleep(1)
        log.job("c")

    assert play(script, limited(1, queue=1)) == [(0, "a"), (10, "c")]


def test_cancelling_just_after_the_turn_has_come_passes_the_worker_on() -> None:
    """Between being given a worker and waking up to use it."""

    async def script(log: Log) -> None:
        holder = log.job("a", 100)
        second = log.job("b")
        log.job("c")
        await asyncio.sleep(1)
        holder.cancel()
        await asyncio.sleep(0)
        second.cancel()

    assert play(script, limited(1)) == [(0, "a"), (1, "c")]


def test_a_worker_freed_in_the_same_step_as_a_waiter_is_cancelled() -> None:
    """The waiter is cancelled but has not left the queue yet when its turn comes; nobody may trip over it."""

    async def script(log: Log) -> None:
        holder = log.job("a", 100)
        second = log.job("b")
        log.job("c")
        await asyncio.sleep(1)
        holder.cancel()
        second.cancel()
        assert [type(each) for each in await asyncio.gather(holder, second, return_exceptions=True)] == [
            asyncio.CancelledError,
            asyncio.CancelledError,
        ]

    assert play(script, limited(1)) == [(0, "a"), (1, "c")]


def test_a_raised_limit_lets_the_first_of_the_queue_in_at_once() -> None:
    """From one worker to three while four jobs are there."""
    capacity = limited(1)

    async def script(log: Log) -> None:
        for name in "abcd":
            log.job(name, 10)
        await asyncio.sleep(4)
        capacity.set_limit(CapacityLimit(workers=3))

    assert play(script, capacity) == [(0, "a"), (4, "b"), (4, "c"), (10, "d")]


def test_a_lowered_limit_lets_those_inside_finish() -> None:
    """From three workers to one: no new job before two of the three have ended."""
    capacity = limited(3)

    async def script(log: Log) -> None:
        for number, name in enumerate("abcde"):
            log.job(name, 10 + number)
        await asyncio.sleep(1)
        capacity.set_limit(CapacityLimit(workers=1))

    assert play(script, capacity) == [(0, "a"), (0, "b"), (0, "c"), (12, "d"), (25, "e")]


def test_without_a_limit_everybody_is_let_in() -> None:
    """Taking the limit away empties the queue."""
    capacity = limited(1)

    async def script(log: Log) -> None:
        for name in "abc":
            log.job(name)
        await asyncio.sleep(0.5)
        capacity.set_limit(None)
        log.job("d")

    assert play(script, capacity) == [(0, "a"), (0.5, "b"), (0.5, "c"), (0.5, "d")]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("job"), st.integers(0, 3)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("limit"), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.integers(0, 2)),
    ),
    max_size=40,
)


@settings(max_examples=50)
@given(STEPS)
def test_workers_never_exceed_the_limit_and_all_are_freed(steps: list[tuple[str, int]]) -> None:
    """Whatever comes, hangs up and changes: no job starts over the limit, every job ends, nothing stays taken."""
    capacity = limited(2)

    async def script(log: Log) -> None:
        jobs: list[asyncio.Task[None]] = []
        limit = 2
        for what, number in steps:
            if what == "job":
                jobs.append(asyncio.get_running_loop().create_task(watched(number)))
            elif what == "cancel" and jobs:
                jobs[number % len(jobs)].cancel()
            elif what == "limit":
                limit = number
                capacity.set_limit(CapacityLimit(workers=limit))
            elif what == "wait":
                await asyncio.sleep(number)
            seen.append(capacity.busy)
        ended = await asyncio.gather(*jobs, return_exceptions=True)
        log.entries.extend(
            (0.0, repr(each)) for each in ended if each is not None and not isinstance(each, asyncio.CancelledError)
        )

    inside = 0

    async def watched(work_s: int) -> None:
        nonlocal inside
        async with worker(capacity):
            inside += 1
            assert inside <= capacity.busy
            try:
                await asyncio.sleep(work_s)
            finally:
                inside -= 1

    seen: list[int] = []
    assert play(script, capacity) == []
    # A lowered limit lets those inside finish: the highest limit that the steps ever set bounds them all.
    assert max(seen, default=0) <= max([2, *(number for what, number in steps if what == "limit")])


def test_the_refusal_says_how_full_it_was() -> None:
    """The error that becomes the 503's detail."""

    async def main() -> None:
        capacity = limited(1, queue=0)
        async with worker(capacity):
            with pytest.raises(QueueFullError, match=r"^1 workers busy and 0 requests waiting$"):
                await capacity.take_worker()

    run_virtual(main())
