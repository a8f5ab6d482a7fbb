"""What the backend's metrics say after each kind of fault, on a virtual clock."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from backend.core import Backend
from backend.errors import QueueFullError
from backend.metrics import BackendCollector
from backend.profile import CapacityLimit, FaultPlan, FaultProfile, Latency, Phase
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Coroutine


def plan(**profile: object) -> FaultPlan:
    return FaultPlan(phases=(Phase(profile=FaultProfile.model_validate(profile)),))


def told(backend: Backend) -> dict[tuple[str, ...], float]:
    """Every sample that is not zero, buckets aside: name and label."""
    registry = CollectorRegistry()
    registry.register(BackendCollector(backend))
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.value and not sample.name.endswith("_bucket")
    }


def after(story: Coroutine[None, None, Backend]) -> dict[tuple[str, ...], float]:
    return told(run_virtual(story))


def test_each_kind_of_fault_is_counted_when_it_is_injected() -> None:
    """A hang, too, although it never leaves as one: its caller gives up."""

    async def story() -> Backend:
        backend = Backend()
        for profile in ({"error_rate": 1}, {"reset_rate": 1}, {"unreachable": True}, {}):
            backend.set_plan(plan(latency=Latency(mean_s=0.5), **profile))
            await backend.serve()
        backend.set_plan(plan(hang_rate=1))
        with suppress(TimeoutError):
            await asyncio.wait_for(backend.serve(), 3)
        return backend

    assert after(story()) == {
        ("backend_requests_total", "ok"): 1,
        ("backend_requests_total", "error"): 1,
        ("backend_requests_total", "reset"): 1,
        ("backend_requests_total", "unreachable"): 1,
        ("backend_requests_total", "abandoned"): 1,
        ("backend_request_duration_seconds_count", "ok"): 1,
        ("backend_request_duration_seconds_count", "error"): 1,
        ("backend_request_duration_seconds_count", "reset"): 1,
        ("backend_request_duration_seconds_count", "unreachable"): 1,
        ("backend_request_duration_seconds_count", "abandoned"): 1,
        ("backend_request_duration_seconds_sum", "ok"): 0.5,
        ("backend_request_duration_seconds_sum", "error"): 0.5,
        ("backend_request_duration_seconds_sum", "reset"): 0.5,
        ("backend_request_duration_seconds_sum", "abandoned"): 3,
        ("backend_faults_injected_total", "error"): 1,
        ("backend_faults_injected_total", "hang"): 1,
        ("backend_faults_injected_total", "reset"): 1,
        ("backend_faults_injected_total", "unreachable"): 1,
        ("backend_injected_delay_seconds_total",): 1.5,
        ("backend_busy_seconds_total",): 4.5,
    }


def test_who_is_inside_is_seen_and_who_is_turned_away_meets_no_fault() -> None:
    """One at work, one in the queue, one rejected, while the first is under way."""

    async def story() -> dict[tuple[str, ...], float]:
        backend = Backend()
        limit = CapacityLimit(workers=1, queue=1)
        backend.set_plan(plan(error_rate=1, latency=Latency(mean_s=1), capacity=limit))
        tasks = [asyncio.create_task(backend.serve()) for _ in range(2)]
        await asyncio.sleep(0)
        with suppress(QueueFullError):
            await backend.serve()
        seen = told(backend)
        await asyncio.gather(*tasks)
        backend.stats.reset()
        assert told(backend) == {}
        return seen

    assert run_virtual(story()) == {
        ("backend_requests_total", "queue_full"): 1,
        ("backend_request_duration_seconds_count", "queue_full"): 1,
        ("backend_faults_injected_total", "error"): 1,
        ("backend_injected_delay_seconds_total",): 1,
        ("backend_requests_in_flight",): 2,
        ("backend_busy_workers",): 1,
        ("backend_queue_length",): 1,
    }
