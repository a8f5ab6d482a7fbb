"""What the page next door can do to somebody who has Locust's web UI open, and the log-in, in a real browser."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import browser
import lab
import pytest
from selenium.webdriver.common.by import By

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver

OWNERS = "the-token-of-the-owner"
FORM = {"scenario": "experiment-1", "engine": "virtual", "user_count": "1", "spawn_rate": "1"}

# Everything that a page may try without asking its reader. What it could read or load goes into `done`.
STRANGER = """<!doctype html><title>next door</title><iframe name="frame"></iframe><script>
const ui = new URLSearchParams(location.search).get("ui");
const form = () => new URLSearchParams(FORM);
const done = {};
async function attempt(name, work) {
  try { done[name] = await work(); } catch { done[name] = "refused"; }
}
function load(tag, path) {
  return new Promise((resolve) => {
    const element = document.createElement(tag);
    element.onload = () => resolve("loaded");
    element.onerror = () => resolve("refused");
    element.src = ui + path;
    document.body.append(element);
  });
}
function post(path) {
  const element = document.createElement("form");
  Object.assign(element, { method: "post", action: ui + path, target: "frame" });
  for (const [name, value] of form()) {
    const field = document.createElement("input");
    Object.assign(field, { name, value });
    element.append(field);
  }
  document.body.append(element);
  element.submit();
  return new Promise((resolve) => setTimeout(() => resolve("sent"), 300));
}
onload = async () => {
  const send = (path, more) => fetch(ui + path, { method: "POST", body: form(), ...more });
  await attempt("read the page", () => fetch(ui + "/").then((answer) => answer.text()));
  const figures = () => fetch(ui + "/breaker/progress", { credentials: "include" });
  await attempt("read the figures", () => figures().then((answer) => answer.text()));
  await attempt("start and read", () => send("/swarm").then((answer) => answer.text()));
  await attempt("load as a script", () => load("script", "/breaker/tab.js"));
  await attempt("load as an image", () => load("img", "/assets/graphs-dark.png"));
  await attempt("stop by an image", () => load("img", "/stop"));
  for (const path of ["/swarm", "/stop", "/stats/reset"]) {
    await attempt("blind " + path, () => send(path, { mode: "no-cors", credentials: "include" }).then(() => "sent"));
    await attempt("form " + path, () => post(path));
  }
  window.finished = done;
};
</script>""".replace("FORM", json.dumps(FORM))
HARMLESS = {
    **dict.fromkeys(("read the page", "read the figures", "start and read"), "refused"),
    **dict.fromkeys(("load as a script", "load as an image", "stop by an image"), "refused"),
    **{f"blind {path}": "refused" for path in ("/swarm", "/stop", "/stats/reset")},
    **{f"form {path}": "sent" for path in ("/swarm", "/stop", "/stats/reset")},
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Start one browser for all."""
    with browser.chromium(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


@pytest.fixture(scope="module")
def next_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve the stranger's page; its port."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "index.html").write_text(STRANGER, encoding="utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, str]]:
    """Start a web UI without a token; its URL, its folder of runs, and the short scenario that it offers."""
    root = tmp_path_factory.mktemp("ui")
    scenario = lab.scenario(root)
    with lab.web_ui(root / "results", root) as (url, _):
        yield url, root / "results", str(scenario)


def ask(url: str, fields: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
    """Send a request as curl does."""
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def progress(url: str, **headers: str) -> dict[str, Any]:
    """Return how far the run is."""
    found: dict[str, Any] = json.loads(ask(f"{url}/breaker/progress", **headers)[1])
    return found


def wait_for_end(url: str, within_s: float = 60.0, **headers: str) -> str:
    """Return how the run has ended."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        phase: str = progress(url, **headers)["phase"]
        if phase not in ("running", "reporting"):
            return phase
        time.sleep(0.1)
    raise AssertionError("the run did not end")


def runs(results: Path) -> list[Path]:
    """Return the folders of all runs, oldest first."""
    return sorted(path.parent for path in results.glob("*/2*/manifest.json"))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theirs", "ours"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("127.0.0.1", "localhost")]
)
def test_the_page_next_door_reads_starts_and_stops_nothing(
    page: webdriver.Chrome, next_door: int, ui: tuple[str, Path, str], theirs: str, ours: str
) -> None:
    """On another port of the same host, where cookies are the same, and on another name of it."""
    url, results, scenario = ui
    before = runs(results)
    form = {**FORM, "scenario": scenario, "engine": "live", "arms": "with"}
    assert json.loads(ask(f"{url}/swarm", form)[1])["success"] is True
    at = url.replace("127.0.0.1", ours)

    page.get(f"http://{theirs}:{next_door}/?ui={urllib.parse.quote(at)}")
    until = time.monotonic() + 20
    while not (done := page.execute_script("return window.finished")) and time.monotonic() < until:
        time.sleep(0.1)

    assert done == HARMLESS
    assert wait_for_end(url) == "finished"
    assert len(runs(results)) == len(before) + 1
    assert json.loads(ask(f"{url}/stats/requests")[1])["stats"][-1]["num_requests"] == 22


@pytest.mark.browser
def test_a_link_from_next_door_opens_the_page(
    page: webdriver.Chrome, next_door: int, ui: tuple[str, Path, str]
) -> None:
    """As one in the docs does."""
    page.get(f"http://localhost:{next_door}/?ui=")
    page.execute_script("location.href = arguments[0]", ui[0])

    assert browser.wait_for(page, "select[name=scenario], header") is not None


def test_a_typing_error_locks_nothing(ui: tuple[str, Path, str]) -> None:
    """The next right form runs, and of two clicks at once one starts."""
    url, results, _ = ui
    before = runs(results)
    for wrong in ({"run_time": "abc"}, {"user_count": "x"}, {"spawn_rate": ""}, {"results": "elsewhere"}):
        status, said = ask(f"{url}/swarm", {**FORM, **wrong})
        assert (status, json.loads(said)["success"]) == (200, False)
    assert runs(results) == before

    found: list[bool] = []
    clicks = [
        threading.Thread(target=lambda: found.append(json.loads(ask(f"{url}/swarm", FORM)[1])["success"]))
        for _ in range(4)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()

    assert sorted(found) == [False, False, False, True]
    assert wait_for_end(url) == "finished"
    assert len(runs(results)) == len(before) + 1


def test_a_stop_in_the_middle_frees_the_place(ui: tuple[str, Path, str]) -> None:
    """The run is marked incomplete, and the next one starts."""
    url, _, scenario = ui
    form = {**FORM, "scenario": scenario, "engine": "live"}
    assert json.loads(ask(f"{url}/swarm", form)[1])["success"] is True
    assert ask(f"{url}/stop", {})[0] == 200
    assert wait_for_end(url) in ("incomplete", "failed")  # before its first row, there is no report
    assert json.loads(ask(f"{url}/swarm", FORM)[1])["success"] is True
    assert wait_for_end(url) == "finished"


def test_a_form_that_is_too_long(ui: tuple[str, Path, str]) -> None:
    """Its sender can read the answer; the connection is closed."""
    connection = http.client.HTTPConnection(ui[0].removeprefix("http://"), timeout=30)
    connection.request(
        "POST", "/swarm", b"a=" + b"x" * 5_000_000, {"Content-Type": "application/x-www-form-urlencoded"}
    )
    answer = connection.getresponse()

    assert (answer.status, b"65,536 bytes" in answer.read()) == (413, True)
    connection.close()


def test_slow_and_endless_callers_do_not_hold_up_others(ui: tuple[str, Path, str]) -> None:
    """Heads that are not there within 10 s are ended, idle connections too; a flood is dropped up to a bound."""
    place = ("127.0.0.1", int(ui[0].rpartition(":")[2]))
    half = [socket.create_connection(place) for _ in range(300)]
    for each in half[::2]:
        each.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
    floods = [threading.Thread(target=pour, args=(place, method)) for method in (b"POST", b"GET")]
    for flood in floods:
        flood.start()

    longest_s = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert ask(f"{ui[0]}/breaker/progress")[0] == 200
        longest_s = max(longest_s, time.monotonic() - began)
        time.sleep(0.05)

    assert longest_s < 1.0
    for flood in floods:
        flood.join(20)
        assert not flood.is_alive()
    said = []
    for each in half:
        each.settimeout(15)
        with each:
            said.append(each.recv(12))
    assert (said.count(b"HTTP/1.1 408"), said.count(b"")) == (150, 150)


def pour(place: tuple[str, int], method: bytes) -> None:
    """Send a body without an end until the server has enough of it."""
    with socket.create_connection(place) as connection:
        connection.sendall(method + b" /swarm HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000000\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"x" * 1_000_000)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 9_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + (b"X: " + b"y" * 8_000 + b"\r\n") * 9 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + (b"X: " + b"y" * 8_000 + b"\r\n") * 1_000 + b"\r\n", 431),
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"POST /swarm HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n", 400),
    ],
)
def test_a_head_has_bounds(ui: tuple[str, Path, str], sent: bytes, status: int) -> None:
    """8 KB for a line, 64 KB for all; the answer says which, and is there to be read, however much still comes."""
    with socket.create_connection(("127.0.0.1", int(ui[0].rpartition(":")[2]))) as connection:
        connection.sendall(sent)
        answer = b"".join(iter(partial(connection.recv, 65_536), b""))

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"X-Content-Type-Options: nosniff" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == status


@pytest.mark.browser
def test_a_person_logs_in(page: webdriver.Chrome, tmp_path: Path) -> None:
    """The form asks for the token; then the page works, and no script sees the cookie, no other user the token."""
    lab.scenario(tmp_path)
    with lab.web_ui(tmp_path / "results", tmp_path, LOADTEST_TOKEN=OWNERS) as (url, process):
        assert ask(url)[0] == 200
        assert ask(f"{url}/breaker/progress")[0] == ask(f"{url}/swarm", FORM)[0] == 401
        said = [Path(f"/proc/{each}/cmdline").read_bytes() for each in lab.descendants(process.pid)]
        assert not any(OWNERS.encode() in each for each in said)
        page.get(url)
        page.find_element(By.NAME, "token").send_keys("some-other-words\n")
        assert browser.wait_for(page, "[role=alert]").text == "That is not the token."
        page.find_element(By.NAME, "token").send_keys(f"{OWNERS}\n")
        browser.fill_form(page, "experiment-1", ["independent-30"], engine="virtual")
        browser.open_tab(page, "Breaker")
        browser.wait_for(page, "#breaker-report").click()

        assert page.execute_script("return document.cookie") == ""
        assert [each["httpOnly"] for each in page.get_cookies() if each["name"] == "breaker_lab_loadtest"] == [True]
        page.switch_to.window(page.window_handles[-1])
        browser.wait_for(page, ".requests .count")
        assert wait_for_end(url, Authorization=f"Bearer {OWNERS}") == "finished"
        page.switch_to.window(page.window_handles[0])
        browser.wait_for(page, "#breaker-log-out").click()
        assert browser.wait_for(page, "input[name=token]") is not None
        assert page.get_cookies() == []
