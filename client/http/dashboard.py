"""The page's own routes: its files, the schema that it is built from, and the button that sends traffic."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

from client.breakers import policies
from client.dashboard.looks import looks_json
from client.pipeline.order import CallSettings, FlatCallSettings
from service.guard.login import front_routes
from service.openapi import json_schema

if TYPE_CHECKING:
    from client.dashboard.traffic import Traffic
    from service.guard.access import Access

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without a referrer, the form that logs out would be sent with `Origin: null`
    "Cache-Control": "no-cache",  # ask each time: the answer is short if nothing has changed
}


class _PageFiles(StaticFiles):
    """The files of the page, with its headers."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        response = super().file_response(*args, **options)
        response.headers.update(_HEADERS)
        return response


def build(traffic: Traffic, started_with: CallSettings, access: Access) -> APIRouter:
    """Return the routes; `started_with`: the settings that a reset restores; `access`: who has to log in."""
    router = APIRouter()
    files = _PageFiles(packages=[("client.dashboard", "static")])
    schema = {
        "settings": json_schema(FlatCallSettings),
        "policies": {
            name: {"about": (inspect.getdoc(kind) or "").partition("\n")[0], "reads": sorted(kind.reads())}
            for name, kind in policies().items()
        },
        "started_with": started_with.model_dump(mode="json"),
        "looks": looks_json(),
        "has_login": access.tokens.guards_change,
    }

    async def read_page(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    router.include_router(front_routes(access, "Breaker Lab", read_page))

    @router.api_route("/dashboard/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def read_file(request: Request, name: str) -> Response:
        return await files.get_response(name, request.scope)

    @router.get(
        "/config/schema",
        summary="The settings' ranges, what each policy reads, the start, and how outcomes look",
    )
    async def read_schema() -> dict[str, Any]:
        return schema

    @router.get("/traffic", summary="Whether the client sends itself test traffic")
    async def read_traffic() -> dict[str, Any]:
        return traffic.snapshot()

    @router.put("/traffic", summary="Send test traffic for a minute")
    async def start_traffic() -> dict[str, Any]:
        traffic.start()
        return traffic.snapshot()

    @router.delete("/traffic", summary="Send no more")
    async def stop_traffic() -> dict[str, Any]:
        traffic.stop()
        return traffic.snapshot()

    return router
