"""Build the backend service."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, closing, nullcontext
from typing import TYPE_CHECKING

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from backend import admin
from backend.core import Backend
from backend.data import DataEndpoint
from backend.log import RequestLog
from backend.metrics import BackendCollector
from backend.settings import BackendSettings
from backend.traces import TraceHook
from service import problems, tracing
from service.admin import common_routes
from service.openapi import describe_data
from service.origin import OwnPagesOnly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from backend.events import Hook
    from service.spans import Tracing


def create_app(
    settings: BackendSettings | None = None, backend: Backend | None = None, traces: Tracing | None = None
) -> FastAPI:
    """Return the service over `backend`; everything it needs is made here, nothing at import.

    The clock is the system's monotonic one: uvloop's own is cut to whole milliseconds. `traces` takes the place of the
    settings' word in a test. Raises WrongInputError where traces cannot be had.
    """
    settings = settings or BackendSettings()
    traces = traces or tracing.start(settings.tracing, "backend", "BACKEND_TRACING")
    backend = backend or Backend(clock=time.monotonic)
    hooks: list[Hook] = [RequestLog()] if settings.log.tells_requests else []
    endpoint: ASGIApp = DataEndpoint(backend)
    if traces is not None:
        hooks.append(TraceHook(traces))
        endpoint = traces.around(endpoint, "GET /data")
    backend.hooks = hooks

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with nullcontext() if traces is None else closing(traces):
            yield

    registry = CollectorRegistry()
    registry.register(BackendCollector(backend))
    app = FastAPI(
        title="Breaker Lab: backend",
        description="The flaky service.",
        lifespan=lifespan,
        telemetry=tracing.NONE_OF_FASTAPI,
    )
    app.add_middleware(OwnPagesOnly)
    problems.install(app, {})
    app.include_router(admin.build(backend))
    app.include_router(common_routes(registry))
    # A plain ASGI endpoint: no model is read or written here, and the path is the one under load.
    app.router.routes.append(Route("/data", endpoint, methods=["GET"]))
    describe_data(app, "The work, or what the fault profile makes of it", ("X-Request-Id", "X-Attempt"))
    return app
