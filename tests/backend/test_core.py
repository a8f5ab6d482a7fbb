"""The backend without HTTP, on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from backend.core import Backend
from backend.errors import QueueFullError
from backend.faults import Fault
from backend.profile import plan_from
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Coroutine

NONE = {"ok": 0, "error": 0, "hang": 0, "reset": 0, "unreachable": 0, "queue_full": 0, "abandoned": 0}


def backend(**body: Any) -> Backend:
    return Backend(plan_from(body))


async def in_task(work: Coroutine[Any, Any, Fault], cancel_after_s: float) -> None:
    """Run `work` as a caller who gives up after a time."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work, cancel_after_s)


def test_each_request_meets_its_fate_after_its_latency() -> None:
    """Without ids the order of arrival counts; the answer comes when the work is done."""

    async def main() -> list[tuple[float, Fault]]:
        flaky = backend(sequence="SF", latency={"mean_s": 0.5})
        return [(asyncio.get_running_loop().time(), await flaky.serve()) for _ in range(3)]

    assert run_virtual(main()) == [
        (0.0, Fault("ok", 200, 0.5)),
        (0.5, Fault("error", 500, 0.5)),
        (1.0, Fault("ok", 200, 0.5)),
    ]


def test_phases_follow_the_clock_from_the_first_request() -> None:
    """A plan given at the start begins when the first request comes, however late."""

    async def main() -> list[str]:
        flaky = backend(
            phases=[
                {"duration_s": 2},
                {"duration_s": 2, "profile": {"error_rate": 1}},
                {"profile": {"unreachable": True}},
            ]
        )
        await asyncio.sleep(100)
        kinds = []
        for _ in range(6):
            kinds.append((await flaky.serve()).kind)
            await asyncio.sleep(1)
        return kinds

    assert run_virtual(main()) == ["ok", "ok", "error", "error", "unreachable", "unreachable"]


def test_a_plan_set_later_starts_its_phases_and_arrivals_afresh() -> None:
    """PUT /faults is the moment zero of the new plan."""

    async def main() -> list[str]:
        flaky = backend()
        kinds = [(await flaky.serve()).kind]
        await asyncio.sleep(50)
        flaky.set_plan(plan_from({"phases": [{"duration_s": 1, "profile": {"sequence": "F"}}, {}]}))
        kinds.append((await flaky.serve()).kind)
        kinds.append((await flaky.serve()).kind)
        await asyncio.sleep(1)
        kinds.append((await flaky.serve()).kind)
        return kinds

    assert run_virtual(main()) == ["ok", "error", "ok", "ok"]


def test_a_request_inside_keeps_the_fate_it_met() -> None:
    """A change of plan does not reach those who are being served."""

    async def main() -> Fault:
        flaky = backend(latency={"mean_s": 5})
        inside = asyncio.create_task(flaky.serve())
        await asyncio.sleep(1)
        flaky.set_plan(plan_from({"error_rate": 1}))
        return await inside

    assert run_virtual(main()) == Fault("ok", 200, 5.0)


@pytest.mark.parametrize(
    ("request_id", "fate"),
    [("2", "error"), ("02", "error"), ("1", "ok"), ("0", "error"), ("-2", "error"), ("x", "error"), ("2.0", "error")],
)
def test_a_numbered_id_is_the_position_and_any_other_counts_as_arrival(request_id: str, fate: str) -> None:
    """The first arrival under 'FFFF', except that position 1 is well: only the id '1' reads as position 1."""

    async def main() -> str:
        flaky = backend(sequence="SF")
        await flaky.serve("anything")
        return (await flaky.serve(request_id)).kind

    assert run_virtual(main()) == fate


def test_a_queue_makes_answers_late_and_busy_seconds_count_work_only() -> None:
    """One worker, three requests of 2 s at once: 2, 4 and 6 s; six worker-seconds; three inside at most."""

    async def main() -> tuple[list[float], dict[str, Any]]:
        flaky = backend(latency={"mean_s": 2}, capacity={"workers": 1})
        loop = asyncio.get_running_loop()

        async def timed() -> float:
            await flaky.serve()
            return loop.time()

        return await asyncio.gather(timed(), timed(), timed()), flaky.stats.snapshot()

    assert run_virtual(main()) == (
        [2.0, 4.0, 6.0],
        {"received": 3, "outcomes": {**NONE, "ok": 3}, "busy_s": 6.0, "in_flight": 0, "peak_in_flight": 3},
    )


def test_a_full_queue_is_counted_and_raised() -> None:
    """The third of three finds worker and queue taken."""

    async def main() -> tuple[list[type], dict[str, Any]]:
        flaky = backend(latency={"mean_s": 1}, capacity={"workers": 1, "queue": 1})
        ended = await asyncio.gather(flaky.serve(), flaky.serve(), flaky.serve(), return_exceptions=True)
        return [type(each) for each in ended], flaky.stats.snapshot()

    assert run_virtual(main()) == (
        [Fault, Fault, QueueFullError],
        {
            "received": 3,
            "outcomes": {**NONE, "ok": 2, "queue_full": 1},
            "busy_s": 2.0,
            "in_flight": 0,
            "peak_in_flight": 3,
        },
    )


def test_a_caller_who_gives_up_is_counted_as_abandoned() -> None:
    """One at work, one waiting: both leave; only the time at work was a worker's."""

    async def main() -> tuple[dict[str, Any], int, int]:
        flaky = backend(latency={"mean_s": 10}, capacity={"workers": 1})
        await asyncio.gather(in_task(flaky.serve(), 3), in_task(flaky.serve(), 2))
        return flaky.stats.snapshot(), flaky.capacity.busy, flaky.capacity.waiting

    assert run_virtual(main()) == (
        {"received": 2, "outcomes": {**NONE, "abandoned": 2}, "busy_s": 3.0, "in_flight": 0, "peak_in_flight": 2},
        0,
        0,
    )


def test_a_hang_holds_its_worker_until_it_is_cancelled() -> None:
    """Nothing ends a hang but the caller; then the worker is free for the next."""

    async def main() -> tuple[list[float], dict[str, Any]]:
        flaky = backend(hang_rate=1, capacity={"workers": 1})
        loop = asyncio.get_running_loop()
        times = []
        for patience in (1000, 5):
            await in_task(flaky.serve(), patience)
            times.append(loop.time())
        return times, flaky.stats.snapshot()

    assert run_virtual(main()) == (
        [1000.0, 1005.0],
        {"received": 2, "outcomes": {**NONE, "abandoned": 2}, "busy_s": 1005.0, "in_flight": 0, "peak_in_flight": 1},
    )


def test_an_unreachable_backend_needs_no_worker() -> None:
    """No work, no time, no place in the queue."""

    async def main() -> tuple[Fault, dict[str, Any]]:
        flaky = backend(unreachable=True, latency={"mean_s": 5}, capacity={"workers": 1, "queue": 0})
        await flaky.capacity.take_worker()
        fault = await flaky.serve()
        flaky.capacity.free_worker()
        return fault, flaky.stats.snapshot()

    assert run_virtual(main()) == (
        Fault("unreachable", 0, 0.0),
        {"received": 1, "outcomes": {**NONE, "unreachable": 1}, "busy_s": 0.0, "in_flight": 0, "peak_in_flight": 1},
    )


def test_counting_afresh_leaves_those_inside_inside() -> None:
    """A reset in the middle of a request: peak and in-flight know of it."""

    async def main() -> dict[str, Any]:
        flaky = backend(latency={"mean_s": 2})
        inside = asyncio.create_task(flaky.serve())
        await asyncio.sleep(1)
        flaky.stats.reset()
        snapshot = flaky.stats.snapshot()
        await inside
        return snapshot

    assert run_virtual(main()) == {
        "received": 0,
        "outcomes": NONE,
        "busy_s": 0.0,
        "in_flight": 1,
        "peak_in_flight": 1,
    }


def test_clock_and_sleep_can_be_given() -> None:
    """The seam of the design: both come from outside where the loop's own are not wanted."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> float:
        flaky = Backend(plan_from({"latency": {"mean_s": 7}}), clock=lambda: sum(slept), sleep=sleep)
        await flaky.serve()
        return flaky.stats.busy_s

    assert (run_virtual(main()), slept) == (7.0, [7.0])
