"""The backend over HTTP, in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from backend.app import create_app
from backend.core import Backend

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from fastapi import FastAPI

    Ask = Callable[..., httpx.Response]

CALM = {
    "seed": 0,
    "error_rate": 0.0,
    "error_status": 500,
    "retry_after_s": None,
    "bursts": None,
    "sequence": None,
    "exact_ratio": None,
    "latency": {"distribution": "constant", "mean_s": 0.0, "spread_s": None},
    "hang_rate": 0.0,
    "reset_rate": 0.0,
    "unreachable": False,
    "capacity": None,
}
NUMBER_TO_1 = "allowed: a number >= 0 and <= 1"
SECONDS = "allowed: a number >= 0 and <= 3600"


@pytest.fixture
def ask(serve: Callable[[FastAPI], Ask]) -> Ask:
    return serve(create_app())


# Each line: the body as sent, the field that is wrong, and the detail that must be said of it.
BAD_PLANS = [
    ('{"error_rate": 1.3}', "error_rate", f"error_rate: got 1.3; {NUMBER_TO_1}"),
    ('{"error_rate": -0.1}', "error_rate", f"error_rate: got -0.1; {NUMBER_TO_1}"),
    ('{"error_rate": NaN}', "error_rate", f"error_rate: got nan; {NUMBER_TO_1}"),
    ('{"error_rate": Infinity}', "error_rate", f"error_rate: got inf; {NUMBER_TO_1}"),
    ('{"error_rate": "abc"}', "error_rate", f"error_rate: got 'abc'; {NUMBER_TO_1}"),
    ('{"error_rate": null}', "error_rate", f"error_rate: got None; {NUMBER_TO_1}"),
    ('{"error_rate": "\\ud800"}', "error_rate", f"error_rate: got '\\ud800'; {NUMBER_TO_1}"),
    ('{"hang_rate": 2}', "hang_rate", f"hang_rate: got 2; {NUMBER_TO_1}"),
    (
        '{"hang_rate": 0.6, "reset_rate": 0.6}',
        "hang_rate + reset_rate",
        "hang_rate + reset_rate: got 1.2; allowed: a sum <= 1",
    ),
    ('{"error_status": 200}', "error_status", "error_status: got 200; allowed: a whole number >= 400 and <= 599"),
    ('{"latency": {"mean_s": -1}}', "latency.mean_s", f"latency.mean_s: got -1; {SECONDS}"),
    ('{"latency": {"mean_s": Infinity}}', "latency.mean_s", f"latency.mean_s: got inf; {SECONDS}"),
    (
        '{"latency": {"distribution": "cauchy"}}',
        "latency.distribution",
        "latency.distribution: got 'cauchy'; input should be 'constant', 'uniform', 'exponential' or 'lognormal'",
    ),
    (
        '{"latency": {"distribution": "uniform", "mean_s": 1}}',
        "latency.spread_s",
        "latency.spread_s: missing; a uniform latency needs it",
    ),
    (
        '{"latency": {"distribution": "lognormal", "mean_s": 1}}',
        "latency.spread_s",
        "latency.spread_s: missing; a lognormal latency needs it",
    ),
    (
        '{"latency": {"distribution": "uniform", "mean_s": 1, "spread_s": 0.6}}',
        "latency.spread_s",
        "latency.spread_s: got 0.6; allowed: a number <= mean_s / sqrt(3) = 0.57735",
    ),
    (
        '{"latency": {"distribution": "constant", "mean_s": 1, "spread_s": 1}}',
        "latency.spread_s",
        "latency.spread_s: got 1; a constant latency has no spread",
    ),
    (
        '{"latency": {"distribution": "exponential", "mean_s": 1, "spread_s": 2}}',
        "latency.spread_s",
        "latency.spread_s: got 2; an exponential latency's spread is its mean: leave it out",
    ),
    (
        '{"latency": {"distribution": "lognormal", "mean_s": 0, "spread_s": 1}}',
        "latency.mean_s",
        "latency.mean_s: got 0; allowed for a lognormal latency: a number > 0",
    ),
    (
        '{"latency": {"distribution": "lognormal", "mean_s": 1e-200, "spread_s": 1}}',
        "latency.spread_s",
        "latency.spread_s: got 1; allowed: a number <= 1000 * mean_s = 1e-197",
    ),
    ('{"latency": {"median_s": 1}}', "latency.median_s", "latency.median_s: unknown key (did you mean 'mean_s'?)"),
    ('{"latency": 3}', "latency", "latency: got 3; allowed: keys with values"),
    ('{"eror_rate": 0.3}', "eror_rate", "eror_rate: unknown key (did you mean 'error_rate'?)"),
    ('{"xyz": 0.3}', "xyz", "xyz: unknown key"),
    (
        '{"\\ud800": 1}',
        "body",
        "body: got '\\ud800'; input should be a valid string, unable to parse raw data as a unicode string",
    ),
    ('{"sequence": "SFX"}', "sequence", "sequence: got the letters 'X'; allowed: S (success) and F (failure)"),
    ('{"sequence": "sf"}', "sequence", "sequence: got the letters 'f', 's'; allowed: S (success) and F (failure)"),
    ('{"sequence": ""}', "sequence", "sequence: got ''; string should have at least 1 character"),
    (
        '{"error_rate": 0.3, "sequence": "SF"}',
        "error_rate and sequence",
        "error_rate and sequence: only one of them may decide which requests fail",
    ),
    (
        '{"bursts": {"rate": 0.3, "mean_length": 5}, "exact_ratio": {"failures": 1, "of": 2}}',
        "bursts and exact_ratio",
        "bursts and exact_ratio: only one of them may decide which requests fail",
    ),
    ('{"bursts": {"rate": 1, "mean_length": 5}}', "bursts.rate", "bursts.rate: got 1; allowed: a number >= 0 and < 1"),
    (
        '{"bursts": {"rate": 0.5, "mean_length": 1.5}}',
        "bursts.mean_length",
        "bursts.mean_length: got 1.5; allowed at rate 0.5: a number >= 2, the mean run of independent failures",
    ),
    ('{"bursts": {"rate": 0.5}}', "bursts.mean_length", "bursts.mean_length: missing"),
    (
        '{"bursts": {"rate": 0.5, "mean_length": 1001}}',
        "bursts.mean_length",
        "bursts.mean_length: got 1001; allowed: a number >= 1 and <= 1000",
    ),
    ('{"error_rate": true}', "error_rate", f"error_rate: got True; {NUMBER_TO_1}"),
    (
        '{"exact_ratio": {"failures": 3, "of": 2}}',
        "exact_ratio.failures",
        "exact_ratio.failures: got 3; allowed: a number <= of = 2",
    ),
    (
        '{"capacity": {"workers": 0}}',
        "capacity.workers",
        "capacity.workers: got 0; allowed: a whole number >= 1 and <= 10000",
    ),
    (
        '{"capacity": {"workers": 1, "queue": -1}}',
        "capacity.queue",
        "capacity.queue: got -1; allowed: a whole number >= 0 and <= 1000000",
    ),
    ('{"seed": -1}', "seed", "seed: got -1; allowed: a whole number >= 0 and <= 9223372036854775807"),
    (
        '{"phases": [{"duration_s": 0}]}',
        "phases.0.duration_s",
        "phases.0.duration_s: got 0; allowed: a number > 0 and <= 1000000",
    ),
    (
        '{"phases": [{}, {}]}',
        "phases.0.duration_s",
        "phases.0.duration_s: missing; only the last phase may leave it out",
    ),
    (
        '{"phases": [{"duration_s": 1}, {"profile": {"error_rate": 1.3}}]}',
        "phases.1.profile.error_rate",
        f"phases.1.profile.error_rate: got 1.3; {NUMBER_TO_1}",
    ),
    (
        '{"phases": [], "seed": 1}',
        "phases",
        "phases: got []; allowed: at least 1 entry",
    ),
    ('{"phases": [{}], "error_rate": 0.3}', "error_rate", "error_rate: unknown key"),
    ("[]", "body", "body: must be a JSON object"),
    ("{", "body", "body: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    (
        "[" * 100_000,
        "body",
        "body: nested too deeply; allowed: at most 50 levels of brackets",
    ),
]


@pytest.mark.parametrize(("body", "field", "detail"), BAD_PLANS, ids=[body[:60] for body, _, _ in BAD_PLANS])
def test_a_bad_plan_is_refused_and_the_old_one_stays(ask: Ask, body: str, field: str, detail: str) -> None:
    """422 as a problem that names field, value and range; nothing of the bad plan is put in force."""
    before = ask("PUT", "/faults", json={"seed": 3}).json()

    for method in ("PUT", "PATCH"):
        answer = ask(method, "/faults", content=body)

        problem = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), method
        assert {name: problem[name] for name in ("type", "title", "status", "detail")} == {
            "type": "about:blank",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": detail,
        }, method
        assert [error["field"] for error in problem["errors"]] == [field], method
        assert ask("GET", "/faults").json() == before, method


def test_every_mistake_is_named_at_once(ask: Ask) -> None:
    """Two bad fields and a misspelt one: three problems, in one answer."""
    answer = ask("PUT", "/faults", json={"error_rate": 2, "latency": {"mean_s": -1}, "sed": 1}).json()

    assert answer["errors"] == [
        {"field": "error_rate", "value": 2, "detail": f"error_rate: got 2; {NUMBER_TO_1}"},
        {"field": "latency.mean_s", "value": -1, "detail": f"latency.mean_s: got -1; {SECONDS}"},
        {"field": "sed", "value": 1, "detail": "sed: unknown key (did you mean 'seed'?)"},
    ]


def test_a_bad_half_does_not_let_the_good_half_in(ask: Ask) -> None:
    """A partly good PATCH changes nothing, and those who are served meet the old plan."""
    ask("PUT", "/faults", json={"sequence": "F"})

    refused = ask("PATCH", "/faults", json={"sequence": "S", "hang_rate": 7})

    assert (refused.status_code, ask("GET", "/data").status_code) == (422, 500)


def test_the_plan_is_read_replaced_changed_and_reset(ask: Ask) -> None:
    """GET, PUT, PATCH and DELETE each answer with the whole plan in force."""
    burst = {"rate": 0.3, "mean_length": 5.0, "hang_share": 0.0}

    assert [
        ask("GET", "/faults").json(),
        ask("PUT", "/faults", json={"error_rate": 0.3, "seed": 5}).json(),
        ask("PATCH", "/faults", json={"error_rate": 0, "bursts": burst}).json(),
        ask("PUT", "/faults", json={"hang_rate": 0.1}).json(),
        ask("DELETE", "/faults").json(),
    ] == [
        CALM,
        {**CALM, "error_rate": 0.3, "seed": 5},
        {**CALM, "bursts": burst, "seed": 5},
        {**CALM, "hang_rate": 0.1},
        CALM,
    ]


def test_a_schedule_is_put_and_read_back(ask: Ask) -> None:
    """Phases come back as phases, with every default filled in."""
    put = ask("PUT", "/faults", json={"phases": [{"duration_s": 2, "profile": {"error_rate": 1}}, {}]}).json()

    calm = {name: value for name, value in CALM.items() if name != "seed"}
    assert put == {
        "seed": 0,
        "phases": [
            {"name": "", "duration_s": 2.0, "profile": {**calm, "error_rate": 1.0}},
            {"name": "", "duration_s": None, "profile": calm},
        ],
    }


def test_the_work_answers_with_what_was_asked(ask: Ask) -> None:
    """Without faults: 200 and the key of the weather."""
    answer = ask("GET", "/data", headers={"X-Request-Id": "42", "X-Attempt": "2"})

    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (
        200,
        "application/json",
        {"data": "fresh from the backend", "request_id": "42", "attempt": 2},
    )


def test_an_injected_error_says_that_it_was_injected(ask: Ask) -> None:
    """The profile's status, as a problem."""
    ask("PUT", "/faults", json={"error_rate": 1, "error_status": 504})

    answer = ask("GET", "/data")

    assert (answer.headers["content-type"], answer.json()) == (
        "application/problem+json",
        {
            "type": "about:blank",
            "title": "Gateway Timeout",
            "status": 504,
            "detail": "injected by the fault profile",
            "request_id": None,
        },
    )


@pytest.mark.parametrize("status", [400, 499, 599])
def test_every_allowed_error_status_can_be_answered(ask: Ask, status: int) -> None:
    """Also the ones without a registered name."""
    ask("PUT", "/faults", json={"error_rate": 1, "error_status": status})

    assert ask("GET", "/data").status_code == status


def test_a_full_queue_is_a_503_with_retry_after(serve: Callable[[FastAPI], Ask]) -> None:
    """The queue's refusal as a problem; here the only worker is taken by hand."""
    backend = Backend(clock=lambda: 0.0)
    ask = serve(create_app(backend=backend))
    ask("PUT", "/faults", json={"capacity": {"workers": 1, "queue": 0}})
    backend.capacity.busy = 1

    answer = ask("GET", "/data")

    assert (answer.status_code, answer.headers["retry-after"], answer.json()["detail"]) == (
        503,
        "1",
        "1 workers busy and 0 requests waiting",
    )


@pytest.mark.parametrize("attempt", ["0", "-1", "1.5", "x", "", "1001", "9" * 5000, "\u00b2"])
def test_a_bad_attempt_is_refused(ask: Ask, attempt: str) -> None:
    """The header that is part of the weather's key is checked like everything else, however long it is."""
    answer = ask("GET", "/data", headers={"X-Attempt": attempt.encode("latin-1")})

    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        f"X-Attempt: got {attempt!r:.80}; allowed: a whole number from 1 to 1000",
    )


def test_statistics_count_and_start_afresh(ask: Ask) -> None:
    """The whole snapshot after one answer of each kind that HTTP in memory can show, and after a reset."""
    ask("PUT", "/faults", json={"sequence": "SFS"})
    for _ in range(3):
        ask("GET", "/data")

    counted, fresh = ask("GET", "/stats").json(), ask("DELETE", "/stats").json()

    none = {"ok": 0, "error": 0, "hang": 0, "reset": 0, "unreachable": 0, "queue_full": 0, "abandoned": 0}
    idle = {"in_flight": 0, "busy_workers": 0, "waiting": 0, "revision": 1}
    assert 0 <= counted.pop("busy_s") < 1
    assert 0 < counted.pop("cpu_s") <= fresh.pop("cpu_s")
    assert counted == {"received": 3, "outcomes": {**none, "ok": 2, "error": 1}, "peak_in_flight": 1, **idle}
    assert fresh == {"received": 0, "outcomes": none, "busy_s": 0.0, "peak_in_flight": 0, **idle}


def test_health_and_description(ask: Ask) -> None:
    """A probe's answer, and an OpenAPI page that knows every route, the plain ASGI one too."""
    described = ask("GET", "/openapi.json").json()

    assert ask("GET", "/health").json() == {"status": "ok"}
    assert {path: sorted(methods) for path, methods in described["paths"].items()} == {
        "/data": ["get"],
        "/faults": ["delete", "get", "patch", "put"],
        "/health": ["get"],
        "/metrics": ["get"],
        "/stats": ["delete", "get"],
    }
    json.dumps(described, allow_nan=False)


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [("GET", "/nothing", 404, "Not Found"), ("POST", "/data", 405, "Method Not Allowed")],
)
def test_a_wrong_address_is_a_problem_too(ask: Ask, method: str, path: str, status: int, title: str) -> None:
    """The framework's own errors have the same form."""
    answer = ask(method, path)

    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (
        status,
        "application/problem+json",
        {"type": "about:blank", "title": title, "status": status, "detail": title},
    )


def test_two_apps_share_nothing(serve: Callable[[FastAPI], Ask]) -> None:
    """Everything is built in create_app: one service's faults and counts are not the other's."""
    one, other = serve(create_app()), serve(create_app())
    one("PUT", "/faults", json={"error_rate": 1})

    answers: list[Any] = [one("GET", "/data").status_code, other("GET", "/data").status_code]

    assert answers == [500, 200]


@pytest.mark.parametrize(("method", "path"), [("GET", "/data"), ("PUT", "/faults"), ("DELETE", "/stats")])
def test_an_id_that_is_too_long_is_refused(ask: Ask, method: str, path: str) -> None:
    """431 that says so, before anything is done; one that is just not too long is served."""
    answer = ask(method, path, headers={"X-Request-Id": "x" * 129}, json={"error_rate": 1})

    assert (answer.status_code, answer.headers["x-content-type-options"], answer.json()["detail"]) == (
        431,
        "nosniff",
        "X-Request-Id: got 129 characters; allowed: at most 128 characters",
    )
    assert ask("GET", "/data", headers={"X-Request-Id": "x" * 128}).status_code == 200
