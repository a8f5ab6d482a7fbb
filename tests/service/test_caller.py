"""Work for a caller who may hang up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from service.caller import CallerGoneError, run_for_caller
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def leaves_after(seconds: float) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return an ASGI receive: the request's empty body, then a disconnect."""
    messages = [(0.0, {"type": "http.request"}), (seconds, {"type": "http.disconnect"})]

    async def receive() -> dict[str, Any]:
        wait_s, message = messages.pop(0)
        await asyncio.sleep(wait_s)
        return message

    return receive


class Work:
    """Takes a second; keeps what became of it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def __call__(self) -> str:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.said.append("cancelled")
            raise
        return "done"


def test_a_caller_who_stays_gets_the_result() -> None:
    """And nobody listens for the disconnect any longer."""

    async def main() -> tuple[str, int]:
        result = await run_for_caller(Work()(), leaves_after(100))
        await asyncio.sleep(0)
        return result, len(asyncio.all_tasks())

    assert run_virtual(main()) == ("done", 1)


def test_a_caller_who_leaves_ends_the_work_at_once() -> None:
    """The work is cancelled, and the task that served can go on: it is not itself cancelled."""

    async def main() -> tuple[float, list[str], int]:
        work = Work()
        with pytest.raises(CallerGoneError):
            await run_for_caller(work(), leaves_after(0.25))
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        return asyncio.get_running_loop().time(), work.said, task.cancelling()

    assert run_virtual(main()) == (0.25, ["cancelled"], 0)


def test_a_server_that_stops_is_no_caller_who_leaves() -> None:
    """A cancellation from outside stays one."""

    async def main() -> list[str]:
        work = Work()
        serving = asyncio.create_task(run_for_caller(work(), leaves_after(100)))
        await asyncio.sleep(0.5)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        return work.said

    assert run_virtual(main()) == ["cancelled"]


def test_the_works_own_error_comes_through() -> None:
    """And is not mistaken for the caller's leaving."""

    async def fail() -> None:
        raise LookupError

    async def main() -> None:
        with pytest.raises(LookupError):
            await run_for_caller(fail(), leaves_after(100))

    run_virtual(main())


def test_nobody_watches_the_caller_of_work_that_ends_at_once() -> None:
    """No message is taken from the server, and no task is begun: a refusal costs nothing more."""

    async def main() -> tuple[str, int, int]:
        asked = 0

        async def receive() -> dict[str, Any]:
            nonlocal asked
            asked += 1
            return {"type": "http.disconnect"}

        async def refuse() -> str:
            return "refused"

        result = await run_for_caller(refuse(), receive)
        await asyncio.sleep(0)
        return result, asked, len(asyncio.all_tasks())

    assert run_virtual(main()) == ("refused", 0, 1)
