"""Both services as real processes, over real sockets: what no test in memory can show."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import lab
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
PATIENCE_S = 10
MB = 1_000_000


class Service:
    """A running service that logs complaints only. `url` is what it printed."""

    def __init__(self, module: str, *arguments: str, **variables: str) -> None:
        self.process = lab.popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=environment(**{f"{module.upper()}_PORT": "0", f"{module.upper()}_LOG__LEVEL": "warning", **variables}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        self.url = self.first_line.partition(": ")[2].strip()

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, trust_env=False, **request)

    def ended(self) -> tuple[int, str]:
        """Wait for the end; exit code and what was said on stderr."""
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without the services' variables, and with `variables`."""
    own = {name: value for name, value in os.environ.items() if not name.upper().startswith(("CLIENT_", "BACKEND_"))}
    return {**own, **variables}


@pytest.fixture
def start() -> Iterator[Callable[..., Service]]:
    """Start services, and end them whatever happens."""
    started: list[Service] = []

    def begin(module: str, *arguments: str, **variables: str) -> Service:
        started.append(Service(module, *arguments, **variables))
        return started[-1]

    yield begin
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
        service.process.communicate()


def eventually(read: Callable[[], Any], expected: Any) -> None:
    """Wait for `read` to give `expected`; fail with what it gave last."""
    until = time.monotonic() + PATIENCE_S
    while (found := read()) != expected and time.monotonic() < until:
        time.sleep(0.02)
    assert found == expected


def send_request(service: Service) -> socket.socket:
    """Send GET /data on a connection of our own and leave the answer to the test."""
    connection = socket.create_connection(service.address, timeout=PATIENCE_S)
    connection.sendall(b"GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return connection


def outcomes(service: Service) -> dict[str, int]:
    """Return the outcomes that were counted at all."""
    return {name: count for name, count in service.ask("GET", "/stats").json()["outcomes"].items() if count}


@pytest.mark.parametrize("module", ["backend", "client"])
def test_a_service_says_where_it_is_and_can_be_called_at_once(start: Callable[..., Service], module: str) -> None:
    """The first line of stdout is the address, and whoever reads it may connect without trying twice."""
    service = start(module)

    assert service.first_line == f"{module}: http://127.0.0.1:{service.address[1]}\n"
    assert service.ask("GET", "/health").json() == {"status": "ok"}


@pytest.mark.parametrize("fault", [{"reset_rate": 1}, {"unreachable": True}], ids=["reset", "unreachable"])
def test_a_reset_reaches_the_caller_as_a_broken_connection(
    start: Callable[..., Service], fault: dict[str, Any]
) -> None:
    """RST, not an orderly end: the caller's socket fails."""
    backend = start("backend")
    backend.ask("PUT", "/faults", json=fault)

    with send_request(backend) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
def test_a_reset_is_one_failed_call_and_never_repeated(start: Callable[..., Service], transport: str) -> None:
    """On a connection that was used before, where aiohttp would repeat a GET by itself: 502, and one call counted."""
    backend = start("backend")
    client = start("client", CLIENT_BACKEND_URL=backend.url, CLIENT_UPSTREAM__TRANSPORT=transport)
    first = client.ask("GET", "/data")
    backend.ask("PUT", "/faults", json={"reset_rate": 1})
    second = client.ask("GET", "/data")

    assert [
        (each.status_code, each.headers["x-outcome"], each.headers["x-backend-calls"]) for each in (first, second)
    ] == [
        (200, "ok", "1"),
        (502, "error", "1"),
    ]
    assert backend.ask("GET", "/stats").json()["received"] == 2
    assert outcomes(backend) == {"ok": 1, "reset": 1}


def test_a_caller_who_hangs_up_frees_the_workers_place(start: Callable[..., Service]) -> None:
    """One worker, a request that would never end: after the hang-up the next request is served."""
    backend = start("backend")
    backend.ask("PUT", "/faults", json={"hang_rate": 1, "capacity": {"workers": 1}})
    with send_request(backend):
        eventually(lambda: backend.ask("GET", "/stats").json()["busy_workers"], 1)
    eventually(lambda: backend.ask("GET", "/stats").json()["busy_workers"], 0)
    backend.ask("PATCH", "/faults", json={"hang_rate": 0})

    assert backend.ask("GET", "/data").status_code == 200
    assert outcomes(backend) == {"ok": 1, "abandoned": 1}


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
def test_a_hang_up_goes_through_the_client_to_the_backend(start: Callable[..., Service], transport: str) -> None:
    """The client's caller leaves: the client counts 'cancelled', drops its call, and the backend is free again."""
    backend = start("backend")
    client = start("client", CLIENT_BACKEND_URL=backend.url, CLIENT_UPSTREAM__TRANSPORT=transport)
    backend.ask("PUT", "/faults", json={"hang_rate": 1})
    with send_request(client):
        eventually(lambda: backend.ask("GET", "/stats").json()["in_flight"], 1)

    eventually(lambda: outcomes(client), {"cancelled": 1})
    eventually(lambda: outcomes(backend), {"abandoned": 1})
    assert client.ask("GET", "/breaker").json()["fail_count"] == 0


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
def test_a_timeout_drops_the_backends_call(start: Callable[..., Service], transport: str) -> None:
    """After 0.2 s: 504 to the caller, and the backend's worker is free."""
    backend = start("backend")
    client = start(
        "client",
        CLIENT_BACKEND_URL=backend.url,
        CLIENT_UPSTREAM__TRANSPORT=transport,
        CLIENT_TIMEOUT__TOTAL_S="0.2",
    )
    backend.ask("PUT", "/faults", json={"hang_rate": 1})

    assert client.ask("GET", "/data").status_code == 504
    eventually(lambda: outcomes(backend), {"abandoned": 1})


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
def test_nobody_at_the_backends_address_is_an_error_that_trips(start: Callable[..., Service], transport: str) -> None:
    """Refused connections count as failures; then the breaker answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = start(
            "client", CLIENT_BACKEND_URL=nobody, CLIENT_UPSTREAM__TRANSPORT=transport, CLIENT_BREAKER__FAIL_MAX="2"
        )

        assert [client.ask("GET", "/data").status_code for _ in range(3)] == [502, 502, 503]


def test_the_id_and_the_answer_go_through(start: Callable[..., Service]) -> None:
    """The backend meets the caller's id, and the caller gets the backend's body."""
    backend = start("backend")
    client = start("client", CLIENT_BACKEND_URL=backend.url)

    answer = client.ask("GET", "/data", headers={"X-Request-Id": "41 b"})

    assert answer.json() == {"data": "fresh from the backend", "request_id": "41 b", "attempt": 1}


@pytest.mark.parametrize("module", ["backend", "client"])
def test_a_busy_port_is_exit_code_2(start: Callable[..., Service], module: str) -> None:
    """One line that names the port and what to do; no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = start(module, **{f"{module.upper()}_PORT": str(port)}).ended()

    why = "cannot be used: Address already in use; choose another, or stop the program that uses it"
    assert (code, said) == (2, f"{module}: port {port} on 127.0.0.1 {why}\n")


@pytest.mark.parametrize(
    ("module", "name", "value", "said"),
    [
        (
            "client",
            "CLIENT_BREAKER__FAILMAX",
            "3",
            "CLIENT_BREAKER__FAILMAX: no such setting (did you mean 'CLIENT_BREAKER__FAIL_MAX'?)",
        ),
        ("client", "CLIENT_BREAKER", "abc", "CLIENT_BREAKER: got 'abc'; allowed: a JSON object"),
        ("backend", "BACKEND_PROT", "1", "BACKEND_PROT: no such setting (did you mean 'BACKEND_PORT'?)"),
    ],
    ids=["misspelt, client", "not JSON", "misspelt, backend"],
)
def test_a_wrong_variable_is_exit_code_2(
    start: Callable[..., Service], module: str, name: str, value: str, said: str
) -> None:
    """One line that names it; no traceback."""
    assert start(module, **{name: value}).ended() == (2, f"{module}: {said}\n")


@pytest.mark.parametrize("module", ["backend", "client"])
def test_a_service_ends_when_its_parent_does(start: Callable[..., Service], module: str) -> None:
    """With --until-stdin-closes the end of stdin is the end of the service, in order."""
    service = start(module, "--until-stdin-closes")
    alive = service.ask("GET", "/health").status_code

    assert (alive, service.ended()) == (200, (0, ""))


@pytest.mark.parametrize("module", ["backend", "client"])
def test_without_the_option_the_end_of_stdin_is_nothing(start: Callable[..., Service], module: str) -> None:
    """A service started in the background with no stdin goes on."""
    service = start(module)
    assert service.process.stdin is not None
    service.process.stdin.close()
    service.process.stdin = None

    assert [service.ask("GET", "/health").status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("module", ["backend", "client"])
def test_ctrl_c_ends_a_service_in_order(start: Callable[..., Service], module: str) -> None:
    """Exit code 0 and not a word."""
    service = start(module)
    service.ask("GET", "/health")
    service.process.send_signal(signal.SIGINT)

    assert service.ended() == (0, "")


def test_the_queue_is_full_for_the_third_of_three(start: Callable[..., Service]) -> None:
    """One worker, one place to wait in, over three real connections."""
    backend = start("backend")
    backend.ask("PUT", "/faults", json={"hang_rate": 1, "capacity": {"workers": 1, "queue": 1}})
    with send_request(backend), send_request(backend):
        eventually(lambda: backend.ask("GET", "/stats").json()["waiting"], 1)
        refused = backend.ask("GET", "/data")

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    eventually(lambda: outcomes(backend), {"queue_full": 1, "abandoned": 2})


def test_the_probe_asks_no_proxy(start: Callable[..., Service]) -> None:
    """A container's environment may name one; the service that is asked is in the same container."""
    backend = start("backend")
    asked = subprocess.run(
        [sys.executable, "-m", "service.probe", f"{backend.url}/health"],
        cwd=ROOT,
        env=environment(http_proxy="http://127.0.0.1:9", no_proxy=""),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (asked.returncode, asked.stderr) == (0, "")


def test_a_host_that_no_name_can_be_is_exit_code_2(start: Callable[..., Service]) -> None:
    """One line; no traceback."""
    code, said = start("backend", BACKEND_HOST="a..b").ended()

    assert (code, said) == (2, "backend: host: got 'a..b'; not the name or address of a host\n")


def test_a_caller_who_vanishes_while_sending_is_not_worth_a_word(start: Callable[..., Service]) -> None:
    """Half a body, then a hang-up: the service goes on, and says nothing."""
    backend = start("backend", "--until-stdin-closes")
    with socket.create_connection(backend.address, timeout=PATIENCE_S) as connection:
        connection.sendall(b"PUT /faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    alive = backend.ask("GET", "/health").status_code

    assert (alive, backend.ended()) == (200, (0, ""))


def test_a_listener_does_not_keep_the_client_from_ending(start: Callable[..., Service]) -> None:
    """SIGTERM while somebody listens to GET /events: the end comes within about a second, without a word."""
    client = start("client")
    with socket.create_connection(client.address, timeout=PATIENCE_S) as connection:
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = b""
        while b"event: snapshot" not in head:
            head += connection.recv(4096)
        asked = time.monotonic()
        client.process.send_signal(signal.SIGTERM)
        code, said = client.ended()

    assert (code, said) == (-signal.SIGTERM, "")
    assert time.monotonic() - asked < 2


def test_a_hung_request_is_answered_when_the_service_ends(start: Callable[..., Service]) -> None:
    """After the server's patience: a problem to the caller, one line in the log, no traceback."""
    backend = start("backend")
    backend.ask("PUT", "/faults", json={"hang_rate": 1})
    with send_request(backend) as connection:
        eventually(lambda: backend.ask("GET", "/stats").json()["in_flight"], 1)
        backend.process.send_signal(signal.SIGTERM)
        _, said = backend.ended()
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 503 ")
    why = '"Cancel 1 running task(s), timeout graceful shutdown exceeded"'
    assert said.partition(" ")[2] == f"error backend {why} logger=uvicorn.error\n"


def test_a_caller_who_pipelines_and_hangs_up_frees_the_workers_place(start: Callable[..., Service]) -> None:
    """Two requests at once on one connection: the second is left to be sent again, the hang-up is noticed."""
    backend = start("backend")
    backend.ask("PUT", "/faults", json={"hang_rate": 1, "capacity": {"workers": 1}})
    with send_request(backend) as connection:
        connection.sendall(b"GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: backend.ask("GET", "/stats").json()["busy_workers"], 1)
    eventually(lambda: backend.ask("GET", "/stats").json()["busy_workers"], 0)

    assert outcomes(backend) == {"abandoned": 1}


def test_a_pipelined_request_is_left_to_the_caller(start: Callable[..., Service]) -> None:
    """One answer, and then the end of the connection, which tells the caller to send the rest again."""
    backend = start("backend")
    backend.ask("PUT", "/faults", json={"latency": {"mean_s": 0.2}})
    with socket.create_connection(backend.address, timeout=PATIENCE_S) as connection:
        connection.sendall(b"GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        said = b""
        while piece := connection.recv(65536):
            said += piece

    assert said.count(b"HTTP/1.1 200 OK") == 1
    assert outcomes(backend) == {"ok": 1}


def send_whole(
    service: Service, method: str, path: str, body: Any, **headers: str
) -> tuple[int, dict[str, Any], str | None]:
    """Send all of the body before the answer is read, as simple clients do."""
    connection = http.client.HTTPConnection(*service.address, timeout=20)
    connection.request(method, path, body, headers, encode_chunked="Transfer-Encoding" in headers)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found, answer.getheader("connection")


@pytest.mark.parametrize("path", ["/breaker", "/breaker/open", "/nowhere", "/health"])
def test_a_body_that_is_too_long_gets_its_answer(start: Callable[..., Service], path: str) -> None:
    """With a declared length and in chunks, at any path; the service goes on."""
    client = start("client")
    chunked = ("PATCH", path, iter([b"x" * MB] * 20))

    said = [
        send_whole(client, "PATCH", path, b"x" * 20 * MB),
        send_whole(client, *chunked, **{"Transfer-Encoding": "chunked"}),
    ]

    assert [(status, close) for status, _, close in said] == [(413, "close")] * 2
    assert {each["limit_bytes"] for _, each, _ in said} == {65_536}
    assert client.ask("GET", "/health").status_code == 200


def test_an_endless_body_does_not_hold_up_the_end(start: Callable[..., Service]) -> None:
    """One caller sends and sends, one says that much will come and sends nothing, one is read: SIGTERM ends it all."""
    backend = start("backend")
    head = b"PUT /faults HTTP/1.1\r\nHost: %s\r\nContent-Length: 100000000\r\n\r\n" % backend.url[7:].encode()
    silent, flooding = (socket.create_connection(backend.address) for _ in range(2))
    silent.sendall(head)
    flooding.sendall(head)
    done = threading.Event()

    def flood() -> None:
        try:
            while not done.is_set():
                flooding.sendall(b"x" * 1000)
                time.sleep(0.001)
        except OSError:
            pass

    sender = threading.Thread(target=flood)
    sender.start()
    assert b"413" in flooding.recv(1000)
    assert b"413" in silent.recv(1000)
    began = time.monotonic()
    backend.process.send_signal(signal.SIGTERM)
    code, said = backend.ended()
    done.set()
    sender.join()
    silent.close()
    flooding.close()

    assert code == -signal.SIGTERM
    assert time.monotonic() - began < 6
    assert "Traceback" not in said


def test_odd_bodies_hold_nobody_up(start: Callable[..., Service]) -> None:
    """Each is a 422 with a short answer, and other calls are answered meanwhile."""
    backend = start("backend")
    bodies = [
        json.dumps({f"error_rat{number}": 1 for number in range(40_000)})[:-1][:900_000] + "1" + "}",
        json.dumps({f"k{number}": 1 for number in range(8_000)}),
        '{"phases": [' + ",".join(['{"x": 1, "y": 2}'] * 2_000) + "]}",
        '{"a":' * 957 + "1" + "}" * 957,
        '{"sequence": "' + "".join(map(chr, range(0x4E00, 0x9000))) + '"}',
        '{"' + "k" * 60_000 + '": 1}',
        '{"seed": ' + "9" * 4000 + "}",
    ]
    longest, stop = 0.0, threading.Event()

    def call() -> None:
        nonlocal longest
        while not stop.is_set():
            began = time.monotonic()
            backend.ask("GET", "/data")
            longest = max(longest, time.monotonic() - began)

    caller = threading.Thread(target=call)
    caller.start()
    statuses, lengths = set(), []
    for body in bodies:
        for method in ("PUT", "PATCH"):
            answer = backend.ask(method, "/faults", content=body)
            statuses.add(answer.status_code)
            lengths.append(len(answer.content))
    stop.set()
    caller.join()

    assert statuses == {422}
    assert max(lengths) < 20_000
    assert longest < 1  # the machine's own pauses are in it; it was minutes
