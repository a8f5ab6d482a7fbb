"""Raw sockets against both services: callers who send slowly, or too much, or do not read, and the others meanwhile."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
PATIENCE_S = 20
GET = b"GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n"
SHORT = {"HEAD_WITHIN_S": 1, "BODY_SILENT_S": 1, "BODY_WITHIN_S": 2, "DROP_FOR_S": 1}


class Limited:
    """A service with short limits, and what it wrote to its log."""

    def __init__(self, module: str, log: Path, variables: dict[str, str], limits: dict[str, float]) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("CLIENT_", "BACKEND_"))}
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(HERE / "short_limits.py"),
                    module,
                    *(f"{name}={value}" for name, value in limits.items()),
                ],
                env={**own, f"{module.upper()}_PORT": "0", f"{module.upper()}_LOG__LEVEL": "warning", **variables},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().partition(": ")[2].strip()

    def connect(self, receive_buffer: int = 0) -> socket.socket:
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", int(self.url.rpartition(":")[2])))
        return connection

    def get(self, path: str) -> Any:
        answer = httpx.get(self.url + path, trust_env=False, timeout=PATIENCE_S)
        assert answer.status_code == 200
        return answer.json()

    def lines(self) -> list[str]:
        """Return what was logged: the names of the events."""
        return [line.split()[3] for line in self.log.read_text(encoding="utf-8").splitlines()]


Start = "Callable[..., Limited]"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Limited]]:
    with ExitStack() as at_end:

        def begin(module: str, variables: dict[str, str] | None = None, **limits: float) -> Limited:
            service = Limited(module, tmp_path / f"{module}.log", variables or {}, limits)

            def end() -> None:
                service.process.terminate()
                service.process.communicate(timeout=PATIENCE_S)

            at_end.callback(end)
            return service

        yield begin


def read_all(connection: socket.socket) -> bytes:
    """Read to the end of the connection, however it ends."""
    said = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            said += piece
    return said


def problem_in(said: bytes) -> tuple[int, str]:
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.split(b"\r\n"), said[:200]
    found = json.loads(body)
    return found["status"], found["detail"]


def drip(connection: socket.socket, data: bytes, every_s: float = 0.1) -> bytes:
    """Send byte after byte until the other side ends it; return what it said."""
    connection.settimeout(every_s)
    said = b""
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
            piece = connection.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            break
        if not piece:
            break
        said += piece
    return said


@pytest.mark.parametrize("module", ["client", "backend"])
def test_a_slow_caller_is_told_and_left(start: Callable[..., Limited], module: str) -> None:
    """A new connection that says nothing, a head that drips, a body that stops, one that drips: 408 each, in time."""
    service = start(module, **SHORT)
    body = b"PATCH /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    late, silent, slow = "head: not there within 1 s", "body: no byte came for 1 s", "body: not there within 2 s"
    with ExitStack() as stack:
        idle, head, stops, drips = (stack.enter_context(service.connect()) for _ in range(4))
        began = time.monotonic()
        said: dict[str, bytes] = {}
        stops.sendall(body + b"{")
        drips.sendall(body)

        def drip_into(name: str, connection: socket.socket, data: bytes) -> None:
            said[name] = drip(connection, data)

        threads = [
            threading.Thread(target=drip_into, args=("head", head, b"GET /data HTTP/1.1\r\nA: " + b"x" * 90)),
            threading.Thread(target=drip_into, args=("drips", drips, b"x" * 90)),
        ]
        for each in threads:
            each.start()
        said["idle"], said["stops"] = read_all(idle), read_all(stops)
        took_s = time.monotonic() - began
        for each in threads:
            each.join()

    assert {name: problem_in(each) for name, each in said.items()} == {
        "idle": (408, late),
        "head": (408, late),
        "stops": (408, silent),
        "drips": (408, slow),
    }
    assert 0.9 < took_s < 4
    assert service.lines() == ["request_refused"]


@pytest.mark.parametrize("module", ["client", "backend"])
def test_a_huge_head_is_refused_in_words(start: Callable[..., Limited], module: str) -> None:
    """431, and the caller can read it though he sends megabytes more; garbage is a 400. The service says one line."""
    service = start(module)
    id_ = b"GET /data HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: " + b"x" * 129 + b"\r\nConnection: close\r\n\r\n"
    found = []
    for request in (
        b"GET /data HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 8_192 + b"\r\n\r\n",
        b"GET /data HTTP/1.1\r\n" + b"A: x\r\n" * 101 + b"\r\n",
        b"GET /data HTTP/1.1\r\nA: " + b"x" * 5_000_000,
        b"GET /" + b"x" * 5_000_000,
        b"GET /data HTTP/1.1\r\n" + b"A: x\r\n" * 500_000,
        b"PUT /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: x\r\n" * 500_000,
        id_,
        b"\x16\x03\x01 hello\r\n\r\n",
    ):
        with service.connect() as connection:
            connection.sendall(request)
            found.append(problem_in(read_all(connection)))

    assert found == [
        (431, "head: a line of 8,193 bytes; allowed: 8,192"),
        (431, "head: 101 lines; allowed: at most 100"),
        (431, "head: too long; allowed: at most 65,536 bytes"),
        (431, "head: too long; allowed: at most 65,536 bytes"),
        found[4],
        found[5],
        (431, "X-Request-Id: got 129 characters; allowed: at most 128 characters"),
        (400, "the request is no valid HTTP/1.1"),
    ]
    assert all(status == 431 and "lines; allowed: at most 100" in detail for status, detail in found[4:6])
    assert service.get("/health") == {"status": "ok"}
    assert service.lines() == ["request_refused"]


def test_a_connection_that_had_a_request_may_idle(start: Callable[..., Limited]) -> None:
    """Beyond the time for a head; then to its own end, which comes without a word."""
    service = start("backend", **SHORT, KEEP_ALIVE_S=3)
    with service.connect() as connection:
        for _ in range(2):
            connection.sendall(GET)
            said = b""
            while not said.endswith(b"}"):
                said += connection.recv(65536)
            time.sleep(1.8)
        began = time.monotonic()
        assert read_all(connection) == b""
        assert time.monotonic() - began < 3
    assert service.lines() == []


@pytest.mark.parametrize("open_files", [0, 300])
def test_a_thousand_idle_connections_keep_nobody_out(start: Callable[..., Limited], open_files: int) -> None:
    """Half of them in the middle of a head; also where only so many files may be open. The log has a line, not more."""
    service = start("backend", **({"OPEN_FILES": open_files} if open_files else {}))
    with ExitStack() as stack:
        for number in range(1000):
            connection = stack.enter_context(service.connect())
            with suppress(OSError):
                connection.sendall(b"GET /data HT" if number % 2 else b"")
        longest_s = 0.0
        for _ in range(50):
            began = time.monotonic()
            assert service.get("/data")["data"] == "fresh from the backend"
            longest_s = max(longest_s, time.monotonic() - began)

    assert longest_s < 1
    assert service.lines() == (["too_many_connections"] if open_files else [])


@pytest.fixture
def large() -> Iterator[str]:
    """Return the URL of a backend whose answers have eight megabytes."""
    body = b"x" * 8_000_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_an_answer_that_nobody_takes_does_not_stay_in_memory(start: Callable[..., Limited], large: str) -> None:
    """One caller does not read, one reads a byte now and then: both are cut off, one who reads gets all of it."""
    client = start("client", {"CLIENT_BACKEND_URL": large}, ANSWER_STUCK_S=1, ANSWER_WITHIN_S=5)
    with client.connect(4096) as never, client.connect(4096) as slow, client.connect() as sound:
        for each in (never, slow, sound):
            each.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert len(read_all(sound)) > 8_000_000
        until = time.monotonic() + PATIENCE_S
        while client.lines() == [] and time.monotonic() < until:
            slow.recv(1)
            time.sleep(0.1)
        time.sleep(2)
        assert len(read_all(never)) < 8_000_000
        assert len(read_all(slow)) < 8_000_000

    assert client.lines() == ["answer_not_taken"]


@pytest.mark.parametrize("how", ["each", "sampled"])
@pytest.mark.parametrize("reads", [False, True], ids=["never reads", "a byte now and then"])
def test_readers_who_do_not_read_lose_their_seats(start: Callable[..., Limited], how: str, *, reads: bool) -> None:
    """Ten seats, all taken by such readers: calls go on as before, and the seats come back; the log has one line."""
    backend = start("backend")
    client = start("client", {"CLIENT_BACKEND_URL": backend.url}, MOST_STREAMS=10, STREAM_BEHIND_S=1)
    with ExitStack() as stack:
        streams = [stack.enter_context(client.connect(2048)) for _ in range(10)]
        for each in streams:
            each.sendall(b"GET /events?calls=%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % how.encode())
            assert each.recv(12) == b"HTTP/1.1 200"
        refused = httpx.get(client.url + "/events", trust_env=False)
        assert (refused.status_code, refused.json()["detail"][:34]) == (503, "all 10 event streams are in use; t")
        with httpx.Client(base_url=client.url, trust_env=False) as calls:
            until = time.monotonic() + 3 * PATIENCE_S
            while (stats := client.get("/stats"))["dropped_streams"] < 10 and time.monotonic() < until:
                for _ in range(100):
                    calls.get("/data")
                if reads:
                    for each in streams:
                        with suppress(OSError):
                            each.recv(1)
    assert (stats["dropped_streams"], stats["open_streams"]) == (10, 0)
    with client.connect() as page:
        page.sendall(b"GET /events?calls=sampled HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert page.recv(12) == b"HTTP/1.1 200"
    assert client.lines() == ["stream_dropped"]


def test_a_page_finds_a_seat_beside_programs_that_have_them_all(start: Callable[..., Limited]) -> None:
    """At once, though nothing happens that they could be behind with."""
    client = start("client", MOST_STREAMS=10)
    with ExitStack() as stack:
        for _ in range(10):
            stream = stack.enter_context(client.connect())
            stream.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert stream.recv(12) == b"HTTP/1.1 200"
        page = stack.enter_context(client.connect())
        page.sendall(b"GET /events?calls=sampled HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert page.recv(12) == b"HTTP/1.1 200"
        assert client.get("/stats")["open_streams"] == 10


def test_readers_who_do_not_read_do_not_keep_the_client_from_ending(start: Callable[..., Limited]) -> None:
    """SIGTERM: their connections are cut, and nobody waits for them."""
    backend = start("backend")
    client = start("client", {"CLIENT_BACKEND_URL": backend.url}, STREAM_BEHIND_S=1000, STREAM_BEHIND=10**9)
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(client.connect(2048)).sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stack.enter_context(client.connect()).sendall(b"GET /data HT")
        with httpx.Client(base_url=client.url, trust_env=False) as calls:
            for _ in range(2000):
                calls.get("/data")
        asked = time.monotonic()
        client.process.terminate()
        client.process.communicate(timeout=PATIENCE_S)
        took_s = time.monotonic() - asked

    assert took_s < 2.5
    assert client.lines() == []
