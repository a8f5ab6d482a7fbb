"""The timeout's place in the pipeline."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from client.pipeline.errors import CallTimeoutError
from inputs.model import OrNone, StrictModel

if TYPE_CHECKING:
    from client.pipeline.call import Answer, Call, Handler
    from client.pipeline.part import Owner


class TimeoutSettings(StrictModel):
    """How long one call to the backend may take."""

    total_s: Annotated[Annotated[float, Field(gt=0, le=3600)] | None, OrNone] = Field(
        3.0, description='time limit of a call to the backend, seconds; "none" or null: no limit'
    )


def with_timeout(inner: Handler, settings: TimeoutSettings, _: Owner) -> Handler:
    """Give the call `total_s` seconds of the running loop's clock, then cancel it. Raises CallTimeoutError."""
    total_s = settings.total_s
    if total_s is None:
        return inner
    deadlines = _Deadlines(total_s)

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
                raise CallTimeoutError(total_s) from error
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


class _Deadlines:
    """The deadlines of the calls under way. All are equally long, so the oldest is due next, and one timer is enough.

    One timer, instead of one for each call as in asyncio.timeout(), saves 3.9 us of 19 us a request on virtual time.
    """

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._waiting: OrderedDict[_Deadline, None] = OrderedDict()  # oldest first
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[Any]) -> _Deadline:
        loop = task.get_loop()
        deadline = _Deadline(loop.time() + self._total_s, task)
        self._waiting[deadline] = None
        if self._timer is None:
            self._timer = loop.call_at(deadline.at, self._expire, loop)
        return deadline

    def end(self, deadline: _Deadline) -> None:
        self._waiting.pop(deadline, None)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the calls whose time is over, and set the timer for the next."""
        self._timer = None
        while self._waiting:
            oldest = next(iter(self._waiting))
            if oldest.at > loop.time():
                self._timer = loop.call_at(oldest.at, self._expire, loop)
                break
            del self._waiting[oldest]
            oldest.expired = True
            oldest.task.cancel()
