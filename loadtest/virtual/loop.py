"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

asyncio's own tasks and futures run on it; what is missing is all that waits for the outside: selector, sockets,
threads, signals. That is also what takes most of the time in asyncio's own loop.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

Result = TypeVar("Result")
# Timers closer than this are due together: asyncio's own loop has such a resolution, too.
_SAME_MOMENT_S = 1e-9


class _Handle:
    """A callback that is due, or will be at a time. Without a context of its own it runs in the loop's."""

    __slots__ = ("_when", "args", "callback", "context")

    def __init__(
        self, callback: Callable[..., object] | None, args: tuple[Any, ...], context: Context | None, when: float
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self._when = when

    def when(self) -> float:
        """Return the virtual time at which it is due."""
        return self._when

    def cancel(self) -> None:
        """Do not run it."""
        self.callback = None

    def cancelled(self) -> bool:
        """Say whether it will not run."""
        return self.callback is None


class VirtualLoop(asyncio.AbstractEventLoop):
    """Starts at 0 s. Only timers move it, so a run is deterministic. What a callback raises ends the run.

    Its handles are its own, hence the ignored types: asyncio's take as long to make as a callback to run.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._ready: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle]] = []
        self._numbers = count()  # timers of one moment run in the order in which they were set

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def get_debug(self) -> bool:
        """Never: it is a word that tasks ask for."""
        return False

    def is_running(self) -> bool:
        """Whether it is this thread's loop now."""
        return asyncio._get_running_loop() is self  # noqa: SLF001 - asyncio's own, for those who write loops

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """Run `callback` before time moves on."""
        handle = _Handle(callback, args, context, self._now)
        self._ready.append(handle)
        return handle

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """Run `callback` at a virtual time; at once, where that has passed."""
        handle = _Handle(callback, args, context, when)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Run `callback` after so many virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    async def sleep(self, delay: float) -> None:
        """Wait for so many virtual seconds; asyncio.sleep() does the same in more steps."""
        wake = asyncio.Future[None](loop=self)
        handle = self.call_at(self._now + delay, wake.set_result, None)
        try:
            await wake
        except asyncio.CancelledError:
            handle.cancel()
            raise

    def create_future(self) -> asyncio.Future[Any]:
        """Return asyncio's future on this loop."""
        return asyncio.Future(loop=self)

    def get_task_factory(self) -> None:
        """Return none: tasks are asyncio's."""

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        """Return asyncio's task on this loop."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Raise what nobody has looked at: in an experiment there is nobody who might later."""
        raise context.get("exception") or RuntimeError(context["message"])

    def run_until_complete(self, future: Any) -> Any:
        """Run a coroutine or a task to its end. Raises RuntimeError where it waits for what can never come."""
        task = future if asyncio.isfuture(future) else self.create_task(future)
        asyncio._set_running_loop(self)  # noqa: SLF001 - as above
        try:
            self._run_until(task)
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001
        return task.result()

    def _run_until(self, task: asyncio.Future[Any]) -> None:
        ready, done = self._ready, task.done
        while not done():
            if not ready:
                self._advance()
            # Those that are ready now: what they make ready has its turn after them, as on asyncio's own loop.
            for _ in range(len(ready)):
                handle = ready.popleft()
                callback, context = handle.callback, handle.context
                if context is not None and callback is not None:
                    context.run(callback, *handle.args)
                elif callback is not None:
                    callback(*handle.args)

    def _advance(self) -> None:
        """Move the clock to the next timer, and make all of that moment ready."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise RuntimeError("deadlock in virtual time: nothing is ready and no timer is set")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now + _SAME_MOMENT_S:
            self._ready.append(heapq.heappop(timers)[2])

    # What asyncio.Runner asks of a loop at its ends.

    def set_debug(self, enabled: bool) -> None:
        """Take no notice."""

    async def shutdown_asyncgens(self) -> None:
        """Leave them to the garbage collector."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's name
        """There is none."""

    def is_closed(self) -> bool:
        """Never: nothing is held that would have to be given back."""
        return False

    def close(self) -> None:
        """There is nothing to close."""


def run_virtual(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end on a virtual clock. Raises RuntimeError where it waits for what can never come."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
