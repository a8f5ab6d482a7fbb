"""The HTTP call of the backend, over both transports, from a backend that sends what the test says."""

from __future__ import annotations

import pytest

from client.pipeline.errors import BackendFailedError
from tests.client.pipeline.raw_backend import ask, once

pytestmark = pytest.mark.parametrize("transport", ["aiohttp", "httpx"])

OF_THE_ANSWER = b'Retry-After: 60\r\nLocation: /else/where\r\nETag: "a1"\r\nCache-Control: no-store\r\n'
PASSED_ON = (
    (b"retry-after", b"60"),
    (b"location", b"/else/where"),
    (b"etag", b'"a1"'),
    (b"cache-control", b"no-store"),
)


def plain(status: int, headers: bytes = b"", body: bytes = b"{}") -> bytes:
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, headers, len(body), body)


@pytest.mark.parametrize("status", [200, 201, 301, 302, 307, 404, 429])
def test_what_belongs_to_an_answer_is_passed_on(transport: str, status: int) -> None:
    """Four headers and no other; a redirect is not followed."""
    answer = ask(once(plain(status, OF_THE_ANSWER + b"Set-Cookie: a=b\r\nX-Powered-By: us\r\n")), transport)

    assert (answer.status, answer.body, answer.headers) == (status, b"{}", PASSED_ON)


def test_an_answer_without_them_has_none(transport: str) -> None:
    """As before."""
    assert ask(once(plain(200)), transport).headers == ()


@pytest.mark.parametrize("value", [b"caf\xe9", b"x" * 4097], ids=["not ASCII", "too long"])
def test_a_header_that_cannot_be_handed_on_is_left_out(transport: str, value: bytes) -> None:
    """The others are there."""
    answer = ask(once(plain(302, b"Location: %b\r\nETag: 1\r\n" % value)), transport)

    assert answer.headers == ((b"etag", b"1"),)


@pytest.mark.parametrize(
    ("location", "is_passed_on"),
    [
        (b"https://elsewhere/x", True),
        (b"HTTP://elsewhere:1/x", True),
        (b"//elsewhere/x", True),
        (b"/x?at=12:30", True),
        (b"?q=a:b", True),
        (b"javascript:alert(1)", False),
        (b"JavaScript:alert(1)", False),
        (b"data:text/html,<script>", False),
        (b"vbscript:x", False),
        (b"file:///etc/passwd", False),
        (b"java\tscript:alert(1)", False),
    ],
)
def test_a_redirect_leads_to_pages_only(transport: str, location: bytes, *, is_passed_on: bool) -> None:
    """A browser would take it for one of the client itself."""
    answer = ask(once(plain(302, b"Location: %b\r\n" % location)), transport)

    assert answer.headers == (((b"location", location),) if is_passed_on else ())


def test_there_is_an_end_to_the_headers_that_are_passed_on(transport: str) -> None:
    """The first sixteen; a type of unusual length is none."""
    headers = b"".join(b"Cache-Control: a=%d\r\n" % number for number in range(50))
    answer = ask(once(plain(200, headers + b"Content-Type: text/%b\r\n" % (b"x" * 252))), transport)

    assert answer.headers == tuple((b"cache-control", b"a=%d" % number) for number in range(16))
    assert answer.content_type == b"application/octet-stream"


def test_a_failed_answer_passes_on_only_its_time(transport: str) -> None:
    """The fallback answers in its place."""
    with pytest.raises(BackendFailedError) as caught:
        ask(once(plain(503, OF_THE_ANSWER)), transport)

    assert (caught.value.status, caught.value.retry_after_s) == (503, 60)
