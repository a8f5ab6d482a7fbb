"""The plain things that the services are measured against: python -m bench.apps NAME [BACKEND-URL]."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pybreaker
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from service import server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

_BODY = b'{"data": "fresh from the backend"}'
_JSON = (b"content-type", b"application/json")


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _bare(status: int) -> ASGIApp:
    """Answer at once, without reading anything."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        if scope["type"] == "http":
            await _send(send, status, _BODY)

    return app


def _relay(url: str) -> ASGIApp:
    """Pass the backend's answer on, with aiohttp alone: nothing is protected, counted or watched."""
    session: aiohttp.ClientSession | None = None

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        nonlocal session
        if scope["type"] == "http":
            if session is None:
                session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            async with session.get(url) as response:
                await _send(send, response.status, await response.read())

    return app


def _usual(url: str) -> ASGIApp:
    """Do what tutorials do: FastAPI, httpx with its own transport, pybreaker's `calling()` around the await."""
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(timeout=3, limits=limits) as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/data")
    async def data() -> Any:
        try:
            with breaker.calling():
                response = await app.state.client.get(url)
                response.raise_for_status()
        except pybreaker.CircuitBreakerError:
            return JSONResponse({"detail": "open"}, 503)
        except httpx.HTTPError as error:
            return JSONResponse({"detail": type(error).__name__}, 502)
        return response.json()

    return app


_APPS: dict[str, Callable[[str], tuple[ASGIApp, str]]] = {
    "bare-200": lambda _: (_bare(200), "off"),
    "bare-503": lambda _: (_bare(503), "off"),
    "relay": lambda url: (_relay(url), "off"),
    "usual": lambda url: (_usual(url), "on"),
}

if __name__ == "__main__":
    name = sys.argv.pop(1)
    backend = f"{sys.argv.pop(1)}/data" if len(sys.argv) > 1 else ""
    made, lifespan = _APPS[name](backend)
    where = "127.0.0.1", 0, None
    sys.exit(server.main(name, "A plain app to measure against.", lambda: (made, *where), lifespan=lifespan))
