"""Build the backend service: the work, and the control routes (faults, counts, health, metrics)."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, closing, nullcontext
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry

from backend.core import Backend
from backend.data import DataEndpoint
from backend.log import LOGGER, RequestLog
from backend.metrics import BackendCollector
from backend.profile import FaultPlan, OnePhase, as_body, changed_body, plan_from
from backend.settings import BackendSettings
from backend.traces import TraceHook
from service import problems
from service.app import ServiceApp
from service.guard.access import Access
from service.guard.body import read_object
from service.guard.login import front_routes, page_of_routes
from service.observe import tracing
from service.observe.log import log_event
from service.openapi import describe, json_body
from service.routes import common_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from backend.events import Hook
    from service.observe.spans import Tracing


def create_app(
    settings: BackendSettings | None = None, backend: Backend | None = None, traces: Tracing | None = None
) -> ServiceApp:
    """Return the service for `backend`; everything it needs is created here, nothing at import.

    The clock is the system's monotonic one: uvloop's own clock has only whole milliseconds. In a test, `traces`
    replaces the traces of the settings. Raises WrongInputError if traces are not possible.
    """
    settings = settings or BackendSettings()
    traces = traces or tracing.start(settings.tracing, "backend", "BACKEND_TRACING")
    backend = backend or Backend(clock=time.monotonic)
    hooks: list[Hook] = [RequestLog()] if settings.log.logs_requests else []
    endpoint: ASGIApp = DataEndpoint(backend)
    if traces is not None:
        hooks.append(TraceHook(traces))
        endpoint = traces.wrap_app(endpoint, "GET /data")
    backend.hooks = hooks

    @asynccontextmanager
    async def lifespan(_: ServiceApp) -> AsyncIterator[None]:
        with nullcontext() if traces is None else closing(traces):
            yield

    registry = CollectorRegistry()
    registry.register(BackendCollector(backend))
    access = Access(settings, "backend", settings.host)
    title, about = "Breaker Lab: backend", "The flaky service: it fails as its fault plan says."
    app = ServiceApp("/faults", access, title=title, description=about, lifespan=lifespan)
    problems.install_handlers(app, {})
    app.include_router(_control_routes(backend))
    app.include_router(common_routes(registry))
    app.include_router(front_routes(access, title, page_of_routes(app, access)))
    app.serve_data(endpoint)
    describe(
        app,
        "The work, or what the fault profile makes of it",
        ("X-Request-Id", "X-Attempt"),
        {503: "every worker is busy, and the queue is full"},
    )
    return app


def _control_routes(backend: Backend) -> APIRouter:
    """Return the routes that read and change the faults and the counts."""
    router = APIRouter()
    body = json_body(OnePhase, FaultPlan)

    def put_in_force(request: Request, plan: FaultPlan) -> dict[str, Any]:
        backend.set_plan(plan)
        said = plan.model_dump(mode="json", exclude_defaults=True)
        log_event(LOGGER, "faults_changed", request.headers.get("x-request-id"), plan=said)
        return as_body(plan)

    @router.get("/faults", summary="The current fault plan")
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
        return put_in_force(request, plan_from(changed_body(as_body(backend.plan), await read_object(request))))

    @router.delete("/faults", summary="Remove all faults")
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


def _stats(backend: Backend) -> dict[str, Any]:
    return {
        **backend.stats.snapshot(),
        "busy_workers": backend.capacity.busy,
        "waiting": backend.capacity.waiting,
        "revision": backend.revision,
        "cpu_s": time.process_time(),
    }
