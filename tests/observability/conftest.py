"""The pages that both services really show, after some traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backend.app import create_app as backend_app
from client.app import create_app as client_app
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendFailedError, CallTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from fastapi import FastAPI

    Ask = Callable[..., httpx.Response]


class Failing:
    """An upstream that answers, fails and is late in turn."""

    async def __call__(self, call: Call) -> Answer:
        call.attempts += 1
        call.backend_calls += 1
        turn = len(call.request_id) % 3
        if turn == 1:
            raise BackendFailedError(500)
        if turn == 2:
            raise CallTimeoutError(1)
        return Answer(200, b"{}")


@pytest.fixture
def services(serve: Callable[[FastAPI], Ask]) -> dict[str, Ask]:
    """Both services with traffic behind them; the client tries a policy beside its own, which has metrics, too."""
    client, backend = serve(client_app(upstream=Failing())), serve(backend_app())
    client("PATCH", "/breaker", json={"shadow": {"policy": "count_window"}})
    for length in range(1, 10):
        client("GET", "/data", headers={"X-Request-Id": "x" * length})
    backend("PUT", "/faults", json={"sequence": "SF"})
    for _ in range(3):
        backend("GET", "/data")
    return {"client": client, "backend": backend}


@pytest.fixture
def pages(services: dict[str, Ask]) -> dict[str, str]:
    """GET /metrics of each."""
    return {name: ask("GET", "/metrics").text for name, ask in services.items()}
