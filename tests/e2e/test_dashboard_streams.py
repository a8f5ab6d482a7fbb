"""What the dashboard's routes take from callers who are many, slow or unkind, and from a backend that hangs."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from loadtest.engines.live.services import child
from service.guard.limits import MOST_STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0"}


@pytest.fixture(scope="module")
def hung() -> Iterator[str]:
    """Return the URL of a backend that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, hung: str) -> Iterator[str]:
    log = tmp_path_factory.mktemp("streams") / "log"
    with child("client", {**WHERE, "CLIENT_BACKEND_URL": hung, "CLIENT_TIMEOUT__TOTAL_S": "0.3"}, log) as url:
        yield url
    assert log.read_bytes() == b""  # nobody's hang-up is worth a word


def listen(url: str, *, small: bool = False) -> socket.socket:
    """Open an event stream; return its connection once the first batch is there, or the refusal."""
    connection = socket.socket()
    if small:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.settimeout(5)
    connection.connect(("127.0.0.1", int(url.rpartition(":")[2])))
    connection.sendall(b"GET /events?calls=sampled HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return connection


def head(connection: socket.socket) -> str:
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(1000)
    return said.decode()


def ask(method: str, url: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_there_is_room_for_many_listeners_and_an_end_to_it(client: str) -> None:
    """A hundred, none of whom reads; one more is refused with words; who leaves makes room; all answers come."""
    with ExitStack() as open_ones:
        streams = [open_ones.enter_context(listen(client, small=True)) for _ in range(MOST_STREAMS)]
        assert {head(each).split("\r\n")[0] for each in streams} == {"HTTP/1.1 200 OK"}
        status, said = ask("GET", f"{client}/events?calls=sampled")
        assert (status, said["detail"]) == (
            503,
            f"all {MOST_STREAMS} event streams are in use; try again when one is closed",
        )
        assert ask("GET", f"{client}/health") == (200, {"status": "ok"})
        streams[0].close()
        assert opens(client)
    assert opens(client)


def opens(url: str, within_s: float = 5) -> bool:
    """Say whether an event stream can be opened, soon."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with listen(url) as another:
            if head(another).startswith("HTTP/1.1 200 OK"):
                return True
        time.sleep(0.05)
    return False


def test_a_way_of_listening_that_there_is_not(client: str) -> None:
    """422, with what there is."""
    assert opens(client)
    status, said = ask("GET", f"{client}/events?calls=some")

    assert (status, "'each' or 'sampled'" in said["detail"]) == (422, True)


def test_a_backend_that_hangs_does_not_hang_the_page(client: str) -> None:
    """The relay gives up after three seconds, and says so; the breaker's own routes answer meanwhile."""
    began = time.monotonic()
    answer = ask("GET", f"{client}/backend/faults")

    assert (answer[0], answer[1]["detail"]) == (504, "the backend did not answer within 3 s")
    assert 2.9 < time.monotonic() - began < 9  # it hangs for good


def test_a_body_of_ten_megabytes_is_refused(client: str) -> None:
    """Before the backend hears of it."""
    status, said = ask("PUT", f"{client}/backend/faults", b" " * 10_000_000)

    assert (status, said["limit_bytes"]) == (413, 1_048_576)
