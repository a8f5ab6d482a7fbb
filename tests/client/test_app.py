"""The client over HTTP, in memory, over an upstream that answers what the test says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client.app import create_app
from client.breakers import policies
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendFailedError
from client.settings import ClientSettings
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    Ask = Callable[..., httpx.Response]

BREAKER = {
    "policy": "consecutive",
    "name": "backend-service-breaker",
    "fail_max": 5,
    "reset_timeout": 30.0,
    "success_threshold": 1,
    "max_probes": 1,
    "failure_rate": 0.5,
    "min_calls": 20,
    "max_failures": 5,
    "window_calls": 100,
    "forget_after_s": None,
    "growth_forget_s": 60.0,
    "window_s": 10.0,
    "slow_call_s": None,
    "slow_call_rate": None,
    "slow_in_flight": False,
    "open_growth": 1.0,
    "open_max_s": None,
    "open_jitter": 0.0,
    "honour_retry_after": False,
    "probe_success_rate": None,
    "probe_calls": 10,
    "half_open_max_s": 60.0,
    "ramp_s": 0.0,
    "throttle_k": 2.0,
    "adaptive_gain": 0.5,
    "usual_error_rate": 0.01,
    "usual_s": 600.0,
    "max_refused": 0.95,
    "seed": None,
    "shadow": None,
}
MESSAGE = "The service is temporarily unavailable. Please try again."
CONFIG = {
    "allowed_hosts": [],
    "insecure": False,
    "host": "127.0.0.1",
    "port": 8000,
    "backend_url": "http://127.0.0.1:8001",
    "breaker": BREAKER,
    "timeout": {"total_s": 3.0},
    "classification": {"failure_status": ["5xx"], "neutral_status": ["4xx"]},
    "fallback": {"enabled": True, "message": MESSAGE},
    "upstream": {"transport": "aiohttp", "keepalive_s": 60.0, "longest_answer": 16_000_000},
    "log": {"format": "plain", "level": "info", "requests": False},
    "tracing": "off",
}
UP_TO_A_MILLION = "allowed: a whole number >= 1 and <= 1000000"


class Stub:
    """An upstream whose answer the test sets, and which remembers who came."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[str] = []

    async def __call__(self, call: Call) -> Answer:
        self.received.append(call.request_id)
        call.attempts += 1
        call.backend_calls += 1
        if self.status >= 500:
            raise BackendFailedError(self.status)
        return Answer(self.status, b'{"data": 1}', b"application/json; charset=x")


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def ask(serve: Callable[[FastAPI], Ask], stub: Stub) -> Ask:
    return serve(create_app(ClientSettings(), stub))


def test_an_answer_comes_with_its_story(ask: Ask, stub: Stub) -> None:
    """The backend's body and type untouched, and the whole set of headers."""
    answer = ask("GET", "/data", headers={"X-Request-Id": "abc-7"})

    assert (answer.status_code, answer.content, dict(answer.headers)) == (
        200,
        b'{"data": 1}',
        {
            "content-type": "application/json; charset=x",
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
            "content-length": "11",
            "x-request-id": "abc-7",
            "x-outcome": "ok",
            "x-served": "fresh",
            "x-breaker-state": "closed",
            "x-breaker-failures": "0",
            "x-backend-calls": "1",
            "x-attempts": "1",
        },
    )
    assert stub.received == ["abc-7"]


def test_calls_without_an_id_are_numbered(ask: Ask, stub: Stub) -> None:
    """In the order of their coming; named ones do not count."""
    for headers in ({}, {"X-Request-Id": "x"}, {}):
        ask("GET", "/data", headers=headers)

    assert stub.received == ["1", "x", "2"]


@pytest.mark.parametrize("request_id", [b"\xe9", b"a\tb", b"caf\xc3\xa9"])
def test_an_id_that_cannot_be_handed_on_is_refused(ask: Ask, stub: Stub, request_id: bytes) -> None:
    """The caller's mistake is a 422, no crash and no call of the backend."""
    answer = ask("GET", "/data", headers={"X-Request-Id": request_id})

    assert (answer.status_code, answer.json()["detail"], stub.received) == (
        422,
        f"X-Request-Id: got {request_id.decode('latin-1')!r}; allowed: printable ASCII characters",
        [],
    )


@pytest.mark.parametrize(
    ("content_type", "is_shown"),
    [
        (b"application/json", True),
        (b"Application/JSON; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"text/plain; charset=utf-8", True),
        (b"text/html", False),
        (b"Text/HTML; charset=utf-8", False),
        (b"application/xhtml+xml", False),
        (b"image/svg+xml", False),
        (b"text/xml", False),
        (b"application/atom+xml", False),
        (b"text/javascript", False),
        (b"application/pdf", False),
        (b"multipart/x-mixed-replace; boundary=x", False),
        (b"application/json, text/html", False),
        (b"text/plain; a=b, text/html", False),
        (b"application/octet-stream", False),
        (b"x", False),
    ],
)
def test_what_a_browser_would_run_is_no_page(
    serve: Callable[[FastAPI], Ask], content_type: bytes, *, is_shown: bool
) -> None:
    """The type goes through as it is; a browser guesses none, runs nothing, and saves what is no plain text."""

    async def backend(_: Call) -> Answer:
        return Answer(200, b"<script>alert(1)</script>", content_type)

    headers = serve(create_app(upstream=backend))("GET", "/data").headers

    assert headers["content-type"] == content_type.decode()
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert headers.get("content-disposition") == (None if is_shown else "attachment")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/breaker"), ("GET", "/config"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/nowhere")],
)
def test_no_browser_guesses_the_type_of_a_control_routes_answer(ask: Ask, method: str, path: str) -> None:
    """Problems, too; once each."""
    assert ask(method, path).headers.get_list("x-content-type-options") == ["nosniff"]


TOO_LONG = "X-Request-Id: got 129 characters; allowed: at most 128 characters"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/data"), ("GET", "/breaker"), ("PATCH", "/config"), ("POST", "/breaker/open")]
)
def test_an_id_that_is_too_long_is_refused(ask: Ask, stub: Stub, method: str, path: str) -> None:
    """431 that says so, before anything is done; one that is just not too long is served."""
    before = ask("GET", "/breaker").json()["state"]
    answer = ask(method, path, headers={"X-Request-Id": "x" * 129}, json={"timeout": {"total_s": 1}})

    assert (answer.status_code, answer.json()["detail"], stub.received) == (431, TOO_LONG, [])
    assert (ask("GET", "/breaker").json()["state"], ask("GET", "/config").json()) == (before, CONFIG)
    assert ask("GET", "/data", headers={"X-Request-Id": "x" * 128}).status_code == 200


def test_failures_trip_and_then_the_backend_is_left_alone(ask: Ask, stub: Stub) -> None:
    """Five 502, then 503 with Retry-After: headers of each, and five calls of the backend."""
    stub.status = 500

    answers = [ask("GET", "/data") for _ in range(6)]

    names = ("x-outcome", "x-served", "x-breaker-state", "x-breaker-failures", "x-backend-calls", "retry-after")
    assert [(each.status_code, *(each.headers.get(name) for name in names)) for each in answers] == [
        *((502, "error", "fallback", "closed", str(count), "1", None) for count in range(1, 6)),
        (503, "fast_fail", "fallback", "open", "5", "0", "30"),
    ]
    assert len(stub.received) == 5


def test_opened_by_hand_refuses_and_closed_by_hand_serves(ask: Ask, stub: Stub) -> None:
    """POST open, GET data, POST close, GET data: 503 without a call of the backend, then 200."""
    opened = ask("POST", "/breaker/open").json()
    refused = ask("GET", "/data")
    untouched = list(stub.received)
    closed = ask("POST", "/breaker/close").json()
    served = ask("GET", "/data")

    assert [opened["state"], refused.status_code, untouched, closed["state"], served.status_code] == [
        "open",
        503,
        [],
        "closed",
        200,
    ]
    assert [(each["seq"], each["before"], each["after"], each["cause"]) for each in closed["transitions"]] == [
        (1, "closed", "open", "open by hand"),
        (2, "open", "closed", "close by hand"),
    ]


@pytest.mark.parametrize("action", ["open", "close", "reset"])
def test_where_there_is_no_breaker_none_can_be_set(ask: Ask, action: str) -> None:
    """Policy 'off': a conflict that says so, and nothing has changed."""
    ask("PATCH", "/breaker", json={"policy": "off"})

    answer = ask("POST", f"/breaker/{action}")

    assert (answer.status_code, answer.headers["content-type"], answer.json()["detail"]) == (
        409,
        "application/problem+json",
        "the policy is 'off': there is no breaker to set",
    )
    assert ask("GET", "/stats").json()["revision"] == 1


def test_an_unknown_action_is_refused(ask: Ask) -> None:
    """The problem names what was asked for and what there is."""
    answer = ask("POST", "/breaker/explode")

    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "path.action: got 'explode'; Input should be 'reset', 'open' or 'close'",
    )


def test_the_breaker_page_shows_state_settings_counts_and_transitions(ask: Ask, stub: Stub) -> None:
    """The whole snapshot after one success and a trip, and only the news where a reader says what it has."""
    ask("GET", "/data")
    stub.status = 500
    for _ in range(6):
        ask("GET", "/data")

    page = ask("GET", "/breaker").json()

    transition = page["transitions"][0]
    assert 29 < page.pop("retry_after_s") <= 30
    assert 0 <= page.pop("in_state_s") < 1
    assert page.pop("now_s") >= transition.pop("at")
    assert transition.pop("loop_lag_s") >= 0
    assert page.pop("now").endswith("+00:00")
    assert page == {
        **BREAKER,
        "state": "open",
        "fail_count": 5,
        "in_flight": 0,
        "transition_count": 1,
        "held_open": False,
        "next_call_probes": False,
        "diagnosis": None,
        "open_for_s": 30.0,
        "probes_out": 0,
        "probe_successes": 0,
        "late_results": 0,
        "let_through": 0.0,
        "counts": {
            "requests": 7,
            "outcomes": {"ok": 1, "error": 5, "timeout": 0, "fast_fail": 1, "rejected": 0, "cancelled": 0},
            "served": {"fresh": 1, "stale": 0, "fallback": 6, "nothing": 0},
            "refusals": {"open": 1},
            "probes": {},
            "backend_calls": 6,
        },
        "transitions": [
            {
                "seq": 1,
                "before": "closed",
                "after": "open",
                "cause": "fail_max reached",
                "fail_count": 5,
                "request_id": "6",
            }
        ],
    }
    assert ask("GET", "/breaker?transitions_after=1").json()["transitions"] == []


def test_statistics(ask: Ask) -> None:
    """Counts since the start, who is inside, and the processor time used."""
    ask("GET", "/data")

    stats = ask("GET", "/stats").json()

    assert stats.pop("cpu_s") > 0
    assert stats.pop("tasks") >= 1  # the one that answers this, and those of the server around it
    assert stats.pop("stalled_s") >= sum(stall["lag_s"] for stall in stats.pop("stalls"))  # the machine's, if any
    assert stats == {
        "requests": 1,
        "outcomes": {"ok": 1, "error": 0, "timeout": 0, "fast_fail": 0, "rejected": 0, "cancelled": 0},
        "served": {"fresh": 1, "stale": 0, "fallback": 0, "nothing": 0},
        "refusals": {},
        "probes": {},
        "backend_calls": 1,
        "in_flight": 0,
        "revision": 0,
        "open_streams": 0,
        "dropped_streams": 0,
        "late_deadlines": 0,
    }


def test_the_settings_are_shown_and_changed(ask: Ask) -> None:
    """GET, and PATCH of single values: the whole effective configuration each time."""
    changed = {
        **CONFIG,
        "breaker": {**BREAKER, "fail_max": 3},
        "timeout": {"total_s": None},
    }
    kept = ["state", "open time left", "failed recoveries", "probes", "calls under way", "counts"]

    assert [
        ask("GET", "/config").json(),
        ask("PATCH", "/config", json={"breaker": {"fail_max": 3}, "timeout": {"total_s": None}}).json(),
        ask("GET", "/config").json(),
    ] == [CONFIG, {**changed, "kept": kept}, changed]


ALL_KEPT = ["state", "open time left", "failed recoveries", "probes", "calls under way", "counts"]


@pytest.mark.parametrize(
    ("path", "change", "state", "kept"),
    [
        ("/config", {"fallback": {"message": "later"}}, "open", ALL_KEPT),
        ("/config", {"timeout": {"total_s": 1}}, "open", ALL_KEPT),
        ("/breaker", {}, "open", ALL_KEPT),
        ("/breaker", {"fail_max": 5, "policy": "consecutive"}, "open", ALL_KEPT),
        ("/breaker", {"name": "another"}, "open", ALL_KEPT),
        ("/breaker", {"fail_max": 1, "reset_timeout": 0.5}, "open", ALL_KEPT),
        ("/breaker", {"policy": "count_window"}, "open", ALL_KEPT[:-1]),
        ("/breaker", {"policy": "throttle"}, "closed", []),
        ("/breaker", {"policy": "off"}, "closed", []),
        ("/breaker?fresh=true", {}, "closed", []),
        ("/config?fresh=true", {"breaker": {"fail_max": 1}}, "closed", []),
    ],
    ids=str,
)
def test_a_change_of_settings_touches_the_breaker_only_where_it_has_to(
    ask: Ask, path: str, change: dict[str, Any], state: str, kept: list[str]
) -> None:
    """An open breaker stays open unless the policy has no such state, and the answer says what was kept."""
    opened = ask("POST", "/breaker/open").json()

    said = ask("PATCH", path, json=change).json()

    page = ask("GET", "/breaker").json()
    moves = ["open by hand"] if state == "open" else ["open by hand", "settings changed"]
    assert (page["state"], said["kept"]) == (state, kept)
    assert [each["cause"] for each in page["transitions"]] == moves
    if state == "open":
        assert page["now_s"] - page["in_state_s"] == pytest.approx(opened["now_s"] - opened["in_state_s"])


def test_open_by_hand_lasts_until_it_is_closed_or_for_a_time(ask: Ask) -> None:
    """Held open, nobody is told when to ask again; for_s says when the next probe comes."""
    held, refused = ask("POST", "/breaker/open").json(), ask("GET", "/data")
    timed, later = ask("POST", "/breaker/open?for_s=90").json(), ask("GET", "/data")

    names = ("state", "held_open", "retry_after_s")
    assert [held[name] for name in names] == ["open", True, 0.0]
    assert ("retry-after" in refused.headers, refused.json()["retry_after_s"]) == (False, 0.0)
    assert [timed[name] for name in names] == ["open", False, pytest.approx(90, abs=1)]
    assert later.headers["retry-after"] == "90"
    assert ask("POST", "/breaker/close").json()["held_open"] is False


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("open?for_s=0", "for_s: got '0'; Input should be greater than 0"),
        ("open?for_s=86401", "for_s: got '86401'; Input should be less than or equal to 86400"),
        ("open?for_s=nan", "for_s: got 'nan'"),
        ("open?for_s=long", "for_s: got 'long'"),
        ("close?for_s=3", "for_s: got 3; allowed with /breaker/open only"),
    ],
)
def test_a_time_to_stay_open_that_is_none_is_refused(ask: Ask, path: str, said: str) -> None:
    """Nothing is done, and the field is named."""
    answer = ask("POST", f"/breaker/{path}")

    assert (answer.status_code, ask("GET", "/breaker").json()["state"]) == (422, "closed")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("policy", ["off", "throttle", "adaptive", "forced_open"])
def test_a_policy_that_cannot_be_opened_says_so_with_a_time_too(ask: Ask, policy: str) -> None:
    """409, as without."""
    ask("PATCH", "/breaker", json={"policy": policy})

    assert [ask("POST", f"/breaker/open{query}").status_code for query in ("", "?for_s=3")] == [409, 409]


# Each line: the body as sent to PATCH /breaker, the field that is wrong, and the detail that must be said of it.
BAD_BREAKERS = [
    ('{"policy": "magic"}', "breaker.policy", "breaker.policy: got 'magic'; allowed: {policies}"),
    ('{"fail_max": 0}', "breaker.fail_max", f"breaker.fail_max: got 0; {UP_TO_A_MILLION}"),
    ('{"fail_max": 2.5}', "breaker.fail_max", f"breaker.fail_max: got 2.5; {UP_TO_A_MILLION}"),
    ('{"fail_max": "many"}', "breaker.fail_max", f"breaker.fail_max: got 'many'; {UP_TO_A_MILLION}"),
    ('{"failmax": 3}', "breaker.failmax", "breaker.failmax: unknown key (did you mean 'fail_max'?)"),
    (
        '{"reset_timeout": NaN}',
        "breaker.reset_timeout",
        "breaker.reset_timeout: got nan; allowed: a number > 0 and <= 86400",
    ),
    (
        '{"reset_timeout": 0}',
        "breaker.reset_timeout",
        "breaker.reset_timeout: got 0; allowed: a number > 0 and <= 86400",
    ),
    (
        '{"success_threshold": 0}',
        "breaker.success_threshold",
        f"breaker.success_threshold: got 0; {UP_TO_A_MILLION}",
    ),
    (
        '{"max_probes": 0}',
        "breaker.max_probes",
        "breaker.max_probes: got 0; allowed: a whole number >= 1 and <= 10000",
    ),
    (
        '{"fail_max": 3, "reset_timeout": -1}',
        "breaker.reset_timeout",
        "breaker.reset_timeout: got -1; allowed: a number > 0 and <= 86400",
    ),
    ("[]", "body", "body: must be a JSON object"),
]
BAD_CONFIGS = [
    (
        '{"timeout": {"total_s": -1}}',
        "timeout.total_s",
        "timeout.total_s: got -1; allowed: a number > 0 and <= 3600",
    ),
    (
        '{"timeout": {"total_s": Infinity}}',
        "timeout.total_s",
        "timeout.total_s: got inf; allowed: a number > 0 and <= 3600",
    ),
    ('{"timout": {}}', "timout", "timout: unknown key (did you mean 'timeout'?)"),
    (
        '{"fallback": {"enabled": "perhaps"}}',
        "fallback.enabled",
        "fallback.enabled: got 'perhaps'; input should be a valid boolean, unable to interpret input",
    ),
    ('{"port": 1}', "port", "port: unknown key"),
    (
        '{"timeout": {"total_s": 1}, "breaker": {"fail_max": 0}}',
        "breaker.fail_max",
        f"breaker.fail_max: got 0; {UP_TO_A_MILLION}",
    ),
]


@pytest.mark.parametrize(
    ("path", "body", "field", "detail"),
    [("/breaker", *line) for line in BAD_BREAKERS] + [("/config", *line) for line in BAD_CONFIGS],
    ids=[line[0] for line in BAD_BREAKERS + BAD_CONFIGS],
)
def test_a_bad_change_is_refused_and_nothing_changes(ask: Ask, path: str, body: str, field: str, detail: str) -> None:
    """422 as a problem that names field, value and range; settings, state and transitions stay as they were."""
    ask("POST", "/breaker/open")

    answer = ask("PATCH", path, content=body)

    expected = detail.replace("{policies}", ", ".join(sorted(policies())))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert (answer.json()["detail"], [each["field"] for each in answer.json()["errors"]]) == (expected, [field])
    assert ask("GET", "/config").json() == CONFIG
    assert [each["cause"] for each in ask("GET", "/breaker").json()["transitions"]] == ["open by hand"]


def test_health_and_description(ask: Ask) -> None:
    """A probe's answer, and an OpenAPI page that knows every route, the plain ASGI one too."""
    described = ask("GET", "/openapi.json").json()

    assert ask("GET", "/health").json() == {"status": "ok"}
    assert {path: sorted(methods) for path, methods in described["paths"].items()} == {
        "/backend/faults": ["delete", "get", "patch", "put"],
        "/backend/openapi.json": ["get"],
        "/backend/stats": ["get"],
        "/breaker": ["get", "patch"],
        "/breaker/{action}": ["post"],
        "/config": ["get", "patch"],
        "/config/schema": ["get"],
        "/data": ["get"],
        "/events": ["get"],
        "/health": ["get"],
        "/metrics": ["get"],
        "/stats": ["get"],
        "/traffic": ["delete", "get", "put"],
    }


def test_two_apps_share_nothing(serve: Callable[[FastAPI], Ask]) -> None:
    """Everything is built in create_app: one service's breaker is not the other's."""
    one, other = serve(create_app(upstream=Stub())), serve(create_app(upstream=Stub()))
    one("POST", "/breaker/open")

    assert [one("GET", "/data").status_code, other("GET", "/data").status_code] == [503, 200]


async def _listen(app: FastAPI, then: Callable[[], Any], count: int) -> list[tuple[str, dict[str, Any]]]:
    """Open GET /events as a bare ASGI caller; after the first event call `then`; return `count` events; hang up."""
    found: list[tuple[str, dict[str, Any]]] = []
    begun, enough, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
    text = ""

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal text
        text += message.get("body", b"").decode()
        while "\n\n" in text:
            event, _, text = text.partition("\n\n")
            fields = dict(line.split(": ", 1) for line in event.splitlines() if not line.startswith(":"))
            if fields:
                found.append((fields["event"], json.loads(fields["data"])))
                begun.set()
        if len(found) >= count:
            enough.set()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/events",
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }
    stream = asyncio.create_task(app(scope, receive, send))
    await begun.wait()
    await then()
    await enough.wait()
    gone.set()
    await stream
    return found


def test_events_begin_with_a_snapshot_and_go_on_with_what_happens() -> None:
    """Snapshot, then a call and the transition that it made; the stream ends when the listener goes away."""

    async def main() -> list[tuple[str, dict[str, Any]]]:
        stub = Stub()
        stub.status = 500
        app = create_app(ClientSettings.model_validate({"breaker": {"fail_max": 1}}), stub)
        async with app.router.lifespan_context(app):
            http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")

            async def fail() -> None:
                async with http:
                    await http.get("/data")

            return await _listen(app, fail, 3)

    (first, snapshot), (second, transition), (third, call) = run_virtual(main())

    assert (first, snapshot["state"], snapshot["transitions"]) == ("snapshot", "closed", [])
    assert transition.pop("at") <= call.pop("at")
    assert transition.pop("loop_lag_s") >= 0
    assert call.pop("duration_s") >= 0
    assert (second, transition) == (
        "transition",
        {
            "seq": 1,
            "before": "closed",
            "after": "open",
            "cause": "fail_max reached",
            "fail_count": 1,
            "request_id": "1",
        },
    )
    assert (third, call) == (
        "call",
        {
            "request_id": "1",
            "outcome": "error",
            "served": "fallback",
            "status": 502,
            "state": "closed",
            "fail_count": 1,
            "attempts": 1,
            "backend_calls": 1,
            "refused": None,
        },
    )
