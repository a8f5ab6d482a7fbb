"""The URL that a service announces."""

from __future__ import annotations

import pytest

from service.listener import url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("*", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
    ],
)
def test_it_can_be_opened_on_this_machine(host: str, url: str) -> None:
    """All addresses are no address to open; one of version 6 stands in brackets."""
    assert url_of(host, 8000) == url
