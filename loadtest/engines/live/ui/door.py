"""The door of Locust's web server: whatever comes in passes it, whatever goes out gets its headers. Plain WSGI.

It stands before Flask, so a route that a new version of Locust adds is behind it, too. A browser says which page made
it ask: `Origin`, `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/) or, if it is old, `Referer`. A program such
as curl sends none of them.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from service.guard.limits import BODY_SILENT_S, LONGEST_BODY
from service.guard.pages import PAGE_HEADERS, login_page
from service.guard.tokens import Rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from service.guard.hosts import AllowedHosts
    from service.guard.tokens import Tokens

    Environ = dict[str, Any]
    StartResponse = Callable[..., Callable[[bytes], object]]
    Application = Callable[[Environ, StartResponse], Iterable[bytes]]

FORM = "application/x-www-form-urlencoded"
# A log-in has one field.
_MOST_LOGIN_FIELDS = 10
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# Pages that a link from elsewhere may open in a tab of its own: its reader sees them, the other page does not.
_FRONT = "/"
_RUNS = "/results"
_POLICY = "Content-Security-Policy"
# For what is no page: nothing in it runs, even if somebody opens it in a tab.
_NOTHING_RUNS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_ON_EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_TITLE = "Breaker Lab: load generator"
VARIABLE, READ_VARIABLE, HOSTS_VARIABLE = "LOADTEST_TOKEN", "LOADTEST_READ_TOKEN", "LOADTEST_ALLOWED_HOSTS"


class OwnAnswer(NamedTuple):
    """An answer that the door gives itself."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Door:
    """Lets in a page of this server and programs, and asks them for the token where one is set."""

    def __init__(self, app: Application, hosts: AllowedHosts, tokens: Tokens) -> None:
        self._app = app
        self._hosts = hosts
        self._tokens = tokens

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
            return start_response(status, own_headers(headers), *more)

        answer = self._refuse_stranger(environ) or self._refuse_body(environ) or self._ask_for_token(environ)
        if answer is None:
            return self._app(environ, start)
        status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        start(status, [*answer.headers.items(), ("Content-Length", str(len(answer.body)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def _refuse_stranger(self, environ: Environ) -> OwnAnswer | None:
        """Refuse a name that is not ours, and what the page of another site has made a browser send."""
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        if not self._hosts.allows_host(host):
            own = f"one name of this server, which are localhost, 127.0.0.1, and the names in {HOSTS_VARIABLE}"
            return problem(403, f"Host: {'missing' if host is None else f'got {host!r:.80}'}; allowed: {own}")
        own = f"a page of this server ({host!r:.80}), or a program"
        if not self._hosts.allows_origin(origin, host):
            return problem(403, f"Origin: got {origin!r:.80}; allowed: {own}")
        site, referer = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_REFERER")
        if site not in (None, "same-origin", "none") and not _follows_link(environ):
            return problem(403, f"Sec-Fetch-Site: got {site!r:.80}; allowed: {own}")
        if site is None and referer is not None and not self._hosts.allows_origin(_origin_of(referer), host):
            return None if _asks_for_page(environ) else problem(403, f"Referer: got {referer!r:.80}; allowed: {own}")
        return None

    def _refuse_body(self, environ: Environ) -> OwnAnswer | None:
        """Read the body within its bound; refuse one that is longer, and whatever is no form, such as a file."""
        if environ["REQUEST_METHOD"] in _READING:
            return None
        length, stream = environ.get("CONTENT_LENGTH") or "", environ["wsgi.input"]
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        known = int(length) if length.isascii() and length.isdigit() and len(length) <= 20 else 0
        try:
            body = b"" if known > LONGEST_BODY else stream.read(LONGEST_BODY + 1 if chunked else known)
        except TimeoutError:
            return problem(408, f"body: no byte for {BODY_SILENT_S:g} s", {"Connection": "close"})
        except OSError as error:  # its sender has left, or sends no right chunks
            return problem(400, f"body: cannot be read: {error}", {"Connection": "close"})
        if max(known, len(body)) > LONGEST_BODY:
            return problem(413, f"body: longer than {LONGEST_BODY:,} bytes", {"Connection": "close"})
        kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if body and kind != FORM:
            return problem(415, f"Content-Type: got {kind!r:.80}; allowed: {FORM}, without files")
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return None

    def _ask_for_token(self, environ: Environ) -> OwnAnswer | None:
        """Answer the log-in, and whoever has not logged in."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method == "POST" and path == "/login":
            return self._log_in(environ)
        if method == "POST" and path == "/logout":
            return OwnAnswer(303, {"Location": "./", "Set-Cookie": self._tokens.forgotten_cookie()}, b"")
        rank = self._tokens.rank_of(environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_COOKIE"))
        if rank is Rank.OWNER or (rank is Rank.READER and method in _READING):
            return None
        if rank is Rank.READER:
            detail = f"{READ_VARIABLE} is for reading; this needs the value of {VARIABLE}"
            return problem(403, detail, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
        if method in ("GET", "HEAD") and path in ("", _FRONT):
            return _login_answer(200)
        either = f" or {READ_VARIABLE}" if self._tokens.guards_reading and method in _READING else ""
        return problem(401, f"Authorization: needs `Bearer` and the value of {VARIABLE}{either}", _CHALLENGE)

    def _log_in(self, environ: Environ) -> OwnAnswer:
        if not self._tokens.guards_change:
            return OwnAnswer(303, {"Location": "./"}, b"")
        try:
            fields = parse_qs(environ["wsgi.input"].read().decode("latin-1"), max_num_fields=_MOST_LOGIN_FIELDS)
        except ValueError:  # too many
            fields = {}
        rank = self._tokens.rank_of_typed(fields.get("token", [""])[-1])
        if rank is Rank.STRANGER:
            return _login_answer(401)
        return OwnAnswer(303, {"Location": "./", "Set-Cookie": self._tokens.cookie_for(rank)}, b"")


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> OwnAnswer:
    """Return problem details (RFC 9457), with `message` for Locust's page."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    text = json.dumps({**body, "success": False, "message": detail})
    return OwnAnswer(status, {"Content-Type": "application/problem+json", **(headers or {})}, text.encode())


def _login_answer(status: int) -> OwnAnswer:
    page = login_page(_TITLE, VARIABLE, wrong=status != 200).encode()
    challenge = {} if status == 200 else _CHALLENGE
    return OwnAnswer(status, {"Content-Type": "text/html; charset=utf-8", **PAGE_HEADERS, **challenge}, page)


def _follows_link(environ: Environ) -> bool:
    """Return whether a person has followed a link to a page, in a tab: it is no image, no frame and no fetch."""
    how = environ.get("HTTP_SEC_FETCH_MODE"), environ.get("HTTP_SEC_FETCH_DEST")
    return "HTTP_ORIGIN" not in environ and how == ("navigate", "document") and _asks_for_page(environ)


def _asks_for_page(environ: Environ) -> bool:
    path = environ.get("PATH_INFO", "")
    return environ["REQUEST_METHOD"] == "GET" and (path in (_FRONT, _RUNS) or path.startswith(f"{_RUNS}/"))


def _origin_of(referer: str) -> str:
    """Return the origin of a page's address; what is none is no origin of ours."""
    try:
        parts = urlsplit(referer)
    except ValueError:
        return referer
    return f"{parts.scheme}://{parts.netloc}"


def own_headers(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return an answer's headers with those that every answer has, and without leave for other origins."""
    kept = [
        (name, value)
        for name, value in headers
        if not name.lower().startswith("access-control-") and name.title() not in _ON_EVERY_ANSWER
    ]
    policy = [] if any(name.lower() == _POLICY.lower() for name, _ in kept) else [(_POLICY, _NOTHING_RUNS)]
    return [*kept, *policy, *_ON_EVERY_ANSWER.items()]
