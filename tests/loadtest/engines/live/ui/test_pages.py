"""The lab's pages in Locust's web server, without Locust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flask import Blueprint, Flask

from inputs.wrong_input import WrongInputError
from loadtest.engines.live.ui import pages
from service.guard.hosts import AllowedHosts
from service.guard.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from flask.testing import FlaskClient


class Desk:
    """A load generator that remembers what it was asked for, and refuses the seed 0."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.client_url = "http://127.0.0.1:8000"
        self.asked: list[Mapping[str, Sequence[str]]] = []
        self.stopped = 0

    def start(self, fields: Mapping[str, Sequence[str]]) -> None:
        if fields["seeds"] == ["0"]:
            raise WrongInputError([{"field": "seeds", "value": "0", "detail": "seeds: got '0'; allowed: others"}])
        if fields["seeds"] == ["none"]:
            raise RuntimeError("<b>a fault of the lab's own</b>")
        self.asked.append(fields)

    def stop_preparing(self) -> None:
        self.stopped += 1

    def progress(self) -> dict[str, Any]:
        return {"phase": "idle"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Make a folder of results, with a run, something hidden, and a secret beside it."""
    results = tmp_path / "results"
    run = results / "mine" / "run"
    run.mkdir(parents=True)
    (results / "index.html").write_text("all runs", encoding="utf-8")
    (run / "report.html").write_text("the report", encoding="utf-8")
    (run / "run.log").write_text("words", encoding="utf-8")
    (results / ".hidden.html").write_text("hidden", encoding="utf-8")
    (results / ".git").mkdir()
    (results / ".git" / "x.json").write_text("{}", encoding="utf-8")
    (tmp_path / "secret.html").write_text("not yours", encoding="utf-8")
    (tmp_path / "results-too").mkdir()
    (tmp_path / "results-too" / "secret.html").write_text("not yours", encoding="utf-8")
    (results / "mine" / "latest").symlink_to("run")
    (results / "out.html").symlink_to(tmp_path / "secret.html")
    (results / "away").symlink_to(tmp_path)
    (results / "mask.html").symlink_to(".git/x.json")
    (results / "loop.html").symlink_to("loop.html")
    return Desk(results)


@pytest.fixture
def web(desk: Desk) -> FlaskClient:
    """Stand in for Locust's application: its form's target, its page, and what it says of errors."""
    app = Flask(__name__)
    app.debug = True
    locust = Blueprint("locust", __name__)
    locust.register_error_handler(Exception, lambda error: (str(error), getattr(error, "code", 500)))
    locust.add_url_rule("/", "index", lambda: PAGE)
    locust.add_url_rule("/swarm", "swarm", lambda: {"success": "Locust's"}, methods=["POST"])
    locust.add_url_rule("/stop", "stop", lambda: {"success": True}, methods=["POST"])
    locust.add_url_rule("/user", "update_user", lambda: {"success": "Locust's"}, methods=["POST"])
    locust.add_url_rule("/stats/report", "stats_report", lambda: "<script>1</script>")
    locust.add_url_rule("/broken/<name>", "broken", lambda name: {}[name])
    app.register_blueprint(locust)
    pages.install_pages(app, desk, AllowedHosts(), Tokens("loadtest"))
    return app.test_client()


PAGE = "<html><head><script src=x></script></head><body><script>a = '\\u003cscript>'</script></body></html>"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/results/", "all runs"),
        ("/results/index.html", "all runs"),
        ("/results/mine/run/report.html", "the report"),
        ("/results/mine/latest/report.html", "the report"),
    ],
)
def test_runs_and_their_reports_are_served(web: FlaskClient, path: str, text: str) -> None:
    """By the link that stays inside, too."""
    with web.get(path) as answer:
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "name",
    [
        *("../secret.html", "mine/../../secret.html", "..", ".", "%2e%2e/secret.html", "..%2fsecret.html"),
        *("/etc/passwd", "//etc/passwd", "../results-too/secret.html", "..\\secret.html", "mine\\..\\..\\secret.html"),
        *("out.html", "away/secret.html", "away/results/index.html/", "mask.html", "loop.html"),
        *(".hidden.html", ".git/x.json", "mine/run/run.log", "mine/run", "mine", "none.html", "a\0.html", "x" * 5000),
    ],
)
def test_nothing_else_is_served(web: FlaskClient, desk: Desk, name: str) -> None:
    """No `..`, no absolute path, no link that leads out, nothing hidden, no folder, no file of another kind."""
    answer = web.get(f"/results/{name}")

    assert answer.status_code in (301, 308, 404)  # a redirect only tidies slashes, within these pages
    assert pages.find_file(desk.results, name) is None
    assert "not yours" not in answer.text


def test_a_link_to_no_file_runs_no_script(web: FlaskClient) -> None:
    """The name in the answer is the sender's: it is text, and no page of Locust's origin."""
    answer = web.get("/results/<script>alert(1)</script>")

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """No error, just no file."""
    assert pages.find_file(tmp_path / "none", "index.html") is None


def test_a_wrong_form_is_answered_with_its_sentence(web: FlaskClient, desk: Desk) -> None:
    """In the shape that Locust's form shows; Locust's own function, which writes into its options, hears of neither."""
    wrong = web.post("/swarm", data={"seeds": "0"})
    right = web.post("/swarm", data={"seeds": "1", "arms": ["a", "b"]})

    assert (wrong.status_code, wrong.json) == (
        200,
        {"success": False, "message": "seeds: got '0'; allowed: others", "host": "http://127.0.0.1:8000"},
    )
    assert right.json == {
        "success": True,
        "message": "Swarming started: the scenario defines the load",
        "host": "http://127.0.0.1:8000",
    }
    assert desk.asked == [{"seeds": ["1"], "arms": ["a", "b"]}]


def test_a_stop_also_ends_what_is_being_prepared(web: FlaskClient, desk: Desk) -> None:
    """Then Locust stops what runs."""
    assert web.post("/stop").json == {"success": True}
    assert desk.stopped == 1


def test_nobody_sets_the_address_of_locusts_users(web: FlaskClient) -> None:
    """Locust has a route for that, which its page uses with several classes of users."""
    answer = web.post("/user", data={"user_class_name": "Lab", "host": "http://127.0.0.1:9999"})

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/<script>", 404, "application/problem+json"),
        ("DELETE", "/swarm", 405, "application/problem+json"),
        ("GET", "/broken/<script>", 500, "text/plain; charset=utf-8"),
        ("GET", "/breaker/tab.<script>", 404, "text/plain; charset=utf-8"),
        ("TRACE", "/", 405, "application/problem+json"),
    ],
)
def test_an_error_is_no_page(web: FlaskClient, method: str, path: str, status: int, kind: str) -> None:
    """Neither Flask's, nor Locust's: what a sender wrote would run in it. No traceback either."""
    answer = web.open(path, method=method)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)
    assert "Traceback" not in answer.text


def test_a_fault_of_the_lab_is_told_as_text(web: FlaskClient) -> None:
    """Its words may repeat what a sender wrote."""
    answer = web.post("/swarm", data={"seeds": "none"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    "path", ["/", "/results/", "/results/mine/run/report.html", "/stats/report", "/breaker/tab.js"]
)
def test_a_page_runs_its_own_scripts_and_reaches_this_server_alone(web: FlaskClient, path: str) -> None:
    """Locust's page has a nonce, and no other script of it runs; a page that stands alone reaches nothing."""
    with web.get(path) as answer:
        policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy.get("connect-src", "'none'") == ("'self'" if path == "/" else "'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if path == "/":
        nonce = policy["script-src"].removeprefix("'self' 'nonce-").removesuffix("'")
        assert len(nonce) >= 22
        assert answer.text.count(f'nonce="{nonce}"') == answer.text.count("<script") + answer.text.count("<style")
        assert web.get("/").text.count(nonce) == 0
    else:
        assert policy.get("script-src", "'none'") == ("'none'" if path.endswith(".js") else "'unsafe-inline'")


def test_locusts_page_gets_the_script_and_other_answers_stay(web: FlaskClient) -> None:
    """One style sheet and one script, from routes that are there."""
    page = web.get("/").text

    assert page.count("./breaker/tab.js") == page.count("./breaker/tab.css") == 1
    assert page.index("tab.js") < page.index("</head>")
    assert web.get("/breaker/tab.js").status_code == web.get("/breaker/tab.css").status_code == 200
    assert web.get("/breaker/tab.toml").status_code == 404
    assert web.get("/breaker/progress").json == {"phase": "idle"}
