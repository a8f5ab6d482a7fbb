"""Retry-After, from the header's text to the breaker's open time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from backend.app import create_app as create_backend
from client.app import create_app
from client.breakers.settings import breaker_settings
from client.pipeline.retry_after import retry_after_s
from client.pipeline.upstream import Upstream
from client.settings import ClientSettings, UpstreamSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

NOW = datetime(2026, 11, 23, 16, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("007", 7.0),
        ("0000000000000005", 5.0),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
        ("1" * 5000, 111_111_111_111.0),  # cut, not a crash; open_max_s caps it
        ("Mon, 23 Nov 2026 16:02:00 GMT", 120.0),
        ("Monday, 23-Nov-26 16:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 17:02:00 +0100", 120.0),
        ("Mon, 23 Nov 2026 16:02:00 -0000", 120.0),  # a time without a zone: RFC 9110 knows only GMT
        ("Mon, 23 Nov 2026 15:59:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 16:00:00 GMT", 0.0),
        ("", None),
        ("   ", None),
        ("soon", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("inf", None),
        ("٣", None),  # a digit, but not of ASCII
        ("²", None),
        ("1, 2", None),
        ("Mon, 99 Nov 2026 16:02:00 GMT", None),
        ("Mon, 23 Nov 99999 16:02:00 GMT", None),
        ("Mon, 23 Nov 2026 16:02:00 +9999999999", None),
        ("\x00", None),
    ],
)
def test_seconds_and_dates_are_read_and_all_else_is_nothing(value: str, seconds: float | None) -> None:
    """Whole seconds, or a date as HTTP and mail write them: how long from now, never less than nothing."""
    assert retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize(
    ("asked_s", "header"), [(45, "45"), (600, "100"), (None, "10")], ids=["honoured", "capped", "none"]
)
def test_what_the_backend_asks_for_is_what_callers_are_told(
    serve: Callable[[FastAPI], Callable[..., httpx.Response]], asked_s: int | None, header: str
) -> None:
    """A 503 of the real backend with Retry-After trips the client: its refusals pass the wish on."""
    backend = create_backend()
    serve(backend)("PUT", "/faults", json={"error_rate": 1, "error_status": 503, "retry_after_s": asked_s})
    upstream = Upstream("http://localhost", UpstreamSettings())
    upstream._transport = httpx.ASGITransport(backend)
    breaker = breaker_settings(fail_max=1, reset_timeout=10, honour_retry_after=True, open_max_s=100)
    ask = serve(create_app(ClientSettings(breaker=breaker), upstream))

    answers = [ask("GET", "/data") for _ in range(2)]

    assert [(each.status_code, each.headers.get("retry-after")) for each in answers] == [(502, None), (503, header)]
