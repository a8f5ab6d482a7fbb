"""Who may ask a service for what: the Host first, then the Origin, then the token, all before a body is read."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from service.guard.body import answer_early
from service.guard.limits import MOST_HOSTS_REMEMBERED
from service.guard.settings import hosts_of, tokens_of
from service.guard.tokens import Rank
from service.problems import problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from service.guard.settings import AccessSettings

    Headers = Iterable[tuple[bytes, bytes]]

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Asks(Enum):
    """What a route asks for where a token is set."""

    NOTHING = "nothing"
    READING = "either token, if there is one for reading"
    EITHER = "either token"
    CHANGE = "the token"


# Every other route is for reading or for changes, as its method says.
_OPEN = frozenset({"/", "/data", "/health", "/login", "/logout"})
_PAGE_FILES = "/dashboard/"
# What the client does or asks on behalf of a caller: not even a look at it is open.
_ON_BEHALF = ("/traffic", "/backend/")
# A stream occupies a seat, so a page of another site may not open one.
_STREAM = "/events"


def what_route_asks(method: str, path: str) -> Asks:
    """Return what a request has to show where a token is set."""
    if path in _OPEN or path.startswith(_PAGE_FILES):
        return Asks.NOTHING
    if method not in _READING:
        return Asks.CHANGE
    return Asks.EITHER if path.startswith(_ON_BEHALF) else Asks.READING


class Access:
    """The hosts and the tokens of one service, and what is said to whoever does not get in.

    `service` is its name in lower case, and that of its variables; `bound_to` the name or address it listens on.
    """

    def __init__(self, settings: AccessSettings, service: str, bound_to: str) -> None:
        self.service = service
        self.variable = f"{service.upper()}_TOKEN"
        self._read_variable = f"{service.upper()}_READ_TOKEN"
        self._hosts = hosts_of(settings, bound_to)
        self.tokens = tokens_of(settings, service)
        self._good: set[bytes] = set()

    def knows_host(self, headers: Headers) -> bool:
        """Return whether the one Host header names this service. A look into a set, for all requests but the first."""
        host: bytes | None = None
        for name, value in headers:
            if name == b"host":
                if host is not None:
                    return False
                host = value
        return host in self._good or self._is_good(host)

    def _is_good(self, host: bytes | None) -> bool:
        if host is None or not self._hosts.allows_host(host.decode("latin-1")):
            return False
        if len(self._good) < MOST_HOSTS_REMEMBERED:
            self._good.add(host)
        return True

    def rank_of(self, headers: Headers) -> Rank:
        """Return what the sender of these headers may do."""
        return self.tokens.rank_of(_value(headers, b"authorization"), _value(headers, b"cookie"))

    def find_refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that does not get in; none if it does."""
        headers, method, path = scope["headers"], scope["method"], scope["path"]
        if not self.knows_host(headers):
            return self._refuse_host(_value(headers, b"host"))
        origin = _value(headers, b"origin")
        if origin is not None and (method not in _READING or path == _STREAM):
            host = _value(headers, b"host")
            if not self._hosts.allows_origin(origin, host):
                own = f"a page of this service ({host!r:.80}), or no Origin at all"
                return problem(403, f"Origin: got {origin!r:.80}; allowed: {own}")
        return self._refuse_rank(headers, what_route_asks(method, path)) if self.tokens.guards_change else None

    def _refuse_host(self, host: str | None) -> Response:
        got = "missing" if host is None else f"got {host!r:.80}"
        own = f"localhost, 127.0.0.1, and the names in {self.service.upper()}_ALLOWED_HOSTS"
        return problem(400, f"Host: {got}; allowed: one name of this service, which are {own}")

    def _refuse_rank(self, headers: Headers, asks: Asks) -> Response | None:
        if asks is Asks.NOTHING or (asks is Asks.READING and not self.tokens.guards_reading):
            return None
        rank = self.rank_of(headers)
        if rank is Rank.OWNER or (rank is Rank.READER and asks is not Asks.CHANGE):
            return None
        if rank is Rank.READER:
            detail = f"{self._read_variable} is for reading; this needs the value of {self.variable}"
            return problem(403, detail, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
        either = f" or {self._read_variable}" if self.tokens.guards_reading and asks is not Asks.CHANGE else ""
        return problem(401, f"Authorization: {self.asks_for(either)}", {"WWW-Authenticate": "Bearer"})

    def asks_for(self, either: str = "") -> str:
        """Return what a program has to send."""
        return f"needs `Bearer` and the value of {self.variable}{either}"


class GuardedAccess:
    """Serves the requests that `access` lets in, and answers the others before anything of their body is read."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        refusal = self._access.find_refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await answer_early(refusal, scope, receive, send)


def _value(headers: Headers, wanted: bytes) -> str | None:
    """Return the value of a header; of several, all between commas, which is no valid host, origin or token."""
    found = [value.decode("latin-1") for name, value in headers if name == wanted]
    return ",".join(found) if found else None
