"""The timeout: one timer for the deadlines of all calls, on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from client.core import Client
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendUnreachableError, CallTimeoutError
from client.pipeline.order import CallSettings
from client.pipeline.timeout import TimeoutSettings, with_timeout
from virtual_clock.loop import run_virtual

ANSWER = Answer(200, b"{}")


class Owner:
    """What the timeout asks of a client: its clock, which is `ahead_s` of the loop's, and two places to look at."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.late_deadlines = 0
        self.loop_lag: Any = None

    def clock(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead_s


OWNER: Any = Owner()


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


def stall(stall_s: float, answer_s: float | None, total_s: float = 1.0) -> tuple[str, int, int]:
    """Stop the client's clock for some time half a second into a call; return its end, late deadlines, fail count.

    The answer comes at a time of the loop's; at 1.0 s it is read in the turn after the one in which the deadline fires.
    """

    async def run() -> tuple[str, int, int]:
        loop = asyncio.get_running_loop()
        ahead = [0.0]

        async def upstream(_: Call) -> Answer:
            came: asyncio.Future[Answer] = loop.create_future()
            if answer_s is not None:
                loop.call_at(answer_s, came.set_result, ANSWER)
            return await came

        settings = CallSettings.model_validate({"timeout": {"total_s": total_s}})
        client = Client(settings, upstream, (), lambda: loop.time() + ahead[0])
        task = asyncio.ensure_future(client.call("1"))
        await asyncio.sleep(0.5)
        ahead[0] = stall_s
        call, _ = await task
        return call.outcome.value, client.late_deadlines, client.breaker.fail_count

    return run_virtual(run())


@pytest.mark.parametrize(
    ("stall_s", "answer_s", "expected"),
    [
        (1.15, 1.0, ("ok", 0, 0)),
        (0.04, 1.0, ("ok", 0, 0)),
        (1.15, None, ("timeout", 1, 0)),
        (0.2, None, ("timeout", 1, 0)),
        (0.08, None, ("timeout", 0, 1)),
        (0.0, None, ("timeout", 0, 1)),
        (1.15, 1.01, ("timeout", 1, 0)),
    ],
    ids=["answer and stall", "answer and a little", "stall", "short stall", "a little", "none", "later"],
)
def test_an_answer_that_has_come_wins_over_a_deadline_that_fires_late(
    stall_s: float, answer_s: float | None, expected: tuple[str, int, int]
) -> None:
    """Without one, a deadline that is a tenth of the timeout late says nothing of the backend, and is counted."""
    assert stall(stall_s, answer_s) == expected


def test_a_late_timeout_says_so() -> None:
    """The caller gets the timeout that it is, and hears whose doing it was."""
    assert str(CallTimeoutError(1, is_late=True)) == (
        "the backend did not answer within 1 s, while the client itself stood still"
    )


def test_a_long_answer_has_several_turns() -> None:
    """What it takes to read a body in parts is not taken from a call whose deadline fired late."""

    async def run() -> str:
        loop = asyncio.get_running_loop()
        owner = Owner()

        async def inner(_: Call) -> Answer:
            await asyncio.sleep(1.0)
            for _turn in range(3):
                await asyncio.sleep(0)
            return ANSWER

        limited = with_timeout(inner, TimeoutSettings(total_s=1.0), owner)  # type: ignore[arg-type]
        task = asyncio.ensure_future(limited(Call("1")))
        loop.call_at(0.5, setattr, owner, "ahead_s", 0.3)
        return "answer" if await task is ANSWER else "other"

    assert run_virtual(run()) == "answer"


def test_nothing_is_left_behind() -> None:
    """Late deadlines of many calls, some of which end in the turns that they are given."""

    async def run() -> list[str]:
        loop = asyncio.get_running_loop()
        owner = Owner()

        async def inner(call: Call) -> Answer:
            await asyncio.sleep(float(call.request_id))
            return ANSWER

        limited = with_timeout(inner, TimeoutSettings(total_s=1.0), owner)  # type: ignore[arg-type]

        async def one(takes: str) -> str:
            try:
                await limited(Call(takes))
            except CallTimeoutError as error:
                return "late" if error.is_late else "timeout"
            return "answer"

        loop.call_at(0.5, setattr, owner, "ahead_s", 0.3)
        ends = await asyncio.gather(*(one(takes) for takes in ("0.2", "1.0", "5", "1.0", "7")))
        return [*ends, *await asyncio.gather(*(one(takes) for takes in ("0.2", "5")))]

    assert run_virtual(run()) == ["answer", "answer", "late", "answer", "late", "answer", "timeout"]
