"""Who may change something: programs, and the service's own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backend.app import create_app as backend
from client.app import create_app as client

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from fastapi import FastAPI

    Ask = Callable[..., httpx.Response]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://{}", True),
        ("https://{}", True),
        ("http://evil.example", False),
        ("http://{}.evil.example", False),
        ("http://{}:81", False),
        ("null", False),
        ("http://[", False),
    ],
)
def test_a_foreign_page_changes_nothing(serve: Callable[[FastAPI], Ask], origin: str | None, *, allowed: bool) -> None:
    """And hears why; a program has no origin, and reading is free."""
    ask = serve(client())
    origin = origin and origin.format(ask("GET", "/health").request.headers["host"])
    headers = {} if origin is None else {"Origin": origin}

    opened = ask("POST", "/breaker/open", headers=headers)
    changed = ask("PATCH", "/breaker", headers=headers, json={"fail_max": 7})
    found = ask("GET", "/breaker", headers=headers).json()

    if allowed:
        assert (opened.status_code, changed.status_code, found["fail_max"]) == (200, 200, 7)
    else:
        assert (opened.status_code, changed.status_code) == (403, 403)
        assert (found["state"], found["fail_max"]) == ("closed", 5)
        assert opened.json()["detail"].startswith(f"Origin: got {origin!r}; allowed: a page of this service")


def test_the_backend_holds_it_alike(serve: Callable[[FastAPI], Ask]) -> None:
    """Its faults are its own, too."""
    ask = serve(backend())

    refused = ask("PUT", "/faults", headers={"Origin": "http://evil.example"}, json={"error_rate": 1})

    assert (refused.status_code, ask("GET", "/faults").json()["error_rate"]) == (403, 0.0)
