"""The health check of the containers: what it takes for an answer, and what it does not import."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from service.probe import ask


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.0 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "answered 'HTTP/1.1 503 Service Unavailable'"),
        (b"", "answered ''"),
        (b"\xff" * 1000, f"answered {'ÿ' * 256!r}"),
    ],
)
def test_an_answer(answer: bytes, said: str) -> None:
    """A success is healthy; all else is told, cut to a length."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/health"

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        found = ask(url)
        thread.join()

    assert found == (f"{url}: {said}" if said else "")
    assert asked[0].splitlines()[0] == b"GET /health HTTP/1.1"


def test_nobody_there() -> None:
    """And a URL that is none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert "refused" in ask(f"http://127.0.0.1:{port}/health")
    assert ask("http://127.0.0.1/health").startswith("http://127.0.0.1/health: ")


def test_it_imports_little() -> None:
    """It runs every few seconds beside what is measured: no urllib, no ssl, no library."""
    code = (
        "import sys, service.probe; print(*sorted({'urllib', 'ssl', 'http', 'email', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
