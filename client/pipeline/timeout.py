"""The timeout's place in the pipeline."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from client.pipeline.errors import CallTimeoutError
from client.pipeline.loop_lag import is_own_delay
from inputs.model import OrNone, StrictModel

if TYPE_CHECKING:
    from client.pipeline.call import Answer, Call, Handler
    from client.pipeline.part import Owner

# Turns of the loop that a call has whose deadline fired late: in the first it reads from its sockets, in the next the
# call wakes up, and a long answer comes in several parts.
TURNS = 5
# A timer of uvloop has whole milliseconds.
SHORTEST_WAIT_S = 0.001


class TimeoutSettings(StrictModel):
    """How long one call to the backend may take."""

    total_s: Annotated[Annotated[float, Field(gt=0, le=3600)] | None, OrNone] = Field(
        3.0, description='time limit of a call to the backend, seconds; "none" or null: no limit'
    )


def with_timeout(inner: Handler, settings: TimeoutSettings, owner: Owner) -> Handler:
    """Give the call `total_s` seconds, then cancel it. Raises CallTimeoutError.

    An answer that has come by then wins over a deadline that fires late. A deadline that fires later than the loop's
    own lag allows says nothing of the backend; the owner counts it.
    """
    total_s = settings.total_s
    if total_s is None:
        return inner
    deadlines = _Deadlines(total_s, owner)

    async def limited(call: Call) -> Answer:
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - a coroutine always runs in a task
            raise RuntimeError("needs a running task")
        cancelled_before = task.cancelling()
        deadline = deadlines.begin(task)
        try:
            answer = await inner(call)
        except BaseException as error:
            # As in asyncio.timeout(): somebody else's cancellation must not be swallowed.
            if deadline.expired and task.uncancel() <= cancelled_before and isinstance(error, asyncio.CancelledError):
                owner.late_deadlines += deadline.is_late
                raise CallTimeoutError(total_s, is_late=deadline.is_late) from error
            raise
        else:
            if deadline.expired:  # but the backend answered after all
                task.uncancel()
            return answer
        finally:
            deadlines.end(deadline)

    return limited


@dataclass(slots=True, eq=False)
class _Deadline:
    at: float
    task: asyncio.Task[Any]
    expired: bool = False
    is_late: bool = False


class _Deadlines:
    """The deadlines of the calls under way. All are equally long, so the oldest is due next, and one timer is enough.

    One timer instead of one for each call, as asyncio.timeout() makes it: saves 3.9 us of 19 us a request on virtual
    time. By the client's clock: uvloop's own stands still while a turn of the loop goes on.
    """

    def __init__(self, total_s: float, owner: Owner) -> None:
        self._total_s = total_s
        self._clock, self._loop_lag = owner.clock, owner.loop_lag
        self._waiting: OrderedDict[_Deadline, None] = OrderedDict()  # oldest first
        self._overdue: dict[_Deadline, int] = {}  # fired late; turns of the loop that each still has
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[Any]) -> _Deadline:
        deadline = _Deadline(self._clock() + self._total_s, task)
        self._waiting[deadline] = None
        if self._timer is None:
            self._set_timer(task.get_loop(), deadline.at)
        return deadline

    def end(self, deadline: _Deadline) -> None:
        if deadline not in self._waiting:
            self._overdue.pop(deadline, None)
            return
        del self._waiting[deadline]
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        """Wait for a time of the client's clock, which is the loop's own on virtual time only."""
        now, loops = self._clock(), loop.time()
        due = at if now == loops else loops + max(at - now, SHORTEST_WAIT_S)
        self._timer = loop.call_at(due, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the calls whose time is over, and set the timer for the next."""
        self._timer = None
        turning = bool(self._overdue)
        while self._waiting:
            oldest, now = next(iter(self._waiting)), self._clock()
            if oldest.at > now:
                self._set_timer(loop, oldest.at)
                break
            del self._waiting[oldest]
            if oldest.at == now:
                self._cancel(oldest)
            else:
                began, late_s = oldest.at - self._total_s, now - oldest.at
                oldest.is_late = is_own_delay(self._total_s, late_s, self._loop_lag, began)
                self._overdue[oldest] = TURNS
        if self._overdue and not turning:
            loop.call_soon(self._take_turn, loop)

    def _take_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the calls that have had their turns, in which the loop has read whatever had come for them."""
        for deadline, left in list(self._overdue.items()):
            if left > 1:
                self._overdue[deadline] = left - 1
            else:
                del self._overdue[deadline]
                self._cancel(deadline)
        if self._overdue:
            loop.call_soon(self._take_turn, loop)

    def _cancel(self, deadline: _Deadline) -> None:
        deadline.expired = True
        deadline.task.cancel()
