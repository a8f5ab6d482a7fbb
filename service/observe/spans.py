"""Spans and W3C trace context: the only module that knows OpenTelemetry; `tracing` loads it if traces are on."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from inputs.wrong_input import WrongInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.sdk.trace.export import SpanExporter
    from starlette.types import ASGIApp, Receive, Scope, Send

# Spans that are not sent by then are lost: a missing collector must not keep a service from stopping.
PATIENCE_S = 3.0
_W3C = TraceContextTextMapPropagator()
_HEADERS = ("traceparent", "tracestate")


def start(exporter: str, service: str) -> Tracing:
    """Return traces that go to standard error, or over OTLP to OTEL_EXPORTER_OTLP_ENDPOINT."""
    if exporter == "console":
        one_line = ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n")
        return Tracing(service, one_line)
    check(exporter)
    return Tracing(service, OTLPSpanExporter(), batch=True)


def check(exporter: str) -> None:
    """Raise WrongInputError if the address of the collector is invalid."""
    if exporter == "console":
        return
    endpoint = OTLPSpanExporter()._endpoint  # noqa: SLF001 - the only way to know which of its variables it used
    try:
        parts = urlsplit(endpoint)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port
        fits = False
    if not fits:
        detail = f"OTEL_EXPORTER_OTLP_ENDPOINT: got {endpoint!r:.80}; allowed: http://HOST:PORT, or https"
        raise WrongInputError([{"field": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": endpoint, "detail": detail}])


class Tracing:
    """The spans of one service; each has a provider of its own, so that several may share a process."""

    def __init__(self, service: str, exporter: SpanExporter, *, batch: bool = False) -> None:
        resource = Resource.create({SERVICE_NAME: f"breaker-lab-{service}"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter) if batch else SimpleSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("breaker_lab")

    @contextmanager
    def request(self, name: str, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[None]:
        """Open the span of an incoming request, below the caller's span if the headers name one."""
        carrier: dict[str, list[str]] = {}
        for key, value in headers:
            carrier.setdefault(key.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if len(carrier.get("traceparent", ())) > 1:  # it is unclear which one is meant
            del carrier["traceparent"]
        context = _W3C.extract(carrier)
        with self._tracer.start_as_current_span(name, context, SpanKind.SERVER, record_exception=False):
            yield

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Open the span of an outgoing request."""
        with self._tracer.start_as_current_span(name, kind=SpanKind.CLIENT, record_exception=False):
            yield

    @staticmethod
    def headers() -> dict[str, str]:
        """Return the headers that pass the current span on to the called service."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier

    @staticmethod
    def set_attributes(attributes: Mapping[str, str | int | float | bool | None]) -> None:
        """Add attributes to the current span, except those that are none."""
        trace.get_current_span().set_attributes({name: each for name, each in attributes.items() if each is not None})

    @staticmethod
    def add_event(name: str, attributes: Mapping[str, str | int | float | bool]) -> None:
        """Add an event to the current span."""
        trace.get_current_span().add_event(name, dict(attributes))

    @staticmethod
    def mark_failed(why: str) -> None:
        """Mark the current span as failed."""
        span = trace.get_current_span()
        span.set_attribute("error.type", why)
        span.set_status(StatusCode.ERROR, why)

    def wrap_app(self, app: ASGIApp, name: str) -> ASGIApp:
        """Return `app` with a span around each of its requests."""
        return _TracedApp(self, app, name)

    def close(self) -> None:
        """Send the remaining spans, within a few seconds."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(PATIENCE_S)


class _TracedApp:
    """An ASGI app. Not a function, since Starlette would call that with a request."""

    def __init__(self, tracing: Tracing, app: ASGIApp, name: str) -> None:
        self._tracing, self._app, self._name = tracing, app, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name.decode("latin-1").lower() in _HEADERS]
        with self._tracing.request(self._name, headers):
            await self._app(scope, receive, send)
