"""The backend's control routes: faults, statistics, health, metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from backend.profile import FaultPlan, OnePhase, as_body
from service.problems import check, read_object
from service.wrong_input import WrongInputError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from backend.core import Backend


def build(backend: Backend, registry: CollectorRegistry) -> APIRouter:
    """Return the routes over `backend`."""
    router = APIRouter()

    @router.get("/faults", summary="The fault plan in force")
    async def read_faults() -> dict[str, Any]:
        return as_body(backend.plan)

    @router.put("/faults", summary="Replace the plan: a fault profile, or phases of them", openapi_extra=_BODY)
    async def replace_faults(request: Request) -> dict[str, Any]:
        backend.set_plan(plan_from(await read_object(request)))
        return as_body(backend.plan)

    @router.patch("/faults", summary="Change single settings of the plan", openapi_extra=_BODY)
    async def change_faults(request: Request) -> dict[str, Any]:
        backend.set_plan(plan_from(merged(as_body(backend.plan), await read_object(request))))
        return as_body(backend.plan)

    @router.delete("/faults", summary="Back to no faults at all")
    async def reset_faults() -> dict[str, Any]:
        backend.set_plan(FaultPlan())
        return as_body(backend.plan)

    @router.get("/stats", summary="Calls received, by outcome; busy seconds; peak concurrency")
    async def read_stats() -> dict[str, Any]:
        return _stats(backend)

    @router.delete("/stats", summary="Count from zero")
    async def reset_stats() -> dict[str, Any]:
        backend.stats.reset()
        return _stats(backend)

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def plan_from(body: dict[str, Any]) -> FaultPlan:
    """Read a plan from JSON: {"phases": [...]}, or a profile as it is. Raises WrongInputError."""
    return check(body, FaultPlan) if "phases" in body else check(body, OnePhase).plan()


def merged(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return `old` with `change` laid over it, nested objects key by key. Raises WrongInputError."""
    if "phases" in old and "phases" not in change:
        strange = sorted(set(change) - set(FaultPlan.model_fields))
        if strange:
            detail = f"{strange[0]}: the plan in force has phases; PUT /faults replaces it"
            raise WrongInputError([{"field": strange[0], "value": None, "detail": detail}])
    if "phases" in change and "phases" not in old:
        return {"seed": old["seed"], **change}
    new = dict(old)
    for name, value in change.items():
        inner = new.get(name)
        new[name] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
    return new


def _stats(backend: Backend) -> dict[str, Any]:
    return {
        **backend.stats.snapshot(),
        "busy_workers": backend.capacity.busy,
        "waiting": backend.capacity.waiting,
        "cpu_s": time.process_time(),
    }


def _schema(*models: type[BaseModel]) -> dict[str, Any]:
    found = [model.model_json_schema(ref_template="#/components/schemas/{model}") for model in models]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": found}}}}}


_BODY = _schema(OnePhase, FaultPlan)
