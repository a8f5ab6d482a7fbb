"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

asyncio's own tasks and futures run on it, and strands, of which a request is one; what is missing is all that waits for
the outside: selector, sockets, threads, signals.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from virtual_clock.strand import Strand, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextvars import Context

Result = TypeVar("Result")
# Timers closer than this are due together: asyncio's own loop has such a resolution, too.
_SAME_MOMENT_S = 1e-9


class _Handle:
    """A callback that is due, or will be at a time. Without a context of its own it runs in the loop's."""

    __slots__ = ("_when", "args", "callback", "context", "due")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None, when: float, number: int
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self._when = when
        self.due = number  # of its timer or turn; -1: of none any more

    def when(self) -> float:
        """Return the virtual time at which it is due."""
        return self._when

    def cancel(self) -> None:
        """Do not run it."""
        self.due = -1

    def cancelled(self) -> bool:
        """Say whether it will not run."""
        return self.due < 0

    def run(self) -> None:
        """Call back."""
        if self.context is None:
            self.callback(*self.args)
        else:
            self.context.run(self.callback, *self.args)


def _set_done(future: asyncio.Future[None]) -> None:
    """Tell that the time has come, unless a cancellation came at the same moment."""
    if not future.done():
        future.set_result(None)


class VirtualLoop(asyncio.AbstractEventLoop):
    """Starts at 0 s. Only timers move it, so a run is deterministic. What a callback raises ends the run.

    Its handles are its own, hence the ignored types: asyncio's are run and cancelled through private methods.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._ready: deque[tuple[int, _Handle | Strand]] = deque()
        self._timers: list[tuple[float, int, _Handle | Strand]] = []
        self.strand: Strand | None = None  # that runs now
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
        number = next(self._numbers)
        handle = _Handle(callback, args, context, self._now, number)
        self._ready.append((number, handle))
        return handle

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """Do the same: there are no threads. asyncio.Runner asks for it when Ctrl-C comes."""
        return self.call_soon(callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """Run `callback` at a virtual time; at once, where that has passed."""
        number = next(self._numbers)
        handle = _Handle(callback, args, context, when, number)
        heapq.heappush(self._timers, (when, number, handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Run `callback` after so many virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def resume_at(self, strand: Strand, when: float) -> int:
        """Let a strand go on at a virtual time, and return the number of this timer."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (when, number, strand))
        return number

    def resume_soon(self, strand: Strand) -> int:
        """Let a strand go on before time moves on, and return the number of its turn."""
        number = next(self._numbers)
        self._ready.append((number, strand))
        return number

    def sleep(self, delay: float) -> Awaitable[None]:
        """Wait for so many virtual seconds; asyncio.sleep() does the same in more steps."""
        when = self._now + delay
        return until(when) if self.strand is not None else self._sleep_in_task(when)

    def sleep_until(self, when: float) -> Awaitable[None]:
        """Wait for a virtual time."""
        return until(when) if self.strand is not None else self._sleep_in_task(when)

    async def _sleep_in_task(self, when: float) -> None:
        wake = asyncio.Future[None](loop=self)
        handle = self.call_at(when, _set_done, wake)
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
        ready, timers = self._ready, self._timers
        while not task.done():
            # Those that are ready now: what they make ready has its turn after them, as on asyncio's own loop.
            for _ in range(len(ready)):
                number, entry = ready.popleft()
                if entry.due == number:  # else it was given up
                    entry.run()
            if task.done():
                break
            while not ready:
                if not timers:
                    raise RuntimeError("deadlock in virtual time: nothing is ready and no timer is set")
                when, number, entry = heapq.heappop(timers)
                if entry.due != number:
                    continue
                # Not max(), here and where the backend counts: saves 0.3 us of 16 us a request.
                if when > self._now:  # noqa: PLR1730
                    self._now = when
                if timers and timers[0][0] <= self._now + _SAME_MOMENT_S:
                    self._make_ready(number, entry)
                else:
                    # At once, not by the queue: saves 0.6 us of 16 us a request.
                    entry.run()

    def _make_ready(self, number: int, entry: _Handle | Strand) -> None:
        """Make a timer ready, and all others of its moment."""
        self._ready.append((number, entry))
        while self._timers and self._timers[0][0] <= self._now + _SAME_MOMENT_S:
            _, number, entry = heapq.heappop(self._timers)
            self._ready.append((number, entry))

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
