"""What each route of both services asks for; and that a request that does not get in is answered before it is read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Route

from backend.app import create_app as create_backend
from backend.settings import BackendSettings
from client.app import create_app as create_client
from client.settings import ClientSettings
from service.guard.access import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx
    from fastapi import FastAPI
    from starlette.types import Message

    Ask = Callable[..., httpx.Response]

TOKEN = "owner-0123456789-abcdef"
READ = "reader-0123456789-abcdef"
OWNER, READER = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"Bearer {READ}"}

# What a route asks for: nothing; a token of either kind if there is one for reading; a token of either kind; the token.
# A route that is not here has been added without a decision.
DECIDED = {
    "client": {
        "nothing": ["GET /", "GET /dashboard/{name}", "POST /login", "POST /logout", "GET /data", "GET /health"],
        "reading": [
            "GET /openapi.json",
            "GET /breaker",
            "GET /config",
            "GET /config/schema",
            "GET /events",
            "GET /stats",
            "GET /metrics",
        ],
        "either": ["GET /traffic", "GET /backend/faults", "GET /backend/stats", "GET /backend/openapi.json"],
        "change": [
            "PATCH /breaker",
            "POST /breaker/{action}",
            "PATCH /config",
            "PUT /traffic",
            "DELETE /traffic",
            "PUT /backend/faults",
            "PATCH /backend/faults",
            "DELETE /backend/faults",
        ],
    },
    "backend": {
        "nothing": ["GET /", "POST /login", "POST /logout", "GET /data", "GET /health"],
        "reading": ["GET /openapi.json", "GET /faults", "GET /stats", "GET /metrics"],
        "either": [],
        "change": ["PUT /faults", "PATCH /faults", "DELETE /faults", "DELETE /stats"],
    },
}
CASES = [
    (service, asks, *route.split(" "))
    for service, decided in DECIDED.items()
    for asks, routes in decided.items()
    for route in routes
]


def make(service: str, **access: Any) -> FastAPI:
    if service == "client":
        return create_client(ClientSettings.model_validate({"backend_url": "http://127.0.0.1:1", **access}))
    return create_backend(BackendSettings.model_validate(access))


def routes_of(app: FastAPI) -> Iterator[str]:
    for route in all_routes(app.routes):
        for method in route.methods or ():
            if method not in ("HEAD", "OPTIONS"):
                yield f"{method} {route.path}"


def all_routes(routes: Any) -> Iterator[Route]:
    for each in routes:
        if isinstance(each, Route):
            yield each
        elif getattr(each, "original_router", None) is not None:
            yield from all_routes(each.original_router.routes)
        else:
            yield from all_routes(each.routes)


@pytest.mark.parametrize("service", DECIDED)
def test_every_route_has_been_decided_on(serve: Callable[[FastAPI], Ask], service: str) -> None:
    """Each of the app's own routes is in the table above, and none besides."""
    app = make(service)
    serve(app)
    decided = [route for routes in DECIDED[service].values() for route in routes]

    assert sorted(set(routes_of(app))) == sorted(decided)


@pytest.mark.parametrize(("service", "asks", "method", "path"), CASES, ids=str)
def test_each_route_asks_for_what_it_should(
    serve_with_threads: Callable[[FastAPI], Ask], service: str, asks: str, method: str, path: str
) -> None:
    """Without any token, with the token alone, and with one for reading, too: for nobody, a reader, the owner."""
    path = path.format(name="main.js", action="close")
    if path == "/events":
        path = "/events?calls=none"  # whoever gets in hears that there is no such stream
    none, one, two = (
        serve_with_threads(make(service, **tokens))
        for tokens in ({}, {"token": TOKEN}, {"token": TOKEN, "read_token": READ})
    )

    def refused(ask: Ask, headers: dict[str, str]) -> int:
        answer = ask(method, path, headers=headers)
        if answer.status_code == 401 and path != "/login":
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"
            assert f"{service.upper()}_TOKEN" in answer.json()["detail"]
        known = answer.status_code in (401, 403) and path != "/login"
        return answer.status_code if known else 0

    said = [refused(none, {}), *(refused(ask, headers) for ask in (one, two) for headers in ({}, READER, OWNER))]
    assert (
        said
        == {
            "nothing": [0, 0, 0, 0, 0, 0, 0],
            "reading": [0, 0, 0, 0, 401, 0, 0],
            "either": [0, 401, 401, 0, 401, 0, 0],
            "change": [0, 401, 401, 0, 401, 403, 0],
        }[asks]
    )


@pytest.mark.parametrize("service", DECIDED)
def test_what_is_no_route_is_not_open(serve: Callable[[FastAPI], Ask], service: str) -> None:
    """A change is refused before anybody looks whether there is such a route."""
    ask = serve(make(service, token=TOKEN, read_token=READ))
    paths = ["/nowhere", "/backend/nowhere", "/traffic/", "/Data", "/data/", "/health/x", "/login/", "/logi%6E/"]
    methods = ["GET", "PUT", "POST", "PATCH", "DELETE", "ODD"]

    assert {ask(method, path).status_code for path in paths for method in methods} == {401}


@pytest.mark.parametrize("service", DECIDED)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io", "", "localhost,localhost"],
)
def test_a_name_of_somebody_elses_is_refused(serve: Callable[[FastAPI], Ask], service: str, host: str) -> None:
    """A page of another site that has given its name our address: it reads nothing, and it calls nothing."""
    ask = serve(make(service))
    for path in ("/data", "/health", "/", "/metrics", "/nowhere", "/login", "/events"):
        for method in ("GET", "POST", "HEAD"):
            answer = ask(method, path, headers={"Host": host})

            assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
            if method != "HEAD":
                own = f"localhost, 127.0.0.1, and the names in {service.upper()}_ALLOWED_HOSTS"
                said = f"Host: got {host!r}; allowed: one name of this service, which are {own}"
                assert answer.json()["detail"] == said
    counts = ask("GET", "/stats").json()
    assert counts["received" if service == "backend" else "requests"] == 0


@pytest.mark.parametrize("service", DECIDED)
@pytest.mark.parametrize(
    "hosts",
    [[], [b"localhost", b"localhost"], [b"localhost", b"evil.example"], [b"evil.example", b"localhost"]],
    ids=str,
)
def test_a_request_has_one_host(service: str, hosts: list[bytes]) -> None:
    """With none or two, somebody on the way may have read another one than we do; /data is no exception."""
    for path in ("/data", "/health"):
        messages = asyncio.run(exchange(make(service), "GET", path, [(b"host", each) for each in hosts]))

        assert messages[0]["status"] == 400


@pytest.mark.parametrize("service", DECIDED)
def test_the_names_of_the_settings_are_answered(serve: Callable[[FastAPI], Ask], service: str) -> None:
    """So are the one it is bound to, and those of loopback in any case."""
    ask = serve(make(service, allowed_hosts=["client", "*.example.org"], host="10.0.0.7"))
    hosts = ["client:8000", "a.example.org", "10.0.0.7:8000", "localhost:1", "127.0.0.1", "[::1]:8000"]

    assert [ask("GET", "/health", headers={"Host": host}).status_code for host in hosts * 2] == [200] * 12
    assert ask("GET", "/health", headers={"Host": "example.org"}).status_code == 400


def test_any_host_may_be_allowed_and_few_are_remembered(serve: Callable[[FastAPI], Ask]) -> None:
    """What the settings let in does not grow in memory."""
    settings = ClientSettings(allowed_hosts=("*",))
    ask, access = serve(create_client(settings)), Access(settings, "client", "127.0.0.1")

    assert ask("GET", "/health", headers={"Host": "anything"}).status_code == 200
    assert all(access.knows_host([(b"host", b"h%d" % number)]) for number in range(300))
    assert len(access._good) == 100


def test_a_stream_is_not_for_the_page_of_another_site(serve: Callable[[FastAPI], Ask]) -> None:
    """It would occupy a seat. What is merely read that page cannot see."""
    ask = serve(create_client())
    foreign = {"Origin": "http://evil.example"}

    refused, read = ask("GET", "/events", headers=foreign), ask("GET", "/breaker", headers=foreign)

    assert (refused.status_code, read.status_code) == (403, 200)
    assert not [name for name in read.headers if name.startswith("access-control")]


async def exchange(
    app: FastAPI, method: str, path: str, headers: list[tuple[bytes, bytes]], chunks: int = 0
) -> list[Message]:
    """Send a request of some chunks to the app as a server would; its messages, and `asked` for each chunk it took."""
    sent: list[Message] = []
    left = chunks

    async def receive() -> Message:
        nonlocal left
        left -= 1
        sent.append({"type": "asked"})
        return {"type": "http.request", "body": b"x", "more_body": left > 0}

    async def send(message: Message) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app):
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b""}
        await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"evil.example"), (b"origin", b"null")], 400),
        ([(b"host", b"localhost"), (b"origin", b"http://evil.example")], 403),
        ([(b"host", b"localhost"), (b"origin", b"http://localhost")], 401),
        (
            [(b"host", b"localhost"), (b"authorization", b"Bearer x"), (b"authorization", f"Bearer {TOKEN}".encode())],
            401,
        ),
    ],
    ids=["host first", "then origin", "then token", "one token"],
)
def test_the_answer_comes_before_the_body_is_read(headers: list[tuple[bytes, bytes]], status: int) -> None:
    """Then the rest is taken and dropped, so that a caller who is still sending can read it."""
    head = [*headers, (b"content-length", b"3")]
    messages = asyncio.run(exchange(make("client", token=TOKEN), "PUT", "/backend/faults", head, chunks=3))

    assert [message["type"] for message in messages] == [
        "http.response.start",
        "http.response.body",
        *["asked"] * 3,
        "http.response.body",
    ]
    assert messages[0]["status"] == status
    assert (b"connection", b"close") in messages[0]["headers"]


LOGIN = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("service", DECIDED)
def test_the_page_of_a_service_asks_to_log_in(serve_with_threads: Callable[[FastAPI], Ask], service: str) -> None:
    """200 in every case; the form without a token, the page itself with the token, a cookie, or where none is set."""
    free, ask = serve_with_threads(make(service)), serve_with_threads(make(service, token=TOKEN))

    form, page = ask("GET", "/"), ask("GET", "/", headers=OWNER)

    assert [each.status_code for each in (free("GET", "/"), form, page, ask("HEAD", "/"))] == [200] * 4
    assert 'action="login"' in form.text
    assert f"{service.upper()}_TOKEN" in form.text
    assert 'action="login"' not in page.text + free("GET", "/").text
    for each in (form, page):
        policy = each.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert each.headers["referrer-policy"] == "same-origin"  # else the form would come with `Origin: null`


@pytest.mark.parametrize("service", DECIDED)
def test_a_browser_logs_in_and_out(serve_with_threads: Callable[[FastAPI], Ask], service: str) -> None:
    """By the form alone, without scripts; the cookie then stands for the token."""
    ask = serve_with_threads(make(service, token=TOKEN, read_token=READ))
    change = ("POST", "/breaker/close") if service == "client" else ("DELETE", "/faults")

    wrong = ask("POST", "/login", content="token=wrong", headers=LOGIN)
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
    assert "That is not the token" in wrong.text
    assert "set-cookie" not in wrong.headers

    for token, expected in ((TOKEN, 200), (READ, 403)):
        right = ask("POST", "/login", content=f"token=+{token}+", headers=LOGIN)
        assert (right.status_code, right.headers["location"]) == (303, "./")
        cookie = right.headers["set-cookie"]
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
        assert token not in cookie
        assert ask(*change).status_code == expected  # the test's browser has kept the cookie
        assert ask("GET", "/stats").status_code == 200
        assert 'action="login"' not in ask("GET", "/").text

    assert (ask("POST", "/logout").status_code, ask(*change).status_code) == (303, 401)
    assert 'action="login"' in ask("GET", "/").text


@pytest.mark.parametrize("service", DECIDED)
def test_a_program_logs_in_with_json(serve: Callable[[FastAPI], Ask], service: str) -> None:
    """And hears what its token is good for; without tokens, everything is allowed to everybody."""
    ask = serve(make(service, token=TOKEN, read_token=READ))

    said = [ask("POST", "/login", json={"token": token}) for token in (TOKEN, READ, "wrong", "", 7, None)]

    assert [each.status_code for each in said] == [200, 200, 401, 401, 422, 422]
    assert [each.json() for each in said[:2]] == [{"may": "change"}, {"may": "read"}]
    assert said[2].json()["detail"] == f"token: not the value of {service.upper()}_TOKEN"
    free = serve(make(service))("POST", "/login", json={"token": ""})
    assert (free.status_code, free.json(), "set-cookie" in free.headers) == (200, {"may": "change"}, False)


@pytest.mark.parametrize("service", DECIDED)
@pytest.mark.parametrize(
    "body",
    [b"", b"token", b"token=" + b"x" * 60_000, b"&".join([b"token=x"] * 50), b"\xff\x00=%zz", b"[1]", b"[" * 5000],
)
def test_an_odd_form_is_a_wrong_one(serve: Callable[[FastAPI], Ask], service: str, body: bytes) -> None:
    """Of either kind."""
    ask = serve(make(service, token=TOKEN))

    assert ask("POST", "/login", content=body, headers=LOGIN).status_code == 401
    assert ask("POST", "/login", content=body, headers={"Content-Type": "application/json"}).status_code == 422


@pytest.mark.parametrize("service", DECIDED)
def test_a_page_of_another_site_cannot_log_in_or_out(serve: Callable[[FastAPI], Ask], service: str) -> None:
    """A log-in by somebody else would be as bad as a change."""
    ask = serve(make(service, token=TOKEN))
    foreign = {**LOGIN, "Origin": "http://evil.example"}

    assert ask("POST", "/login", content=f"token={TOKEN}", headers=foreign).status_code == 403
    assert ask("POST", "/logout", headers=foreign).status_code == 403


@pytest.mark.parametrize("service", DECIDED)
def test_no_answer_repeats_a_token(serve_with_threads: Callable[[FastAPI], Ask], service: str) -> None:
    """Not where it was right, nor where it was wrong, in the wrong place, or in the settings."""
    ask = serve_with_threads(make(service, token=TOKEN, read_token=READ))
    answers = [
        ask(method, path, headers=headers, content=content)
        for method, path in [
            *(case[2:] for case in CASES if case[0] == service),
            ("GET", "/nowhere"),
            ("PUT", "/metrics"),
        ]
        if path != "/events"
        for headers in (
            OWNER,
            READER,
            {"Authorization": f"Basic {TOKEN}"},
            {"Cookie": f"breaker_lab_{service}={TOKEN}"},
        )
        for content in (b"", f'{{"token": ["{TOKEN}"]}}'.encode())
    ]

    texts = [f"{answer.headers} {answer.text}" for answer in answers if b"token" not in answer.request.content]
    assert not [text for text in texts if TOKEN in text or READ in text]


def test_the_backends_page_links_its_routes(serve: Callable[[FastAPI], Ask]) -> None:
    """It says what it is, and where to look."""
    page = serve(create_backend())("GET", "/").text

    assert "<h1>Breaker Lab: backend</h1>" in page
    for path in ("faults", "stats", "health", "metrics", "data"):
        assert f'<a href="{path}">/{path}</a>' in page
    assert "Log out" not in page
