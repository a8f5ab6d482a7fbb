"""uvicorn's HTTP protocol, one request at a time, with bounds, and with additions that ASGI has no message for."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.guard import limits
from service.guard.crowd import Crowd
from service.guard.patience import Ending, Patience, Step
from service.problems import problem

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, MutableMapping

# The protocol's key in a scope's extensions.
CONNECTION = "breaker_lab.connection"
# l_onoff = 1, l_linger = 0: closing sends RST instead of FIN, and the kernel keeps nothing (socket(7)).
_ABORT = struct.pack("ii", 1, 0)
_NOT_HTTP = "the request is no valid HTTP/1.1"
# Bytes that are read at once: a head that is too large is noticed before all of it has been taken apart.
_SLICE = 8_192
# Bytes that chunks may add to one byte of a body. A chunk of one byte has six.
_MOST_FRAMING = 8


class HeadTooLargeError(Exception):
    """A head is longer than allowed, or one of its lines is, or there are too many of them."""


class OneAtATimeProtocol(HttpToolsProtocol):
    """If a caller sends a second request before the first is answered, answers the first one and closes.

    By RFC 9112, section 9.3.2, the caller has to send the rest of a pipeline again. uvicorn would queue it and stop
    reading, and then not notice that the caller hangs up: the resources of the first request would stay in use.

    A caller has only so much time and space for a request, and for taking the answer. The times are looked at in
    `check_patience`, which the server calls twice a second: uvicorn's own timer of idle connections is not used.
    """

    patience: Patience
    parser: Any
    _on_gone: Callable[[], None] | None = None
    _refuses_more = False
    _came = 0  # bytes since the last message was complete
    _body = 0  # and how many of them are a body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or refuse if there are too many connections."""
        super().connection_made(transport)
        self.patience = Patience(time.monotonic())
        if isinstance(self.server_state, Crowd) and not self.server_state.make_room(self):
            self.refuse(503, f"all {self.server_state.most:,} connections are in use; try again later")

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if len(data) > _SLICE:
            for start in range(0, len(data), _SLICE):
                self.data_received(data[start : start + _SLICE])
            return
        self._came += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:  # nothing here speaks another protocol: the request is served, and is the last one
            self._read_no_more()
        except HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, HeadTooLargeError):
                self.refuse(431, str(cause))
            else:
                self.refuse(400, _NOT_HTTP)
        else:
            if self._came:
                self._check_unfinished()

    def _check_unfinished(self) -> None:
        """Bound what is no body of a message that is not complete: its head, and what chunks and a trailer add."""
        if self._came > limits.DROP_UP_TO + limits.LONGEST_HEAD:
            self.hang_up()
        elif self.headers is not None and len(self.headers) > limits.MOST_HEADER_LINES:
            self.refuse(431, _too_many_lines(len(self.headers)))
        elif self._came - self._body > limits.LONGEST_HEAD + _MOST_FRAMING * self._body:
            self.refuse(431, _too_long_head())

    def on_headers_complete(self) -> None:
        """Begin the request, unless one is under way. Raises HeadTooLargeError."""
        if self.cycle is None or self.cycle.response_complete:
            if self._came > limits.LONGEST_HEADER_LINE or len(self.headers) > limits.MOST_HEADER_LINES:
                _check_head(self.url, self.headers)
            extensions: Any = {CONNECTION: self}
            self.scope["extensions"] = extensions
            super().on_headers_complete()
        else:
            self._refuses_more = True
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Keep the body, unless the request does not read it, or it belongs to a request that is refused.

        uvicorn would stop reading after 64 KiB that nobody takes, and not notice a caller who hangs up.
        """
        self._body += len(body)
        if self._on_gone is None and not self._refuses_more:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Complete the request under way, and no other."""
        self._came = self._body = 0
        if not self._refuses_more:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Make ready for the next request. uvicorn would set a timer here, and cancel it with the next byte."""
        self.server_state.total_requests += 1
        if self.flow.read_paused and not self.transport.is_closing():
            self.flow.resume_reading()

    def call_when_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when the caller hangs up, or at once if it has; return a function that undoes this.

        Drops the request's body.

        Using the protocol, instead of a task that waits for ASGI's message, saves 9 us of the 151 us of processor time
        that a request takes.
        """
        self._on_gone = callback
        self.cycle.body.clear()
        self.flow.resume_reading()
        if self.cycle.disconnected:
            callback()
        return self._drop_callback

    def _drop_callback(self) -> None:
        self._on_gone = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Call the callback, if there is one."""
        super().connection_lost(exc)
        self._call_gone()
        # Break the cycle: otherwise the connection would stay in memory until the next garbage collection.
        if self.scope is not None:
            self.scope.pop("extensions", None)

    def _call_gone(self) -> None:
        callback, self._on_gone = self._on_gone, None
        if callback is not None:
            callback()

    def step(self) -> Step:
        """Return what the connection waits for."""
        cycle = self.cycle
        if self._ends():
            return Step.END
        if cycle is None or (cycle.scope is not self.scope and cycle.response_complete):
            return Step.FIRST_HEAD if self.scope is None else Step.HEAD
        if cycle.response_complete:
            return Step.REST_OF_BODY if cycle.more_body else Step.NEXT_HEAD
        return Step.BODY if cycle.more_body and not self.flow.read_paused else Step.ANSWER

    def _ends(self) -> bool:
        """Return whether all is said: what still comes is dropped, so that the caller can read the answer."""
        cycle = self.cycle
        has_left = isinstance(self.parser, _Dropped) and (
            cycle is None or cycle.response_complete or cycle.disconnected
        )
        return has_left or self.transport.is_closing()

    def check_patience(self, now: float) -> None:
        """End the connection if its caller takes too long; `now` is in seconds of the monotonic clock."""
        unsent = self.transport.get_write_buffer_size()
        ending = self.patience.judge(now, self.step(), self.headers, self._came, unsent)
        if ending is None:
            return
        if ending.is_told:
            self.refuse(408, ending.detail)
        elif ending is Ending.IDLE:
            self.transport.close()
        else:
            if ending is Ending.NOT_TAKEN and isinstance(self.server_state, Crowd):
                self.server_state.resets.count(now, unsent=unsent)
            self.hang_up()

    def refuse(self, status: int, detail: str) -> None:
        """Answer with a problem, if that is possible, and leave.

        What is wrong with the next request is no matter of the one under way, which is answered first.
        """
        if self._ends():
            return
        if isinstance(self.server_state, Crowd):
            self.server_state.refusals.count(time.monotonic(), status=status, detail=detail)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                self._read_no_more()
                return
            if cycle.response_started:
                self.hang_up()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self._write_problem(status, detail)
        self.parser = _Dropped()
        self.transport.write_eof()  # so that he can read the answer before the connection is gone
        self._call_gone()

    def _write_problem(self, status: int, detail: str) -> None:
        answer = problem(status, detail, {"Connection": "close", "X-Content-Type-Options": "nosniff"})
        lines = [STATUS_LINE[status]]
        for name, value in answer.raw_headers:
            lines += (name, b": ", value, b"\r\n")
        self.transport.write(b"".join([*lines, b"\r\n", bytes(answer.body)]))

    def _read_no_more(self) -> None:
        """Answer the request under way, and drop all that comes after it."""
        self._refuses_more = True
        self.cycle.keep_alive = False
        self.parser = _Dropped()

    def shutdown(self) -> None:
        """End as soon as the request under way is answered, or at once if all is said."""
        if self.step() is Step.END:
            self.transport.abort()
        else:
            super().shutdown()

    def hang_up(self) -> None:
        """Reset the connection; data that the caller has not read yet is lost."""
        raw: socket.socket | None = self.transport.get_extra_info("socket")
        # If the caller hangs up at the same moment, the transport is closing, and its descriptor may already be reused.
        if raw is not None and not self.transport.is_closing():
            with suppress(OSError, ValueError):  # it may have been closed since
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.transport.abort()

    def bound_unsent(self, in_kernel: int) -> None:
        """Let the kernel keep only so many bytes for the caller, and nothing be sent before it has taken the last."""
        self.transport.set_write_buffer_limits(high=0)
        raw: socket.socket | None = self.transport.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError, ValueError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, in_kernel)

    def send_answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Send a whole answer with one write, if possible now; return whether it was sent.

        `head`: the lines of the headers, each with its end. The bytes are those of ASGI's two messages. uvicorn would
        make two writes, and search each header for forbidden characters; here the calling code guarantees valid
        headers, including the content's length. One write instead of two messages saves 5.6 us of the 32 us of
        processor time that a refused request takes.
        """
        cycle = self.cycle
        if self.flow.write_paused or cycle.disconnected or cycle.response_started or cycle.scope["method"] == "HEAD":
            return False
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], head, end, body)))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True


class _Dropped:
    """In the place of a parser where nothing more is read."""

    def feed_data(self, data: bytes) -> None:
        """Drop what comes."""


def connection_of(scope: MutableMapping[str, Any]) -> OneAtATimeProtocol | None:
    """Return the protocol that serves the request; none with another server, or without one in a test."""
    found = scope.get("extensions", {}).get(CONNECTION)
    return found if isinstance(found, OneAtATimeProtocol) else None


def _check_head(url: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    lines = [len(url), *(len(name) + len(value) for name, value in headers)]
    if len(headers) > limits.MOST_HEADER_LINES:
        raise HeadTooLargeError(_too_many_lines(len(headers)))
    if max(lines) > limits.LONGEST_HEADER_LINE:
        raise HeadTooLargeError(f"head: a line of {max(lines):,} bytes; allowed: {limits.LONGEST_HEADER_LINE:,}")
    if sum(lines) > limits.LONGEST_HEAD:
        raise HeadTooLargeError(_too_long_head())


def _too_long_head() -> str:
    return f"head: too long; allowed: at most {limits.LONGEST_HEAD:,} bytes"


def _too_many_lines(lines: int) -> str:
    return f"head: {lines:,} lines; allowed: at most {limits.MOST_HEADER_LINES}"
