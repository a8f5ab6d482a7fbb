"""Every route of Locust's own application, with the lab's door before it: one that a new version adds is asked, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
OWNERS = "the-token-of-the-owner"

# In a process of its own: importing Locust replaces the process's sockets.
_ASK = """
import json, sys
import locust
from locust import argument_parser
from locust.env import Environment
from loadtest.engines.live import locustfile as lab

results, token = sys.argv[1:]
sys.argv[1:] = []
events = locust.events
arguments = ["--host", "http://127.0.0.1:8000", "--backend-url", "http://127.0.0.1:8001", "--results", results]
environment = Environment(
    user_classes=[lab.Lab],
    shape_class=lab.UntilDone(),
    events=events,
    host="http://127.0.0.1:8000",
    parsed_options=argument_parser.parse_options(arguments),
)
environment.create_local_runner()
web = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
events.init.fire(environment=environment, runner=environment.runner, web_ui=web)
client = web.app.test_client()

own = {"Authorization": f"Bearer {token}", "Host": "127.0.0.1:8089"}
CASES = {
    "foreign origin": {**own, "Origin": "https://evil.example"},
    "other port": {**own, "Origin": "http://127.0.0.1:8000"},
    "opaque origin": {**own, "Origin": "null"},
    "foreign host": {**own, "Host": "evil.example"},
    "image": {**own, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    "frame": {**own, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    "no token": {"Host": "127.0.0.1:8089"},
    "own": {**own, "Origin": "http://127.0.0.1:8089", "Sec-Fetch-Site": "same-origin"},
}
before = vars(environment.parsed_options).copy()
found = []
for rule in web.app.url_map.iter_rules():
    path = rule.rule
    for name in rule.arguments:
        path = path.replace(f"<{name}>", "x").replace(f"<path:{name}>", "x")
    for method in sorted(rule.methods):
        for case, headers in CASES.items():
            data = {"results": "x"} if method == "POST" else None
            with client.open(path, method=method, headers=headers, data=data) as answer:
                found.append([method, path, case, answer.status_code, dict(answer.headers)])
print(json.dumps({"found": found, "unchanged": vars(environment.parsed_options) == before, "host": environment.host}))
"""

Answers = list[tuple[str, str, str, int, dict[str, str]]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Ask every route with every method that it has, as a stranger and as the owner."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOADTEST_", "LOCUST_"))}
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(tmp_path_factory.mktemp("results")), OWNERS],
        cwd=ROOT,
        env={**kept, "LOADTEST_TOKEN": OWNERS},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answers(asked: dict[str, Any], *cases: str) -> Answers:
    """Return the answers to some cases."""
    return [answer for answer in asked["found"] if answer[2] in cases]


STRANGERS = ("foreign origin", "other port", "opaque origin", "foreign host", "image", "frame")


def test_no_route_lets_a_stranger_in(asked: dict[str, Any]) -> None:
    """With the right token, even: a browser would send its cookie along."""
    found = answers(asked, *STRANGERS)

    assert [answer[:4] for answer in found if answer[3] != 403] == []
    assert len(found) > 150


def test_every_route_asks_for_the_token(asked: dict[str, Any]) -> None:
    """But the page that asks for it."""
    assert sorted(
        {(method, path, status) for method, path, _, status, _ in answers(asked, "no token") if status != 401}
    ) == [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
    ]


def test_every_answer_has_its_headers(asked: dict[str, Any]) -> None:
    """No leave for other origins, no frames, no guessed types, and a policy."""
    needed = {"X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Cross-Origin-Resource-Policy"}

    for answer in asked["found"]:
        names = answer[4].keys()
        assert needed <= names, answer
        assert not [name for name in names if name.lower().startswith("access-control")], answer


def test_the_owner_comes_in(asked: dict[str, Any]) -> None:
    """Nothing that a page of this server asks for is refused for where it comes from."""
    assert [answer[:4] for answer in answers(asked, "own") if answer[3] in (401, 403)] == []
    assert [answer[:4] for answer in answers(asked, "own") if answer[3] >= 500] == []


def test_only_these_routes_change_something(asked: dict[str, Any]) -> None:
    """A new one needs a look: does it take a form, or addresses? A GET that changes something needs another method."""
    writing = {path for method, path, *_ in asked["found"] if method not in ("GET", "HEAD", "OPTIONS")}

    assert writing == {"/swarm", "/stop", "/stats/reset", "/user"}


def test_no_form_has_changed_an_option(asked: dict[str, Any]) -> None:
    """Locust's own start of a run writes each field into the option of its name."""
    assert (asked["unchanged"], asked["host"]) == (True, "http://127.0.0.1:8000")
