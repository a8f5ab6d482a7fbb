"""Describe the plain ASGI endpoint /data in the service's OpenAPI page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI


def describe_data(app: FastAPI, summary: str, request_headers: tuple[str, ...]) -> None:
    """Add GET /data, with its request headers, to what `app` generates from its other routes."""
    generated = app.openapi
    parameters = [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}} for name in request_headers
    ]
    operation = {
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": "The backend's answer"},
            "default": {"description": "A problem"},
        },
    }

    def openapi() -> dict[str, Any]:
        schema = generated()
        schema["paths"]["/data"] = {"get": operation}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
