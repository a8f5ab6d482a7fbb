"""The page's own routes: its files, what its forms are made of, and the button that sends traffic."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request, Response

from client.breakers import policies
from client.pipeline.order import CallSettings, FlatCallSettings
from service.openapi import json_schema

if TYPE_CHECKING:
    from client.dashboard.page import Page
    from client.dashboard.traffic import Traffic


def build(page: Page, traffic: Traffic, started_with: CallSettings) -> APIRouter:
    """Return the routes; `started_with` is what a reset of the settings goes back to."""
    router = APIRouter()
    schema = {
        "settings": json_schema(FlatCallSettings),
        "policies": {
            name: {"about": (inspect.getdoc(kind) or "").partition("\n")[0], "reads": sorted(kind.reads())}
            for name, kind in policies().items()
        },
        "started_with": started_with.model_dump(mode="json"),
    }

    @router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        return file(request, "index.html")

    @router.api_route("/dashboard/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def part(request: Request, name: str) -> Response:
        return file(request, name)

    def file(request: Request, name: str) -> Response:
        answer = page.answer(request, name)
        if answer is None:
            raise HTTPException(404)
        return answer

    @router.get("/config/schema", summary="The settings' ranges, what each policy reads, what the service began with")
    async def read_schema() -> dict[str, Any]:
        return schema

    @router.get("/traffic", summary="Whether the service sends itself a little traffic")
    async def read_traffic() -> dict[str, Any]:
        return traffic.snapshot()

    @router.put("/traffic", summary="Send a little traffic for a minute")
    async def start_traffic() -> dict[str, Any]:
        traffic.start()
        return traffic.snapshot()

    @router.delete("/traffic", summary="Send no more")
    async def stop_traffic() -> dict[str, Any]:
        traffic.stop()
        return traffic.snapshot()

    return router
