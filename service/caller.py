"""Work for a caller who may hang up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

Result = TypeVar("Result")


class CallerGoneError(Exception):
    """The caller closed the connection before the work was done; the work was cancelled."""


async def unless_gone(work: Awaitable[Result], receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> Result:
    """Return the result of `work`; cancel it when the ASGI caller disconnects first.

    Raises CallerGoneError after the work has been cancelled, so that whatever it held is free again.
    """
    task = asyncio.current_task()
    if task is None:  # pragma: no cover - a coroutine always runs in a task
        raise RuntimeError("needs a running task")
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    watcher = asyncio.get_running_loop().create_task(watch())
    try:
        return await work
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise CallerGoneError from None
        raise
    finally:
        watcher.cancel()
