"""Who may pass the door of Locust's web server, asked of plain WSGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import Client

from loadtest.engines.live.ui.door import Door
from service.guard.hosts import AllowedHosts
from service.guard.limits import LONGEST_BODY
from service.guard.tokens import Rank, Token, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from werkzeug.test import TestResponse

TOKEN, READ_TOKEN = "the-token-of-the-owner", "the-token-for-readers"
HOST = "127.0.0.1:8089"
ROUTES = (
    "GET /",
    "GET /assets/x.js",
    "GET /breaker/progress",
    "POST /swarm",
    "POST /stop",
    "OPTIONS /swarm",
    "GET /no",
)


class Inside:
    """An application that lets every origin read, as Locust's does, and remembers what has reached it."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, str, bytes]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.reached.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["wsgi.input"].read()))
        origin = environ.get("HTTP_ORIGIN", "*")
        start_response(
            "200 OK",
            [
                ("Content-Type", "text/plain"),
                ("Access-Control-Allow-Origin", origin),
                ("access-control-allow-credentials", "true"),
                ("X-Frame-Options", "SAMEORIGIN"),
            ],
        )
        return [b"inside"]


@pytest.fixture
def inside() -> Inside:
    """Stand in for Locust's application."""
    return Inside()


def ask(inside: Inside, route: str, tokens: Tokens | None = None, **headers: str | None) -> TestResponse:
    """Send a request; a header is named with `_` for `-`, and None leaves it out."""
    door = Door(inside, AllowedHosts(["lab.example"]), tokens or Tokens("loadtest"))
    method, _, path = route.partition(" ")
    body = headers.pop("body", None)
    sent = {name.replace("_", "-"): value for name, value in {"Host": HOST, **headers}.items()}
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.items() if value is not None}
    kind = environ.pop("HTTP_CONTENT_TYPE", None)
    client = Client(_with(door, environ, without_host=sent["Host"] is None))
    return client.open(path, method=method, data=body, content_type=kind)


def _with(door: Door, more: dict[str, str], *, without_host: bool) -> Any:
    """Return the door with these headers as the server would hand them over, whatever the test client adds."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.update(more)
        if without_host:
            environ.pop("HTTP_HOST")
        return door(environ, start_response)

    return app


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1:8000"),
        ("Origin", "http://127.0.0.1"),
        ("Origin", "http://localhost:8089"),
        ("Origin", "http://127.0.0.1:8089.evil.example"),
        ("Origin", "http://127.0.0.1:8089,https://evil.example"),
        ("Origin", "file://"),
        ("Origin", ""),
        ("Host", "evil.example"),
        ("Host", "evil.example:8089"),
        ("Host", "127.0.0.1:8089,evil.example"),
        ("Host", "127.0.0.1.evil.example"),
        ("Host", "127.0.0.1:99999"),
        ("Host", ""),
        ("Host", None),
        ("Sec_Fetch_Site", "cross-site"),
        ("Sec_Fetch_Site", "same-site"),
        ("Sec_Fetch_Site", "odd"),
    ],
)
def test_a_stranger_stays_outside_on_every_route(inside: Inside, route: str, header: str, value: str | None) -> None:
    """403 with the header in its text; nothing inside hears of it, and no header lets the other page read."""
    answer = ask(inside, route, **{header: value})

    assert (answer.status_code, inside.reached) == (403, [])
    assert answer.json is not None
    assert answer.json["detail"].startswith(f"{header.replace('_', '-')}: ")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8089"},
        {"Origin": "http://127.0.0.1:8089", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {"Host": "localhost:8089", "Origin": "http://localhost:8089"},
        {"Host": "lab.example", "Origin": "http://lab.example"},
        {"Host": "[::1]:8089"},
        {"Referer": "http://127.0.0.1:8089/?tab=breaker"},
        {"Sec_Fetch_Site": "same-origin", "Referer": "http://127.0.0.1:8089/"},
    ],
)
def test_own_pages_and_programs_come_in(inside: Inside, route: str, headers: dict[str, str]) -> None:
    """By any name of this machine; and no answer lets another page read, frame or guess it."""
    answer = ask(inside, route, **headers)

    assert (answer.status_code, answer.get_data()) == (200, b"inside")
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
    assert answer.headers.getlist("X-Frame-Options") == ["DENY"]
    assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


FOLLOWED = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}


@pytest.mark.parametrize(
    ("route", "headers", "status"),
    [
        ("GET /", FOLLOWED, 200),
        ("GET /results", FOLLOWED, 200),
        ("GET /results/mine/run/report.html", FOLLOWED, 200),
        ("GET /", {"Referer": "https://docs.example/"}, 200),
        ("GET /", {**FOLLOWED, "Origin": "https://evil.example"}, 403),
        ("GET /", {**FOLLOWED, "Sec_Fetch_Dest": "iframe"}, 403),
        ("GET /", {**FOLLOWED, "Sec_Fetch_Mode": "no-cors"}, 403),
        ("GET /stop", FOLLOWED, 403),
        ("GET /stats/report", FOLLOWED, 403),
        ("GET /resultsx", FOLLOWED, 403),
        ("POST /", FOLLOWED, 403),
        ("POST /stop", {"Referer": "https://evil.example/"}, 403),
        ("GET /stop", {"Referer": "https://evil.example/"}, 403),
        ("GET /stop", {"Referer": "http://[evil/"}, 403),
    ],
)
def test_a_link_from_elsewhere_opens_a_page_and_does_nothing(
    inside: Inside, route: str, headers: dict[str, str], status: int
) -> None:
    """A person may follow a link in the docs; an image, a frame or a form of another page gets nothing."""
    assert ask(inside, route, **headers).status_code == status


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=" + b"x" * (LONGEST_BODY - 2), "application/x-www-form-urlencoded", 200),
        (b"a=" + b"x" * (LONGEST_BODY - 1), "application/x-www-form-urlencoded", 413),
        (b"a=1", "application/x-www-form-urlencoded; charset=utf-8", 200),
        (b"", None, 200),
        (b"a=1", None, 415),
        (b"a=1", "text/plain", 415),
        (b"{}", "application/json", 415),
        (b"--b\r\n", "multipart/form-data; boundary=b", 415),
    ],
)
def test_a_body_is_a_short_form(inside: Inside, body: bytes, kind: str | None, status: int) -> None:
    """No files, nothing that a page of another site may send without asking, and a bound that the answer names."""
    answer = ask(inside, "POST /swarm", body=body, Content_Type=kind)  # type: ignore[arg-type]  # a body is bytes

    assert answer.status_code == status
    assert [sent for _, _, sent in inside.reached] == ([body] if status == 200 else [])
    assert status != 413 or "65,536 bytes" in answer.text


def test_a_body_of_unknown_length_has_the_same_bound(inside: Inside) -> None:
    """It is read up to the bound, and no further."""
    door = Door(inside, AllowedHosts(), Tokens("loadtest"))

    class Endless:
        taken = 0

        def read(self, size: int) -> bytes:
            self.taken += size
            return b"x" * size

    stream = Endless()
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/swarm",
        "HTTP_HOST": HOST,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": stream,
    }

    door(environ, lambda status, *_: said.append(status))  # type: ignore[arg-type, func-returns-value]

    assert (said, stream.taken, inside.reached) == (["413 Request Entity Too Large"], LONGEST_BODY + 1, [])


@pytest.fixture
def tokens() -> Tokens:
    """Return both tokens."""
    return Tokens("loadtest", Token(TOKEN), Token(READ_TOKEN))


def test_with_a_token_only_the_log_in_is_open(inside: Inside, tokens: Tokens) -> None:
    """The page at / answers 200, so that a container is healthy, and asks for the token."""
    found = {route: ask(inside, route, tokens).status_code for route in ROUTES}

    assert found == {**dict.fromkeys(ROUTES, 401), "GET /": 200}
    assert inside.reached == []
    page = ask(inside, "GET /", tokens)
    assert '<form method="post" action="login">' in page.text
    assert "LOADTEST_TOKEN" in page.text
    assert ask(inside, "GET /breaker/progress", tokens).headers["WWW-Authenticate"] == "Bearer"
    assert ask(inside, "HEAD /", tokens).get_data() == b""


@pytest.mark.parametrize(
    ("sent", "reading", "changing"),
    [
        (f"Bearer {TOKEN}", 200, 200),
        (f"bearer {TOKEN}", 200, 200),
        (f"Bearer {READ_TOKEN}", 200, 403),
        (f"Bearer {TOKEN}x", 401, 401),
        ("Bearer ", 401, 401),
        (TOKEN, 401, 401),
        (f"Basic {TOKEN}", 401, 401),
        ("Bearer \udc80", 401, 401),
    ],
)
def test_programs_send_the_token(inside: Inside, tokens: Tokens, sent: str, reading: int, changing: int) -> None:
    """The one for reading starts nothing."""
    assert ask(inside, "GET /breaker/progress", tokens, Authorization=sent).status_code == reading
    assert ask(inside, "POST /swarm", tokens, Authorization=sent).status_code == changing


def test_a_browser_logs_in_and_out(inside: Inside, tokens: Tokens) -> None:
    """The cookie is out of reach of scripts and of other sites, and holds no token."""
    form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": f"http://{HOST}"}
    wrong = ask(inside, "POST /login", tokens, body=b"token=no", **form)  # type: ignore[arg-type]
    many = ask(inside, "POST /login", tokens, body=b"a=1&" * 1000, **form)  # type: ignore[arg-type]
    right = ask(inside, "POST /login", tokens, body=f"token={TOKEN}".encode(), **form)  # type: ignore[arg-type]
    cookie = right.headers["Set-Cookie"]
    kept = cookie.partition(";")[0]

    assert (wrong.status_code, "That is not the token" in wrong.text, many.status_code) == (401, True, 401)
    assert "Set-Cookie" not in wrong.headers
    assert (right.status_code, right.headers["Location"]) == (303, "./")
    assert cookie.endswith("Path=/; HttpOnly; SameSite=Strict")
    assert TOKEN not in cookie
    assert ask(inside, "POST /stop", tokens, Cookie=kept).status_code == 200
    assert ask(inside, "POST /stop", tokens, Cookie=f"{tokens.cookie_name}=x").status_code == 401
    out = ask(inside, "POST /logout", tokens, Cookie=kept)
    assert (out.status_code, "Max-Age=0" in out.headers["Set-Cookie"]) == (303, True)


def test_another_site_cannot_log_in(inside: Inside, tokens: Tokens) -> None:
    """Not even with the right token: it would choose whose session the browser has."""
    form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}

    answer = ask(inside, "POST /login", tokens, body=f"token={TOKEN}".encode(), **form)  # type: ignore[arg-type]

    assert answer.status_code == 403


def test_without_a_token_there_is_nothing_to_log_in_to(inside: Inside) -> None:
    """The form leads back to the page."""
    answer = ask(inside, "POST /login", body=b"token=x", Content_Type="application/x-www-form-urlencoded")  # type: ignore[arg-type]

    assert (answer.status_code, "Set-Cookie" in answer.headers) == (303, False)
    assert Tokens("loadtest").rank_of(None, None) is Rank.OWNER
