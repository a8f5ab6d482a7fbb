"""Build the client service."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from client.breakers.interface import NoBreakerError
from client.core import Client
from client.dashboard.feed import Feed
from client.dashboard.traffic import Traffic
from client.http import control as admin
from client.http import dashboard, relay
from client.http.data import DataEndpoint
from client.http.stream import EventStream
from client.observe.counters import Counters
from client.observe.log import RequestLog, TransitionLog
from client.observe.metrics import Metrics
from client.observe.traces import TraceHook, with_root, with_span
from client.pipeline.errors import BackendUnreachableError, CallTimeoutError
from client.pipeline.loop_lag import LoopLag
from client.pipeline.upstream import Upstream
from client.settings import ClientSettings
from service import problems
from service.app import ServiceApp
from service.guard.access import Access
from service.guard.listeners import Audience, TooManyListenersError
from service.observe import tracing
from service.openapi import describe
from service.routes import common_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from client.events import TransitionHook
    from client.pipeline.call import Handler
    from service.observe.spans import Tracing


def create_app(
    settings: ClientSettings | None = None, upstream: Handler | None = None, traces: Tracing | None = None
) -> ServiceApp:
    """Return the service. In a test, `upstream` replaces the HTTP call, and `traces` the traces of the settings.

    The clock is the system's monotonic one: uvloop's own clock has only whole milliseconds.
    The parts that live on the event loop are created when the app starts, and closed when it ends.
    Raises WrongInputError if traces are not possible.
    """
    settings = settings or ClientSettings()
    traces = traces or tracing.start(settings.tracing, "client", "CLIENT_TRACING")
    access = Access(settings, "client", settings.host)

    @asynccontextmanager
    async def lifespan(app: ServiceApp) -> AsyncIterator[None]:
        registry = CollectorRegistry()

        def stopping() -> bool:
            return bool(app.state.stopping())

        counters, stream, audience = Counters(time.monotonic()), EventStream(), Audience(stopping)
        hooks: list[TransitionHook] = [
            counters,
            stream,
            RequestLog() if settings.log.logs_requests else TransitionLog(),
        ]
        if traces is not None:
            hooks.append(TraceHook(traces, lambda: client.settings.breaker.policy))
        more_headers = None if traces is None else traces.headers
        async with AsyncExitStack() as stack:
            if traces is not None:
                stack.callback(traces.close)
            http = await stack.enter_async_context(
                Upstream(settings.backend_url, settings.upstream, more_headers, settings.backend_token)
            )
            handler = upstream or http
            handler = handler if traces is None else with_span(handler, traces)
            lag = LoopLag(time.monotonic, lambda: client.in_flight > 0)
            client = Client(settings.call, handler, hooks, time.monotonic, lag)
            lag.start(asyncio.get_running_loop())
            stack.callback(lag.close)
            registry.register(Metrics(client, counters))
            traffic = Traffic(client.call if traces is None else with_root(client.call, traces))
            feed = Feed(client, counters, lambda: {"traffic": traffic.snapshot()})
            app.include_router(admin.build(settings, client, counters, stream, feed, audience))
            app.include_router(dashboard.build(traffic, settings.call, access))
            app.include_router(relay.build(http))
            app.include_router(common_routes(registry))
            endpoint = DataEndpoint(client)
            app.serve_data(endpoint if traces is None else traces.wrap_app(endpoint, "GET /data"))
            app.openapi_schema = None
            yield
            await traffic.close()

    app = ServiceApp(
        "/backend/faults", access, title="Breaker Lab: client", description="The protected service.", lifespan=lifespan
    )
    problems.install_handlers(
        app,
        {NoBreakerError: 409, TooManyListenersError: 503, BackendUnreachableError: 502, CallTimeoutError: 504},
    )
    describe(
        app,
        "The protected call",
        ("X-Request-Id",),
        {
            502: "the backend failed, or cannot be reached",
            503: "the breaker is open, and the backend was not called",
            504: "the backend did not answer in time",
        },
    )
    return app
