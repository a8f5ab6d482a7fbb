"""The control routes that both services have: health and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from service.openapi import answers


def common_routes(registry: CollectorRegistry) -> APIRouter:
    """Return GET /health and GET /metrics over `registry`, to which the process's own figures are added."""
    ProcessCollector(registry=registry)
    router = APIRouter()

    @router.get("/health", summary="Whether the service answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/metrics",
        response_class=Response,
        responses=answers("text/plain", "application/openmetrics-text"),
        summary="Prometheus metrics, as text or as OpenMetrics",
    )
    async def metrics(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=media_type)

    return router
