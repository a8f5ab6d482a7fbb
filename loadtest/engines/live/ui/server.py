"""Bounds for the server behind Locust's web UI: heads and bodies that come slowly, or never end.

gevent's own handler waits for as long as it takes, and reads whatever is left of a body, however much that is, while
nobody else is served. Knows nothing of Locust, which makes the server itself, with the handler that gevent names.
"""

from __future__ import annotations

import time
from contextlib import suppress
from http import HTTPStatus
from socket import SHUT_WR
from typing import TYPE_CHECKING, Any

import gevent
from gevent import pywsgi

from loadtest.engines.live.ui.door import own_headers, problem
from service.guard.limits import (
    BODY_SILENT_S,
    DROP_FOR_S,
    DROP_UP_TO,
    HEAD_WITHIN_S,
    LONGEST_HEAD,
    LONGEST_HEADER_LINE,
)

if TYPE_CHECKING:
    from typing import IO

_DROP_AT_ONCE = 65_536
# Seconds for an answer whose reader takes nothing.
SEND_SILENT_S = 60.0
# Seconds without a byte after which the sender of a head that was refused has nothing more to say.
_LINGER_S = 1.0
_GEVENTS = {
    "400": "request: its first line or a header is not HTTP/1.1",
    "414": f"request line: longer than {pywsgi.MAX_REQUEST_LINE:,} bytes",
}


class _HeadError(ValueError):
    """A head that is not waited for, or not read to its end."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _Head:
    """What is read of a head, line by line, within its bounds. Raises _HeadError."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = LONGEST_HEAD

    def readline(self, _: int = -1) -> bytes:
        line = self._stream.readline(LONGEST_HEADER_LINE + 1)
        self._left -= len(line)
        if len(line) > LONGEST_HEADER_LINE:
            raise _HeadError(431, f"header line: longer than {LONGEST_HEADER_LINE:,} bytes")
        if self._left < 0:
            raise _HeadError(431, f"head: longer than {LONGEST_HEAD:,} bytes")
        return line


class _NothingLeft:
    """The input of a request of which no more is read."""

    def _discard(self) -> None:
        """Read nothing: gevent calls this after each answer."""


class BoundedHandler(pywsgi.WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """Handles one connection; gevent says which of these methods are for subclasses."""

    wsgi_input: Any

    def read_requestline(self) -> str:
        """Return the first line of a head, '' if none has begun within the time."""
        self._head_timer = gevent.Timeout.start_new(HEAD_WITHIN_S)
        try:
            line: str = super().read_requestline()
        except gevent.Timeout as late:
            self._check_own(late)
            return ""
        if not line:
            self._head_timer.close()
        return line

    def read_request(self, raw_requestline: str) -> Any:
        """Read the rest of the head. Raises ValueError."""
        try:
            read = super().read_request(raw_requestline)
        except gevent.Timeout as late:
            self._check_own(late)
            raise _HeadError(408, f"head: not complete within {HEAD_WITHIN_S:g} s") from late
        finally:
            self._head_timer.close()
        self.socket.settimeout(BODY_SILENT_S)
        return read

    def _check_own(self, late: gevent.Timeout) -> None:
        if late is not self._head_timer:
            raise late

    def MessageClass(self, stream: IO[bytes], *more: Any) -> Any:  # noqa: N802 - gevent's name
        """Read the header lines, which gevent does not bound together."""
        return super().MessageClass(_Head(stream), *more)

    def start_response(self, *arguments: Any, **more: Any) -> Any:
        """Begin the answer: from here on, it is the caller who reads."""
        self.socket.settimeout(SEND_SILENT_S)
        return super().start_response(*arguments, **more)

    def run_application(self) -> None:
        """Answer, then drop what is left of the body, within bounds and without holding up others."""
        try:
            super().run_application()
        finally:
            if not self._drop_rest():
                self.close_connection = True
            self.wsgi_input = _NothingLeft()
            self.socket.settimeout(None)

    def _drop_rest(self) -> bool:
        """Return whether nothing is left, so that the connection can be used again."""
        self.wsgi_input.send_100_continue_enabled = False
        until, left = time.monotonic() + DROP_FOR_S, DROP_UP_TO
        self.socket.settimeout(DROP_FOR_S)
        try:
            while time.monotonic() < until and left > 0:
                dropped = len(self.wsgi_input.read(_DROP_AT_ONCE))
                if not dropped:
                    return True
                left -= dropped
                gevent.sleep(0)
        except OSError:  # the sender has left, is silent, or has sent no right chunks
            return False
        return False

    def handle_one_request(self) -> Any:
        """Serve one request; gevent's own answers to what is no request have no body, and no headers of ours."""
        found = super().handle_one_request()
        if not isinstance(found, tuple):
            return found
        status, said = found
        self._refuse(_as_bytes(int(status), _GEVENTS[status]) if status in _GEVENTS else said)
        return None

    def _handle_client_error(self, ex: Exception) -> Any:
        """Return the answer to a head that is none."""
        if isinstance(ex, _HeadError):
            return f"{ex.status} ", _as_bytes(ex.status, str(ex))
        return super()._handle_client_error(ex)

    def _refuse(self, answer: bytes) -> None:
        """Answer, and take what is still coming: a connection that is closed before loses the answer on its way."""
        left, until = DROP_UP_TO, time.monotonic() + DROP_FOR_S
        with suppress(OSError):
            self.socket.settimeout(_LINGER_S)
            self.socket.sendall(answer)
            self.socket.shutdown(SHUT_WR)
            while left > 0 and time.monotonic() < until:
                dropped = len(self.socket.recv(_DROP_AT_ONCE))
                if not dropped:
                    return
                left -= dropped
                gevent.sleep(0)


def _as_bytes(status: int, detail: str) -> bytes:
    """Return a whole answer."""
    answer = problem(status, detail)
    headers = [*answer.headers.items(), ("Connection", "close"), ("Content-Length", str(len(answer.body)))]
    lines = "".join(f"{name}: {value}\r\n" for name, value in own_headers(headers))
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}\r\n".encode() + answer.body


def bound_servers() -> None:
    """Have every server that this process starts from now on use these bounds."""
    pywsgi.WSGIServer.handler_class = BoundedHandler
