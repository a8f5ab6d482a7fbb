"""The control routes that both services have: health and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def common_routes(registry: CollectorRegistry) -> APIRouter:
    """Return GET /health and GET /metrics over `registry`."""
    router = APIRouter()

    @router.get("/health", summary="Whether the service answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/metrics", response_class=Response, summary="Prometheus metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
