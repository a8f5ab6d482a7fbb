"""Work for a caller who may hang up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive

    from service.protocol import OneAtATimeProtocol

Result = TypeVar("Result")


class CallerGoneError(Exception):
    """The caller closed the connection before the work was done; the work was cancelled."""


async def run_for_caller(
    work: Awaitable[Result],
    receive: Receive,
    connection: OneAtATimeProtocol | None = None,
) -> Result:
    """Return the result of `work`; cancel it if the ASGI caller disconnects first.

    `connection` reports the disconnect; without one, a task waits for it in `receive`.
    Raises CallerGoneError after the work has been cancelled, when all that it held is free again.
    """
    task = asyncio.current_task()
    if task is None:  # pragma: no cover - a coroutine always runs in a task
        raise RuntimeError("needs a running task")
    gone = False

    def cancel_work() -> None:
        nonlocal gone
        gone = True
        task.cancel()

    stop_watching = (
        _watch_for_disconnect(receive, cancel_work) if connection is None else connection.call_when_gone(cancel_work)
    )
    try:
        return await work
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise CallerGoneError from None
        raise
    finally:
        stop_watching()


def _watch_for_disconnect(receive: Receive, cancel_work: Callable[[], None]) -> Callable[[], object]:
    """Wait for the message that the caller has gone; return a function that stops the waiting."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        cancel_work()

    return asyncio.get_running_loop().create_task(watch()).cancel
