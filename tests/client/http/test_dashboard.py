"""The page's files: small, from nowhere else, with strict headers; its presets and its forms' schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backend.profile import OnePhase, plan_from
from client.app import create_app
from client.breakers import policies
from client.breakers.flat import FlatPolicy
from client.breakers.interface import State
from client.dashboard import looks
from client.pipeline.call import Answer, Call, Outcome
from client.pipeline.order import CallSettings
from client.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from fastapi import FastAPI

    Ask = Callable[..., httpx.Response]

STATIC = Path(__file__).parents[3] / "client" / "dashboard" / "static"
FILES = sorted(path.name for path in STATIC.iterdir())


def text(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


@pytest.fixture
def ask(serve: Callable[[FastAPI], Ask]) -> Ask:
    return serve(create_app(ClientSettings.model_validate({"breaker": {"fail_max": 7}})))


@pytest.fixture
def ask_for_file(serve_with_threads: Callable[[FastAPI], Ask]) -> Ask:
    return serve_with_threads(create_app())


def test_it_is_small() -> None:
    """Under 150 KB in all, as it is sent."""
    assert sum((STATIC / name).stat().st_size for name in FILES) < 150_000


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_another_host(name: str) -> None:
    """The names of XML namespaces are the only addresses."""
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", text(name)))

    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_every_file_that_is_named_is_there() -> None:
    """And none is there that nobody names."""
    named = set(re.findall(r"dashboard/([\w.-]+)", text("index.html")))
    for name in FILES:
        if name.endswith(".js"):
            named |= set(re.findall(r"from \"\./([\w.-]+)\"", text(name)))
            named |= set(re.findall(r"\"dashboard/([\w.-]+)\"", text(name)))

    assert named | {"index.html"} == set(FILES)


def test_a_file_comes_with_strict_headers_and_only_once(ask_for_file: Ask) -> None:
    """Nothing but the client's own; asked again with its tag, it has not changed; HEAD tells the same."""
    for path, name in [("/", "index.html"), *((f"/dashboard/{name}", name) for name in FILES)]:
        first = ask_for_file("GET", path)

        assert (first.status_code, first.text) == (200, text(name))
        assert first.headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in first.headers["content-security-policy"]
        assert (first.headers["x-content-type-options"], first.headers["cache-control"]) == ("nosniff", "no-cache")
        for tag in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
            again = ask_for_file("GET", path, headers={"If-None-Match": tag})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
            assert again.headers["cache-control"] == "no-cache"
        assert ask_for_file("GET", path, headers={"If-None-Match": '"x"'}).status_code == 200
        head = ask_for_file("HEAD", path)
        assert (head.status_code, head.headers["content-length"]) == (200, first.headers["content-length"])


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("html", "text/html; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("svg", "image/svg+xml"),
        ("json", "application/json"),
    ],
)
def test_each_kind_of_file_has_its_type(ask_for_file: Ask, ending: str, kind: str) -> None:
    """With nosniff, a browser runs no script and takes no style sheet of another type."""
    name = next(each for each in FILES if each.endswith(f".{ending}"))

    assert ask_for_file("GET", f"/dashboard/{name}").headers["content-type"] == kind


@pytest.mark.parametrize("path", ["no.js", "..%2flooks.py", "%2e%2e/looks.py", "..%2f..%2fsettings.py", "a%00.js", ""])
def test_what_is_no_file_is_not_found(ask_for_file: Ask, path: str) -> None:
    """The rest of the package, too; as a problem, like every error of the service."""
    answer = ask_for_file("GET", f"/dashboard/{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "import" not in answer.text


def test_the_page_keeps_to_its_own_policy() -> None:
    """No script, style or handler inside the page: the policy would drop them without a word to the user."""
    page = text("index.html")

    assert re.findall(r"<style|<script(?! type=\"module\" src)|\sstyle=|\son\w+=|javascript:", page) == []


def test_every_control_of_the_page_has_a_name() -> None:
    """A button its text, a select its label."""
    page = text("index.html")

    assert all(re.sub(r"<[^>]+>", "", each).strip() for each in re.findall(r"<button.*?</button>", page))
    assert len(re.findall(r"<select", page)) == len(re.findall(r"<label>[^<]*<select", page))


def test_the_presets_are_profiles_that_the_backend_takes() -> None:
    """Each one, as PUT /faults reads it; five of them, each with words of its own."""
    presets = json.loads(text("presets.json"))

    assert [each["name"] for each in presets] == ["healthy", "30 % errors", "outage", "slow", "limited capacity"]
    plans = [plan_from(each["faults"]) for each in presets]
    assert len({plan.model_dump_json() for plan in plans}) == len({each["about"] for each in presets}) == len(presets)


def test_the_presets_do_what_they_are_called() -> None:
    """So that a change of the numbers does not leave the words behind."""
    healthy, errors, outage, slow, limited = (
        OnePhase.model_validate(each["faults"]) for each in json.loads(text("presets.json"))
    )

    assert (healthy.error_rate, errors.error_rate, outage.error_rate) == (0, 0.3, 1)
    assert (slow.error_rate, slow.latency.mean_s) == (0, 2.5)
    assert limited.capacity is not None
    assert (limited.capacity.workers, limited.latency.mean_s) == (1, 0.5)


def test_the_forms_know_the_ranges_from_the_models(ask: Ask) -> None:
    """And which policy reads what, and what a reset goes back to."""
    found = ask("GET", "/config/schema").json()
    fail_max = found["settings"]["properties"]["breaker"]["properties"]["fail_max"]

    assert (fail_max["minimum"], fail_max["maximum"]) == (1, 1_000_000)
    assert {name: set(each["reads"]) for name, each in found["policies"].items()} == {
        name: set(kind.reads()) for name, kind in policies().items()
    }
    assert all(each["about"].endswith(".") for each in found["policies"].values())
    assert found["started_with"]["breaker"]["fail_max"] == 7


def test_a_reset_goes_back_whatever_was_set(ask: Ask) -> None:
    """The body that the page sends is taken, also after another policy."""
    ask("PATCH", "/breaker", json={"policy": "throttle", "throttle_k": 3, "window_s": 5})
    was = ask("GET", "/config/schema").json()["started_with"]
    answer = ask("PATCH", "/config", json=was)

    assert (answer.status_code, answer.json()["breaker"]) == (200, was["breaker"])


def test_every_outcome_and_state_has_a_look(ask: Ask) -> None:
    """In the order of the enums; the page has no list of its own, but for its drawing of the three states."""
    found = ask("GET", "/config/schema").json()["looks"]

    assert list(looks.OUTCOMES) == list(Outcome) == list(found["outcomes"])
    assert list(looks.STATES) == list(State) == list(found["states"])
    assert all(look["path"] and look["colour"] != "none" for look in found["outcomes"].values())
    assert len({look["path"] for look in found["outcomes"].values()}) == len(Outcome)
    assert re.findall(r'<li data-state="([\w-]+)"', text("index.html")) == list(State)


@pytest.mark.parametrize("name", [each for each in FILES if each.endswith(".js")])
def test_no_script_lists_outcomes(name: str) -> None:
    """One that names more than two of them has a list of its own, which would miss the next."""
    named = [each for each in Outcome if re.search(rf"\b{each}\b\W*:", text(name))]

    assert len(named) <= 2


def test_no_script_names_a_section_of_the_settings() -> None:
    """The breaker's is the one whose fields stand first; any other is found in the schema."""
    scripts = "".join(text(name) for name in FILES if name.endswith(".js"))

    others = CallSettings.model_fields.keys() - {"breaker"}
    assert [each for each in others if re.search(rf"\"{each}\.\w+\"|properties\.{each}\b", scripts)] == []


def test_no_range_is_copied_into_the_page() -> None:
    """The bounds of the settings are in no script: they would be wrong one day."""
    scripts = "".join(text(name) for name in FILES if name.endswith(".js"))
    bounds = {
        str(bound)
        for info in [*FlatPolicy.model_fields.values(), *OnePhase.model_fields.values()]
        for mark in info.metadata
        for bound in (getattr(mark, "ge", None), getattr(mark, "le", None))
        if bound is not None and bound > 100
    }

    assert len(bounds) > 3
    assert [bound for bound in bounds if re.search(rf"\b{bound}\b", scripts)] == []


def test_traffic_is_switched_over_http(serve: Callable[[FastAPI], Ask]) -> None:
    """On, and off again."""

    async def upstream(_: Call) -> Answer:
        return Answer(200, b"{}")

    ask = serve(create_app(upstream=upstream))
    found = [ask(method, "/traffic").json()["on"] for method in ("GET", "PUT", "GET", "DELETE", "GET")]

    assert found == [False, True, True, False, False]
