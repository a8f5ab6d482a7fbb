"""What the backend would have answered: known from the weather, so that a refusal can be called right or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.faults import draw
from backend.weather import WeatherKey

if TYPE_CHECKING:
    from backend.faults import Fault
    from backend.profile import FaultPlan


def would_have(plan: FaultPlan, request_id: int, elapsed_s: float, timeout_s: float | None) -> str:
    """Return ok, error or timeout for a first attempt that reaches the backend `elapsed_s` after the plan was set.

    A wait for a worker is left out: it depends on who else was let through.
    """
    return answer_to(draw(plan.profile_at(elapsed_s), WeatherKey(plan.seed, str(request_id), request_id)), timeout_s)


def answer_to(fault: Fault, timeout_s: float | None) -> str:
    """Return ok, error or timeout for a call that met `fault` and no queue."""
    if fault.kind == "hang" or (timeout_s is not None and fault.latency_s > timeout_s):
        return "timeout"
    return "ok" if fault.kind == "ok" else "error"
