"""Build the backend service."""

from __future__ import annotations

import time

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from backend import admin
from backend.core import Backend
from backend.data import DataEndpoint
from backend.metrics import BackendCollector
from service import problems
from service.admin import common_routes
from service.openapi import describe_data


def create_app(backend: Backend | None = None) -> FastAPI:
    """Return the service over `backend`; everything it needs is made here, nothing at import.

    The clock is the system's monotonic one: uvloop's own is cut to whole milliseconds.
    """
    backend = backend or Backend(clock=time.monotonic)
    registry = CollectorRegistry()
    registry.register(BackendCollector(backend))
    app = FastAPI(title="Breaker Lab: backend", description="The flaky service.")
    problems.install(app, {})
    app.include_router(admin.build(backend))
    app.include_router(common_routes(registry))
    # A plain ASGI endpoint: no model is read or written here, and the path is the one under load.
    app.router.routes.append(Route("/data", DataEndpoint(backend), methods=["GET"]))
    describe_data(app, "The work, or what the fault profile makes of it", ("X-Request-Id", "X-Attempt"))
    return app
