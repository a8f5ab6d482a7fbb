"""What every test may use: a service in memory, and Hypothesis with a fixed seed."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import settings

from virtual_clock.loop import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

settings.register_profile("lab", derandomize=True, deadline=None, database=None)
settings.load_profile("lab")


@pytest.fixture
def serve() -> Iterator[Callable[[FastAPI], Callable[..., httpx.Response]]]:
    """Start an app in memory on a virtual clock; returns `ask(method, path, **request) -> response`."""
    yield from _serve(VirtualLoop)


@pytest.fixture
def serve_with_threads() -> Iterator[Callable[[FastAPI], Callable[..., httpx.Response]]]:
    """Do the same on asyncio's own loop, for routes that read files: they do it in threads."""
    yield from _serve(asyncio.new_event_loop)


def _serve(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> Iterator[Callable[[FastAPI], Callable[..., httpx.Response]]]:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        opened = AsyncExitStack()

        def start(app: FastAPI) -> Callable[..., httpx.Response]:
            async def enter() -> httpx.AsyncClient:
                await opened.enter_async_context(app.router.lifespan_context(app))
                http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
                return await opened.enter_async_context(http)

            http = runner.run(enter())

            def ask(method: str, path: str, **request: Any) -> httpx.Response:
                return runner.run(http.request(method, path, **request))

            return ask

        yield start
        runner.run(opened.aclose())
