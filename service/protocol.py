"""uvicorn's HTTP protocol, one request at a time."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneAtATimeProtocol(HttpToolsProtocol):
    """Answers the request that is under way and then closes, when a caller sends a second one before its answer.

    RFC 9112, section 9.3.2, leaves the rest of a pipeline to the caller to send again. uvicorn would queue it and stop
    reading, and then not notice that the caller hangs up: what the first request holds would stay taken.
    """

    def on_headers_complete(self) -> None:
        """Begin the request, unless one is under way."""
        if self.cycle is None or self.cycle.response_complete:
            super().on_headers_complete()
        else:
            self.cycle.keep_alive = False
