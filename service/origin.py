"""Refuse changes by the page of another site, which a browser would send without asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class OwnPagesOnly:
    """Refuses a request that writes and whose `Origin` is not this service (RFC 6454). Programs send no `Origin`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or answer 403."""
        if scope["type"] == "http" and scope["method"] not in _READING:
            headers = dict(scope["headers"])
            origin = headers.get(b"origin", b"").decode("latin-1")
            host = headers.get(b"host", b"").decode("latin-1")
            if origin and origin.partition("://")[2].lower() != host.lower():
                detail = (
                    f"Origin: got {origin!r:.80}; allowed: a page of this service ({host!r:.80}), or no Origin at all"
                )
                await problem(403, detail)(scope, receive, send)
                return
        await self._app(scope, receive, send)
