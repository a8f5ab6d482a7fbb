"""What the backend would have answered: known from the weather, so that a refusal can be called right or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.faults import draw
from backend.weather import WeatherKey
from client.breakers.interface import FAILURE

if TYPE_CHECKING:
    from backend.faults import Fault
    from backend.profile import FaultPlan
    from client.pipeline.classification import ClassificationSettings


def would_have(plan: FaultPlan, request_id: int, elapsed_s: float, timeout_s: float | None) -> str:
    """Return ok, error or timeout for a first attempt that reaches the backend `elapsed_s` after the plan was set.

    A wait for a worker is left out: it depends on who else was let through.
    """
    return outcome_of_fault(draw_fault(plan, request_id, elapsed_s), timeout_s)


def draw_fault(plan: FaultPlan, request_id: int, elapsed_s: float) -> Fault:
    """Return what a first attempt meets that reaches the backend `elapsed_s` after the plan was set."""
    return draw(plan.profile_at(elapsed_s), WeatherKey(plan.seed, str(request_id), request_id))


def outcome_of_fault(fault: Fault, timeout_s: float | None) -> str:
    """Return ok, error or timeout for a call that met `fault` and no queue."""
    if fault.kind == "hang" or (timeout_s is not None and fault.latency_s > timeout_s):
        return "timeout"
    return "ok" if fault.kind == "ok" else "error"


def is_blameless(fault: Fault, would: str, classification: ClassificationSettings) -> bool:
    """Whether a call that ends as `would` does it with an answer that is no failure of the backend, such as a 404."""
    return would == "error" and classification.verdict_of_status(fault.status) is not FAILURE
