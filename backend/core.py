"""The backend without HTTP: draw the fault, wait for a worker, do the work, answer.

The virtual engine calls this class directly; the HTTP service wraps it. Both run on the running event loop's clock.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from backend.capacity import Capacity
from backend.errors import QueueFullError
from backend.events import Visit
from backend.faults import Fault, draw
from backend.profile import FaultPlan
from backend.stats import Stats
from backend.weather import WeatherKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from backend.events import Hook


class Backend:
    """One flaky service. `clock` gives seconds, `sleep` waits; the default for both is the running loop's.

    `hooks` receive each request that has ended.
    """

    def __init__(
        self,
        plan: FaultPlan | None = None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.hooks: Sequence[Hook] = ()
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._sleep = sleep
        self._arrivals = 0
        self._started: float | None = None
        self.plan = plan or FaultPlan()
        self.revision = 0
        self.capacity = Capacity()
        self.stats = Stats()

    def set_plan(self, plan: FaultPlan) -> None:
        """Use `plan` from now on; requests in flight keep the faults that were drawn for them."""
        self.plan = plan
        self.revision += 1
        self._started = self._clock()
        self._arrivals = 0
        self.capacity.set_limit(plan.profile_at(0).capacity)

    async def serve(self, request_id: str | None = None, attempt: int = 1) -> Fault:
        """Do the work of one request and return its fault, which decides the answer. A hang ends only by cancellation.

        Cancelling means that the caller gives up: the worker is free at once, and the request counts as abandoned.
        Raises QueueFullError.
        """
        stats, capacity, clock = self.stats, self.capacity, self._clock
        self._arrivals += 1
        stats.count_arrival()
        began = clock()
        outcome = "abandoned"
        fault: Fault | None = None
        try:
            if self._started is None:
                self._started = began
            profile = self.plan.profile_at(began - self._started)
            capacity.set_limit(profile.capacity)
            fault = draw(profile, self._weather_key(request_id, attempt))
            if fault.kind == "unreachable":
                stats.count_fault(fault)
            else:
                await capacity.take_worker()
                stats.count_fault(fault)
                worked_from = clock()
                try:
                    if fault.kind == "hang":
                        await asyncio.get_running_loop().create_future()
                    elif fault.latency_s > 0:
                        await self._sleep(fault.latency_s)
                finally:
                    stats.busy_s += clock() - worked_from
                    capacity.free_worker()
        except QueueFullError:
            outcome = "queue_full"
            raise
        else:
            outcome = fault.kind
            return fault
        finally:
            seconds = clock() - began
            stats.count_exit(outcome, seconds)
            for hook in self.hooks:
                hook.on_visit(Visit(request_id, attempt, fault, outcome, seconds))

    def _weather_key(self, request_id: str | None, attempt: int) -> WeatherKey:
        if request_id is None:
            return WeatherKey(self.plan.seed, str(self._arrivals), self._arrivals, attempt)
        numbered = request_id.isascii() and request_id.isdigit() and len(request_id) <= 18
        number = int(request_id) if numbered else 0
        return WeatherKey(self.plan.seed, request_id, number or self._arrivals, attempt)
