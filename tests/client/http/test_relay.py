"""The backend's control routes through the client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from client.http import relay
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendUnreachableError, CallTimeoutError
from client.pipeline.upstream import Upstream
from client.settings import UpstreamSettings
from service import problems
from service.guard.body import BoundedBody
from service.guard.limits import LONGEST_BODY, LONGEST_FAULTS_BODY

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., httpx.Response]


class Backend(Upstream):
    """Answers what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__("http://backend", UpstreamSettings())
        self.answer: Answer | Exception = Answer(200, b'{"error_rate": 0.5}')
        self.asked: list[tuple[str, str, bytes]] = []

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        self.asked.append((method, path, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def ask(serve: Callable[[FastAPI], Ask], backend: Backend) -> Ask:
    app = FastAPI()
    app.add_middleware(BoundedBody, faults_path="/backend/faults")
    problems.install_handlers(app, {BackendUnreachableError: 502, CallTimeoutError: 504})
    app.include_router(relay.build(backend))
    return serve(app)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/faults"),
        ("PUT", "/faults"),
        ("PATCH", "/faults"),
        ("DELETE", "/faults"),
        ("GET", "/stats"),
        ("GET", "/openapi.json"),
    ],
)
def test_what_may_pass_passes_as_it_is(ask: Ask, backend: Backend, method: str, path: str) -> None:
    """Method, path and body to the backend; status, body and type back."""
    backend.answer = Answer(422, b'{"detail": "error_rate: got 2"}', b"application/problem+json")
    answer = ask(method, f"/backend{path}", content=b'{"error_rate": 2}')

    assert backend.asked == [(method, path, b'{"error_rate": 2}')]
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (
        422,
        b'{"detail": "error_rate: got 2"}',
        "application/problem+json",
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/backend/data", 404),
        ("GET", "/backend/", 404),
        ("GET", "/backend/faults/../data", 404),
        ("GET", "/backend/faults%2f..%2fdata", 404),
        ("GET", "/backend//elsewhere/faults", 404),
        ("DELETE", "/backend/stats", 405),
        ("POST", "/backend/faults", 405),
    ],
)
def test_nothing_else_passes(ask: Ask, backend: Backend, method: str, path: str, status: int) -> None:
    """A call of the backend goes through the breaker, and other routes and hosts are nobody's business."""
    assert (ask(method, path).status_code, backend.asked) == (status, [])


def test_a_body_that_is_too_long_goes_nowhere(ask: Ask, backend: Backend) -> None:
    """Ten million bytes; one fits exactly, and one more does not; a fault plan may be longer than another body."""
    statuses = [
        ask(method, "/backend/faults", content=b"x" * length).status_code
        for method, longest in (("PUT", LONGEST_FAULTS_BODY), ("PATCH", LONGEST_FAULTS_BODY), ("DELETE", LONGEST_BODY))
        for length in (10_000_000, longest + 1, longest)
    ]

    assert statuses == [413, 413, 200] * 3
    assert [len(body) for _, _, body in backend.asked] == [LONGEST_FAULTS_BODY, LONGEST_FAULTS_BODY, LONGEST_BODY]


@pytest.mark.parametrize(
    ("said", "status", "detail"),
    [
        (
            BackendUnreachableError("ConnectionRefusedError"),
            502,
            "the backend cannot be reached (ConnectionRefusedError)",
        ),
        (CallTimeoutError(3), 504, "the backend did not answer within 3 s"),
        (
            Answer(200, b"<script>", b"text/html; charset=utf-8"),
            502,
            (
                "the backend answered GET /faults with 200 and text/html; charset=utf-8, not with JSON; "
                "is it this lab's backend?"
            ),
        ),
    ],
    ids=["unreachable", "hung", "another service"],
)
def test_a_backend_that_gives_no_answer(
    ask: Ask, backend: Backend, said: Answer | Exception, status: int, detail: str
) -> None:
    """A problem that says what is the matter; and no page of somebody else's from the client's own origin."""
    backend.answer = said
    answer = ask("GET", "/backend/faults")

    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["detail"]) == (status, detail)


@pytest.mark.parametrize("status", [401, 403])
def test_a_backend_that_does_not_let_the_client_in(ask: Ask, backend: Backend, status: int) -> None:
    """Not passed on as if the client refused its own caller, whose page would ask to log in; it says what to set."""
    backend.answer = Answer(status, b'{"detail": "Authorization: needs"}', b"application/problem+json")
    answer = ask("PUT", "/backend/faults", content=b"{}")

    said = f"the backend answered PUT /faults with {status}: the client does not have its token; "
    assert (answer.status_code, answer.json()["detail"]) == (502, f"{said}CLIENT_BACKEND_TOKEN sets it")
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("token", [None, "backend-0123456789"])
def test_the_backends_token_goes_to_its_control_routes_alone(token: str | None) -> None:
    """Not with a protected call, which may go to anybody's service."""
    seen: list[tuple[str, str | None]] = []

    class Recording(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append((request.url.path, request.headers.get("authorization")))
            return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    async def main() -> None:
        upstream = Upstream("http://backend", UpstreamSettings(), None, None if token is None else SecretStr(token))
        upstream._transport = Recording()
        await upstream.ask("GET", "/faults")
        await upstream(Call("1"))

    asyncio.run(main())
    assert seen == [("/faults", token and f"Bearer {token}"), ("/data", None)]


def test_it_is_closed_outside_its_context() -> None:
    """A mistake of ours says so."""
    with pytest.raises(RuntimeError, match="outside its context"):
        asyncio.run(Upstream("http://backend", UpstreamSettings()).ask("GET", "/stats"))
