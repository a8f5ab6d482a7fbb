"""The control routes as a run uses them: with a token where the environment has one."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from inputs.wrong_input import WrongInputError
from loadtest.engines.live.control import Service, ServiceError, backend_at, client_at

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "owner-0123456789-abcdef"


class Answering:
    """A service that answers as the test says, and keeps what it was sent: (method, path, Authorization, body)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str | None, str]] = []
        self.answers: dict[str, tuple[int, Any]] = {}
        self.redirect = ""
        self.url = ""


@contextmanager
def answering() -> Iterator[Answering]:
    found = Answering()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            found.seen.append((self.command, self.path, self.headers.get("Authorization"), body))
            status, answer = found.answers.get(self.path, (200, {}))
            text = json.dumps(answer).encode()
            self.send_response(status)
            if found.redirect:
                self.send_header("Location", found.redirect)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PATCH = do_GET  # noqa: N815 - names of the base class

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture
def service() -> Iterator[Answering]:
    with answering() as found:
        yield found


@pytest.mark.parametrize(("make", "variable"), [(client_at, "CLIENT_TOKEN"), (backend_at, "BACKEND_TOKEN")])
def test_the_token_of_the_environment_is_sent(
    monkeypatch: pytest.MonkeyPatch, service: Answering, make: Any, variable: str
) -> None:
    """With every request, and with none where it is not set."""
    make(service.url).get("/stats")
    monkeypatch.setenv(variable, TOKEN)
    made = make(service.url)
    made.get("/stats")
    made.send("PATCH", "/config", {})

    assert [each[:3] for each in service.seen] == [
        ("GET", "/stats", None),
        ("GET", "/stats", f"Bearer {TOKEN}"),
        ("PATCH", "/config", f"Bearer {TOKEN}"),
    ]


def test_a_token_goes_to_its_own_service_alone(service: Answering) -> None:
    """Not to where an answer sends the request on."""
    with answering() as elsewhere:
        service.redirect, service.answers["/stats"] = f"{elsewhere.url}/x", (302, {})
        Service("client", service.url, SecretStr(TOKEN)).get("/stats")

        assert [each[:3] for each in service.seen + elsewhere.seen] == [
            ("GET", "/stats", f"Bearer {TOKEN}"),
            ("GET", "/x", None),
        ]


def test_an_error_does_not_repeat_the_token(service: Answering) -> None:
    """Though the service does."""
    service.answers["/config"] = (422, {"detail": f"got Bearer {TOKEN}"})
    made = Service("client", service.url, SecretStr(TOKEN))

    with pytest.raises(ServiceError, match=r"answered 422: .*got Bearer \(the token\)") as caught:
        made.get("/config")
    assert TOKEN not in f"{caught.value!r} {made!r}"


@pytest.mark.parametrize(
    ("token", "login", "said"),
    [
        (None, (200, {"may": "change"}), ""),
        (TOKEN, (200, {"may": "change"}), ""),
        (None, (401, {}), "needs its token, and CLIENT_TOKEN is not set"),
        (TOKEN, (401, {}), "needs its token, and CLIENT_TOKEN has another"),
        (TOKEN, (200, {"may": "read"}), "the token in CLIENT_TOKEN is for reading alone"),
        (TOKEN, (404, {}), ""),  # an earlier version of the lab
        (None, (405, {}), ""),
    ],
)
def test_a_run_looks_at_the_start_whether_it_may_change_things(
    service: Answering, token: str | None, login: tuple[int, Any], said: str
) -> None:
    """A route that reads answers anybody, so a wrong token would be found only when the run is under way."""
    service.answers["/login"] = login
    made = Service("client", service.url, None if token is None else SecretStr(token))

    if not said:
        made.check("/breaker")
    else:
        with pytest.raises(WrongInputError) as caught:
            made.check("/breaker")
        assert str(caught.value) == f"client-url: client at {service.url}: {said}"
    assert [(method, path) for method, path, *_ in service.seen] == [("GET", "/breaker"), ("POST", "/login")]
    assert json.loads(service.seen[1][3]) == {"token": token or ""}


def test_a_service_that_lets_nobody_read_says_so(service: Answering) -> None:
    """What it answers is in the sentence."""
    service.answers["/breaker"] = (401, {"detail": "Authorization: needs `Bearer`"})

    with pytest.raises(WrongInputError, match=r"^client-url: .* GET /breaker answered 401: .*needs `Bearer`") as caught:
        Service("client", service.url).check("/breaker")
    assert "is the client running there" not in str(caught.value)
