"""The timeout: one timer for the deadlines of all calls, on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendUnreachableError, CallTimeoutError
from client.pipeline.timeout import TimeoutSettings, with_timeout
from virtual_clock.loop import run_virtual

ANSWER = Answer(200, b"{}")

# The timeout asks nothing of it.
OWNER: Any = None


def play(*calls: tuple[float, float], total_s: float = 3.0) -> list[tuple[float, str]]:
    """Play calls that begin at one time and would take another; return when and how each ended."""

    async def run() -> list[tuple[float, str]]:
        loop = asyncio.get_running_loop()

        async def inner(call: Call) -> Answer:
            await asyncio.sleep(float(call.request_id))
            return ANSWER

        limited = with_timeout(inner, TimeoutSettings(total_s=total_s), OWNER)

        async def one(begins: float, takes: float) -> tuple[float, str]:
            await asyncio.sleep(begins)
            try:
                await limited(Call(str(takes)))
            except CallTimeoutError:
                return loop.time(), "timeout"
            return loop.time(), "answer"

        return await asyncio.gather(*(one(*call) for call in calls))

    return run_virtual(run())


def test_each_call_has_its_own_time() -> None:
    """Calls that overlap, one after an idle time, one that ends while older ones wait, all to the point."""
    assert play((0, 10), (1, 0.5), (1.5, 10), (2, 2.9), (20, 10), (20, 1)) == [
        (3, "timeout"),
        (1.5, "answer"),
        (4.5, "timeout"),
        (4.9, "answer"),
        (23, "timeout"),
        (21, "answer"),
    ]


def test_many_that_begin_together_end_together() -> None:
    """One timer ends them all."""
    assert play(*[(0, 10)] * 100) == [(3, "timeout")] * 100


def test_a_task_is_as_it_was_after_a_timeout() -> None:
    """The cancellation that ended the call is not left on the task: what follows runs."""

    async def run() -> tuple[int, float]:
        limited = with_timeout(lambda _: asyncio.sleep(10, ANSWER), TimeoutSettings(total_s=1.0), OWNER)
        with pytest.raises(CallTimeoutError):
            await limited(Call("1"))
        await asyncio.sleep(1)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling(), asyncio.get_running_loop().time()

    assert run_virtual(run()) == (0, 2.0)


def test_who_cancels_at_the_same_moment_is_heard() -> None:
    """A caller who hangs up as the time is over has cancelled the call: that is no timeout."""

    async def run() -> str:
        limited = with_timeout(lambda _: asyncio.sleep(10, ANSWER), TimeoutSettings(total_s=1.0), OWNER)
        task = asyncio.ensure_future(limited(Call("1")))
        asyncio.get_running_loop().call_at(1.0, task.cancel)
        await asyncio.sleep(0)
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        except CallTimeoutError:
            return "timeout"
        return "answer"

    assert run_virtual(run()) == "cancelled"


def test_an_error_on_the_way_out_is_not_turned_into_a_timeout() -> None:
    """What the upstream makes of being cancelled passes through, and the task is left as it was."""

    async def inner(call: Call) -> Answer:  # noqa: ARG001
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError as error:
            raise BackendUnreachableError("closed") from error
        return ANSWER

    async def run() -> int:
        with pytest.raises(BackendUnreachableError):
            await with_timeout(inner, TimeoutSettings(total_s=1.0), OWNER)(Call("1"))
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert run_virtual(run()) == 0
