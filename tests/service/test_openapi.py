"""The OpenAPI pages: whole, and with nothing that cannot be resolved."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from backend.app import create_app as backend
from backend.profile import FaultPlan, OnePhase
from client.app import create_app as client
from client.breakers.flat import FlatBreaker
from client.pipeline.order import FlatCallSettings
from service.openapi import json_body

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from fastapi import FastAPI
    from pydantic import BaseModel

    Ask = Callable[..., httpx.Response]


@pytest.mark.parametrize("models", [(OnePhase, FaultPlan), (FlatBreaker,), (FlatCallSettings,)])
def test_a_body_brings_its_definitions_with_it(models: tuple[type[BaseModel], ...]) -> None:
    """An operation has no definitions of its own, so a reference would lead nowhere."""
    said = json.dumps(json_body(*models))

    assert "$ref" not in said
    assert "$defs" not in said


def test_the_bounds_are_on_the_page() -> None:
    """What a setting may be can be read where it is set."""
    schema: dict[str, Any] = json_body(FlatBreaker)["requestBody"]["content"]["application/json"]["schema"]

    assert {name: schema["properties"]["fail_max"][name] for name in ("minimum", "maximum", "default")} == {
        "minimum": 1,
        "maximum": 1_000_000,
        "default": 5,
    }
    assert not re.search(r"null", json.dumps(schema["properties"]["fail_max"]))


@pytest.fixture(params=[backend, client])
def app(request: pytest.FixtureRequest) -> FastAPI:
    made: FastAPI = request.param()
    return made


def operations(ask: Ask) -> list[tuple[str, str, dict[str, Any]]]:
    found = ask("GET", "/openapi.json").json()["paths"]
    return [(method, path, each) for path, methods in found.items() for method, each in methods.items()]


def test_every_problem_has_its_media_type_and_its_schema(serve: Callable[[FastAPI], Ask], app: FastAPI) -> None:
    """Whatever the status: what a generated client reads it with."""
    ask = serve(app)
    described = [
        (path, status, answer["content"])
        for _, path, operation in operations(ask)
        for status, answer in operation["responses"].items()
        if status.isdigit() and int(status) >= 400
    ]

    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert [each for each in described if each[2] != problem] == []
    assert ask("GET", "/openapi.json").json()["components"]["schemas"].keys() == {"Problem"}


def test_every_route_tells_the_statuses_of_its_limits(serve: Callable[[FastAPI], Ask], app: FastAPI) -> None:
    """Those of heads and bodies anywhere; of tokens where one may be asked for; of input where there is any."""
    anywhere, tokens = {"400", "408", "413", "431", "503"}, {"401", "403"}
    for method, path, operation in operations(serve(app)):
        told = set(operation["responses"])
        has_input = "parameters" in operation or "requestBody" in operation

        assert told >= anywhere, (method, path)
        assert told >= tokens or path in ("/data", "/health"), (method, path)
        writes_through = path.startswith("/backend") and method in ("put", "patch")
        assert ("422" in told) == (has_input or writes_through), (method, path)


def test_routes_tell_their_own_statuses(serve: Callable[[FastAPI], Ask]) -> None:
    """A breaker that there is not, a backend that does not answer, seats that are taken."""
    found = serve(client())("GET", "/openapi.json").json()["paths"]

    assert "409" in found["/breaker/{action}"]["post"]["responses"]
    assert found["/backend/faults"]["put"]["responses"].keys() >= {"422", "502", "504"}
    assert "all event streams" in found["/events"]["get"]["responses"]["503"]["description"]
    assert found["/data"]["get"]["responses"].keys() >= {"422", "502", "503", "504"}


def test_headers_and_sequences_have_patterns(serve: Callable[[FastAPI], Ask]) -> None:
    """They say the same as the checks."""
    ask = serve(backend())
    found = ask("GET", "/openapi.json").json()["paths"]
    headers = {each["name"]: each["schema"] for each in found["/data"]["get"]["parameters"]}
    profile = found["/faults"]["put"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"][0]
    sequence = profile["properties"]["sequence"]["anyOf"][0]["pattern"]

    assert headers["X-Request-Id"] == {"type": "string", "maxLength": 128, "pattern": "^[ -~]*$"}
    for attempt in ("1", "9", "10", "999", "1000", "0007", "0", "1001", "00001", "-1", "1.0", "x", ""):
        fits = re.search(headers["X-Attempt"]["pattern"], attempt) is not None
        assert fits == (ask("GET", "/data", headers={"X-Attempt": attempt}).status_code == 200), attempt
    for letters in ("SF", "S", "SSX", "", "sf", " S"):
        fits = re.search(sequence, letters) is not None
        assert fits == (ask("PUT", "/faults", json={"sequence": letters}).status_code == 200), letters


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_no_page_loads_scripts_of_another_host(serve: Callable[[FastAPI], Ask], app: FastAPI, path: str) -> None:
    """FastAPI's pages about the routes do: they are off, and the answer is a problem."""
    answer = serve(app)("GET", path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("make", "method", "path", "allowed"),
    [
        (backend, "POST", "/faults", "GET, PUT, PATCH, DELETE"),
        (backend, "PUT", "/stats", "GET, DELETE"),
        (backend, "POST", "/data", "GET, HEAD"),
        (client, "POST", "/data", "GET, HEAD"),
        (client, "OPTIONS", "/data", "GET, HEAD"),
        (client, "DELETE", "/breaker", "GET, PATCH"),
        (client, "GET", "/breaker/open", "POST"),
        (client, "POST", "/traffic", "GET, PUT, DELETE"),
        (client, "POST", "/backend/faults", "GET, PUT, PATCH, DELETE"),
        (client, "DELETE", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_405_names_all_methods_of_the_path(
    serve: Callable[[FastAPI], Ask], make: Callable[[], FastAPI], method: str, path: str, allowed: str
) -> None:
    """RFC 9110, section 15.5.6; whichever of them has a route of its own."""
    answer = serve(make())(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_a_wrong_parameter_is_told_as_any_other_mistake(serve: Callable[[FastAPI], Ask]) -> None:
    """With its field and its value, cut, in `errors`."""
    answer = serve(client())("GET", "/breaker", params={"transitions_after": "x" * 10_000}).json()

    assert answer["errors"][0]["field"] == "query.transitions_after"
    assert len(answer["errors"][0]["value"]) == 80
    assert len(answer["detail"]) < 250
