"""The backend's control routes: faults, statistics, health, metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from backend.log import LOGGER
from backend.profile import FaultPlan, OnePhase, as_body
from service.log import tell
from service.openapi import json_body
from service.problems import check, laid_over, read_object
from service.wrong_input import WrongInputError

if TYPE_CHECKING:
    from backend.core import Backend


def build(backend: Backend) -> APIRouter:
    """Return the routes over `backend`."""
    router = APIRouter()
    body = json_body(OnePhase, FaultPlan)

    def put_in_force(request: Request, plan: FaultPlan) -> dict[str, Any]:
        backend.set_plan(plan)
        said = plan.model_dump(mode="json", exclude_defaults=True)
        tell(LOGGER, "faults_changed", request.headers.get("x-request-id"), plan=said)
        return as_body(plan)

    @router.get("/faults", summary="The fault plan in force")
    async def read_faults() -> dict[str, Any]:
        return as_body(backend.plan)

    @router.put(
        "/faults",
        summary="Replace the plan: a fault profile, or phases of them",
        openapi_extra=body,
    )
    async def replace_faults(request: Request) -> dict[str, Any]:
        return put_in_force(request, plan_from(await read_object(request)))

    @router.patch("/faults", summary="Change single settings of the plan", openapi_extra=body)
    async def change_faults(request: Request) -> dict[str, Any]:
        return put_in_force(request, plan_from(merged(as_body(backend.plan), await read_object(request))))

    @router.delete("/faults", summary="Back to no faults at all")
    async def reset_faults(request: Request) -> dict[str, Any]:
        return put_in_force(request, FaultPlan())

    @router.get("/stats", summary="Calls received, by outcome; busy seconds; peak concurrency")
    async def read_stats() -> dict[str, Any]:
        return _stats(backend)

    @router.delete("/stats", summary="Count from zero")
    async def reset_stats() -> dict[str, Any]:
        backend.stats.reset()
        return _stats(backend)

    return router


def plan_from(body: dict[str, Any]) -> FaultPlan:
    """Read a plan from JSON: {"phases": [...]}, or a profile as it is. Raises WrongInputError."""
    return check(body, FaultPlan) if "phases" in body else check(body, OnePhase).plan()


def merged(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a plan with `change` laid over it. Raises WrongInputError."""
    if "phases" in old and "phases" not in change:
        strange = sorted(set(change) - set(FaultPlan.model_fields))
        if strange:
            detail = f"{strange[0]}: the plan in force has phases; PUT /faults replaces it"
            raise WrongInputError([{"field": strange[0], "value": None, "detail": detail}])
    if "phases" in change and "phases" not in old:
        return {"seed": old["seed"], **change}
    return laid_over(old, change)


def _stats(backend: Backend) -> dict[str, Any]:
    return {
        **backend.stats.snapshot(),
        "busy_workers": backend.capacity.busy,
        "waiting": backend.capacity.waiting,
        "revision": backend.revision,
        "cpu_s": time.process_time(),
    }
