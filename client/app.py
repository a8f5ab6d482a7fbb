"""Build the client service."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from client import admin, relay
from client.breakers.interface import NoBreakerError
from client.core import Client
from client.counters import Counters
from client.dashboard import routes as dashboard
from client.dashboard.feed import Feed
from client.dashboard.page import Page
from client.dashboard.traffic import Traffic
from client.data import DataEndpoint
from client.errors import BackendUnreachableError, CallTimeoutError
from client.metrics import Metrics
from client.settings import ClientSettings
from client.stream import EventStream, TooManyListenersError
from client.upstream import Upstream
from service import problems
from service.admin import common_routes
from service.openapi import describe_data

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from client.call import Handler


class ClientService(FastAPI):
    """The service; `GET /data`, the path under load, goes past FastAPI, whose layers cost more than a refusal does."""

    data: DataEndpoint | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self.data is not None and scope.get("path") == "/data" and scope["method"] == "GET":
            await self.data(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: ClientSettings | None = None, upstream: Handler | None = None) -> ClientService:
    """Return the service; `upstream` takes the place of the HTTP call in a test.

    The clock is the system's monotonic one: uvloop's own is cut to whole milliseconds.
    The parts that live on the event loop are made when the app starts, and closed when it ends.
    """
    settings = settings or ClientSettings()

    @asynccontextmanager
    async def lifespan(app: ClientService) -> AsyncIterator[None]:
        registry = CollectorRegistry()

        def stopping() -> bool:
            return bool(app.state.stopping())

        counters, stream = Counters(), EventStream(stopping)
        async with Upstream(settings.backend_url, settings.upstream) as http:
            client = Client(settings.call, upstream or http, [counters, stream], time.monotonic)
            registry.register(Metrics(client, counters))
            traffic = Traffic(client)
            feed = Feed(client, counters, lambda: {"traffic": traffic.snapshot()}, stopping)
            app.include_router(admin.build(settings, client, counters, stream, feed))
            app.include_router(dashboard.build(Page(), traffic, settings.call))
            app.include_router(relay.build(http))
            app.include_router(common_routes(registry))
            app.data = DataEndpoint(client)
            app.router.routes.insert(0, Route("/data", app.data, methods=["GET"]))
            app.openapi_schema = None
            yield
            await traffic.close()

    app = ClientService(title="Breaker Lab: client", description="The protected service.", lifespan=lifespan)
    app.state.stopping = lambda: False  # until a server knows better
    problems.install(
        app,
        {NoBreakerError: 409, TooManyListenersError: 503, BackendUnreachableError: 502, CallTimeoutError: 504},
    )
    describe_data(app, "The protected call", ("X-Request-Id",))
    return app
