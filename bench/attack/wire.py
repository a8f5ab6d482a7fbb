"""Requests down to the byte, and whatever comes back."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from select import select
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WITHIN_S = 10.0
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class WireAnswer:
    """What came back: a status (0: no answer), headers in lower case, a body; and why there is no answer."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    took_s: float = 0.0
    trouble: str = ""
    closed: bool = False
    sent: int = 0

    @property
    def is_problem(self) -> bool:
        """Whether it is problem details (RFC 9457)."""
        return self.headers.get("content-type", "").startswith("application/problem+json")

    @property
    def refused(self) -> bool:
        """Whether it is a 4xx, or the connection was closed without an answer."""
        return 400 <= self.status < 500 or (self.status == 0 and self.closed)

    def json(self) -> Any:
        """Return the body as JSON, None if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def told(self) -> str:
        """Say what came back, in short."""
        if self.status:
            return f"{self.status} after {self.took_s:.2f} s, {self.body[:80]!r}"
        return f"no answer after {self.took_s:.2f} s ({self.trouble or ('closed' if self.closed else 'silence')})"


def connect(url: str, within_s: float = WITHIN_S) -> socket.socket:
    """Return a connection to the service at `url`. Raises OSError."""
    where = urlsplit(url)
    return socket.create_connection((where.hostname or "", where.port or 80), within_s)


def head(method: str, path: str, headers: Mapping[str, str] | None = None, length: int | None = None) -> bytes:
    """Return a request's head; `headers` come after the usual ones, or in their place."""
    lines = {"Host": "127.0.0.1", "Connection": "close"}
    if length is not None:
        lines |= {"Content-Length": str(length), "Content-Type": "application/json"}
    lines |= dict(headers or {})
    text = "".join([f"{method} {path} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in lines.items())])
    return text.encode("utf-8", "surrogateescape") + b"\r\n"


def ask(
    url: str,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    within_s: float = WITHIN_S,
) -> WireAnswer:
    """Send one request and return its answer; `body`: bytes, or something to be written as JSON. Never raises."""
    sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    own_host = {"Host": urlsplit(url).netloc}
    parts = [head(method, path, own_host | dict(headers or {}), None if sent is None else len(sent)) + (sent or b"")]
    return exchange(url, parts, within_s=within_s, method=method)


def exchange(
    url: str, parts: Iterable[bytes], *, within_s: float = WITHIN_S, method: str = "GET", naive: bool = False
) -> WireAnswer:
    """Send `parts` and read one answer; stop at its end, when the connection closes, or after `within_s`.

    A `naive` caller sends everything before he reads; others stop sending when an answer is there. Never raises.
    """
    began = time.monotonic()
    try:
        connection = connect(url, within_s)
    except OSError as error:
        return WireAnswer(took_s=time.monotonic() - began, trouble=f"not connected: {error}")
    with connection:
        exchanged = _Exchange(connection, began + within_s, method)
        exchanged.run(parts, naive=naive)
    return exchanged.read_answer(time.monotonic() - began)


class _Exchange:
    """One connection on which parts are sent and an answer is read."""

    def __init__(self, connection: socket.socket, until: float, method: str) -> None:
        self._connection = connection
        self._until = until
        self._method = method
        self._got = bytearray()
        self._sent = 0
        self._closed = False
        self._trouble = ""

    def run(self, parts: Iterable[bytes], *, naive: bool) -> None:
        """Send and read."""
        self._connection.setblocking(False)
        try:
            for part in parts:
                if not self._send(part, naive=naive):
                    break
            while not self._is_whole() and not self._closed and self._wait(read=True, write=False):
                self._receive()
        except OSError as error:
            self._trouble = f"{type(error).__name__}: {error}"
            self._closed = True

    def _send(self, part: bytes, *, naive: bool) -> bool:
        """Send one part; return whether there is any sense in sending more."""
        left = memoryview(part)
        while left:
            if not self._wait(read=not naive, write=True):
                return False
            if not naive and select([self._connection], [], [], 0)[0]:
                self._receive()
                if self._closed or self._is_whole():
                    return False
                continue
            try:
                count = self._connection.send(left[: 1 << 18])
            except BlockingIOError:
                continue
            except OSError as error:  # what the service said before it closed may still be there
                self._trouble = f"{type(error).__name__} after {self._sent:,} bytes"
                return False
            self._sent += count
            left = left[count:]
        return True

    def _wait(self, *, read: bool, write: bool) -> bool:
        left = self._until - time.monotonic()
        if left <= 0:
            return False
        readable, writable, _ = select(
            [self._connection] if read else [], [self._connection] if write else [], [], left
        )
        return bool(readable or writable)

    def _receive(self) -> None:
        try:
            data = self._connection.recv(1 << 18)
        except BlockingIOError:
            return
        self._closed = not data
        self._got += data

    def _is_whole(self) -> bool:
        """Say whether a whole final answer is there whose end can be told without the end of the connection."""
        return is_whole(bytes(self._got), self._method)

    def read_answer(self, took_s: float) -> WireAnswer:
        """Return what came."""
        status, headers, body = read_response(bytes(self._got), self._method)
        return WireAnswer(status, headers, body, took_s, self._trouble, self._closed, self._sent)


def is_whole(got: bytes, method: str = "GET") -> bool:
    """Say whether `got` begins with a whole final answer."""
    while got.startswith(b"HTTP/1.1 100"):
        got = got.partition(_END_OF_HEAD)[2]
    lines, found, body = got.partition(_END_OF_HEAD)
    if not found:
        return False
    names = dict(line.lower().split(b":", 1) for line in lines.split(b"\r\n")[1:] if b":" in line)
    if method == "HEAD" or got[9:12] in (b"204", b"304"):
        return True
    if b"chunked" in names.get(b"transfer-encoding", b""):
        return body.endswith(b"0\r\n\r\n")
    length = names.get(b"content-length", b"").strip()
    return length.isdigit() and len(body) >= int(length)


def read_response(got: bytes, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the first answer in `got`; status 0 if there is none."""
    response = HTTPResponse(_Recorded(got), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except HTTPException as error:
        body = getattr(error, "partial", b"")
    except (OSError, ValueError):
        body = b""
    headers = {name.lower(): value for name, value in response.headers.items()} if response.headers else {}
    status = response.status if isinstance(response.status, int) else 0
    return status, headers, body


class _Recorded:
    """Bytes that HTTPResponse takes for a socket."""

    def __init__(self, got: bytes) -> None:
        self._got = got

    def makefile(self, *_: Any) -> BytesIO:
        """Return the bytes as a file."""
        return BytesIO(self._got)
