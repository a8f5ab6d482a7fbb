"""Tokens and hosts with real processes: runs, the browser, and a page that has given its name our address."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import browser
import lab
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from loadtest.engines.live.services import child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

TOKENS = {
    "CLIENT_TOKEN": "client-0123456789-abcdef",
    "CLIENT_READ_TOKEN": "client-reader-0123456789",
    "BACKEND_TOKEN": "backend-0123456789-abcdef",
    "BACKEND_READ_TOKEN": "backend-reader-0123456789",
}
WITHIN_S = 20.0


@contextmanager
def guarded_services(log: Path, **client: str) -> Iterator[tuple[str, str]]:
    """Run both services with tokens; the URLs of client and backend."""
    tokens = {name: value for name, value in TOKENS.items() if name.startswith("BACKEND_")}
    with child("backend", {"BACKEND_HOST": "127.0.0.1", "BACKEND_PORT": "0", **tokens}, log) as backend:
        where = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend}
        tokens = {name: value for name, value in TOKENS.items() if name.startswith("CLIENT_")}
        with child("client", where | tokens | {"CLIENT_BACKEND_TOKEN": TOKENS["BACKEND_TOKEN"]} | client, log) as url:
            yield url, backend


def files_with_a_token(folder: Path) -> list[Path]:
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [path for path, text in texts.items() if any(token.encode() in text for token in TOKENS.values())]


def test_a_run_with_its_own_services_uses_the_tokens_of_the_environment(tmp_path: Path) -> None:
    """It holds, and no file of it has a token: not the manifest with the settings, not the log."""
    scenario = lab.scenario(tmp_path, lab.TINY)
    done = lab.loadtest("run", str(scenario), "--out", str(tmp_path / "results"), **TOKENS)

    assert lab.held(done), done.stdout + done.stderr
    assert not any(token in done.stdout + done.stderr for token in TOKENS.values())
    assert (tmp_path / "results" / "short" / "latest" / "manifest.json").stat().st_size > 0
    assert files_with_a_token(tmp_path / "results") == []


def test_a_run_on_guarded_services_needs_their_tokens(tmp_path: Path) -> None:
    """None, another, one for reading alone: exit code 2 and a sentence, before there is a folder."""
    scenario = lab.scenario(tmp_path, lab.TINY)
    with guarded_services(tmp_path / "log") as (client, backend):
        where = ["--client-url", client, "--backend-url", backend, "--out", str(tmp_path / "results")]

        def run(**tokens: str) -> tuple[int, str]:
            done = lab.loadtest("run", str(scenario), *where, **tokens)
            said = " ".join((done.stdout + done.stderr).split())
            assert not any(token in said for token in TOKENS.values())
            return done.returncode, said

        reader = {"CLIENT_TOKEN": TOKENS["CLIENT_READ_TOKEN"]}
        only_client = {"CLIENT_TOKEN": TOKENS["CLIENT_TOKEN"]}
        said = [run(), run(CLIENT_TOKEN="x" * 20), run(**reader), run(**only_client)]
        assert [code for code, _ in said] == [2] * 4
        for (_, text), expected in zip(
            said, ("answered 401", "answered 401", "the token in CLIENT_TOKEN is for", "backend-url: "), strict=True
        ):
            assert expected in text
        assert not (tmp_path / "results").exists()
        code, text = run(**TOKENS)
        assert code in (0, 1), text
        assert "Three requests" in text
    assert files_with_a_token(tmp_path) == []


def eventually(look: Callable[[], object]) -> None:
    until = time.monotonic() + WITHIN_S
    while not look():
        assert time.monotonic() < until, f"not within {WITHIN_S:g} s"
        time.sleep(0.05)


def log_in(page: Chrome, token: str) -> None:
    """Type the token into the form, and send it."""
    field = browser.wait_for(page, "input[name=token]")
    field.send_keys(token, Keys.ENTER)


@pytest.mark.browser
def test_the_dashboard_logs_in_and_out(tmp_path: Path) -> None:
    """A wrong token is told; the right one opens the page with live figures and knobs, and no script can read it."""
    with guarded_services(tmp_path / "log") as (client, _), browser.chromium(tmp_path / "profile") as page:
        page.get(client)
        log_in(page, "x" * 20)
        eventually(lambda: "That is not the token" in browser.text_of(page, "[role=alert]"))
        log_in(page, TOKENS["CLIENT_TOKEN"])
        eventually(lambda: browser.text_of(page, "#connection") == "Live")
        assert page.execute_script("return document.cookie") == ""
        assert page.get_cookie("breaker_lab_client")["httpOnly"] is True
        assert TOKENS["CLIENT_TOKEN"] not in page.get_cookie("breaker_lab_client")["value"]

        eventually(lambda: page.find_elements(By.CSS_SELECTOR, "#faults [name=error_rate]"))  # through the relay
        page.find_element(By.CSS_SELECTOR, "[data-by-hand=open]").click()
        eventually(lambda: browser.text_of(page, ".states .lit .name") == "open")
        page.find_element(By.CSS_SELECTOR, ".presets button").click()
        eventually(lambda: page.find_elements(By.CSS_SELECTOR, ".presets [aria-pressed=true]"))
        page.find_element(By.ID, "traffic").click()
        eventually(lambda: "Stop the traffic" in browser.text_of(page, "#traffic"))
        assert not [line for line in page.get_log("browser") if "Content Security" in line["message"]]

        browser.wait_for(page, "#log-out button").click()
        browser.wait_for(page, "input[name=token]")
        assert page.get_cookie("breaker_lab_client") is None


@pytest.mark.browser
def test_a_reader_sees_everything_and_hears_why_nothing_changes(tmp_path: Path) -> None:
    """The token for reading opens the same page."""
    with guarded_services(tmp_path / "log") as (client, _), browser.chromium(tmp_path / "profile") as page:
        page.get(client)
        log_in(page, TOKENS["CLIENT_READ_TOKEN"])
        eventually(lambda: browser.text_of(page, "#connection") == "Live")
        page.find_element(By.CSS_SELECTOR, "[data-by-hand=open]").click()
        eventually(lambda: "CLIENT_READ_TOKEN is for reading" in browser.text_of(page, "#by-hand-said"))


@pytest.mark.browser
def test_a_page_whose_log_in_has_ended_asks_again(tmp_path: Path) -> None:
    """The client starts again with another token: the page that was open shows the form, by itself."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    other = {"CLIENT_TOKEN": "another-0123456789-abcdef", "CLIENT_READ_TOKEN": "another-0123456789-abcdef"}
    with browser.chromium(tmp_path / "profile") as page:
        with guarded_services(tmp_path / "log", CLIENT_PORT=port) as (client, _):
            page.get(client)
            log_in(page, TOKENS["CLIENT_TOKEN"])
            eventually(lambda: browser.text_of(page, "#connection") == "Live")
        with guarded_services(tmp_path / "log", CLIENT_PORT=port, **other):
            log_in(page, other["CLIENT_TOKEN"])
            eventually(lambda: browser.text_of(page, "#connection") == "Live")


@pytest.mark.browser
def test_the_backend_has_a_page_and_a_form(tmp_path: Path) -> None:
    """The form works without scripts: the page has none."""
    with guarded_services(tmp_path / "log") as (_, backend), browser.chromium(tmp_path / "profile") as page:
        page.get(backend)
        log_in(page, TOKENS["BACKEND_TOKEN"])
        eventually(lambda: "Replace the plan" in browser.text_of(page, "table"))
        page.find_element(By.LINK_TEXT, "/faults").click()
        eventually(lambda: "error_rate" in browser.text_of(page, "body"))
        page.back()
        browser.wait_for(page, "form[action=logout] button").click()
        browser.wait_for(page, "input[name=token]")


REBINDING = """
const done = arguments[arguments.length - 1];
const tries = [
  ["GET", "/breaker"], ["POST", "/breaker/open"], ["GET", "/data"], ["GET", "/events"], ["PUT", "/faults"],
];
Promise.all(tries.map(([method, path]) => fetch(path, {method}).then((answer) => answer.status))).then(done);
"""


@pytest.mark.browser
def test_dns_rebinding_reaches_nothing(tmp_path: Path) -> None:
    """evil.example stands for our address: its page is of the same origin as what it asks, and still gets nothing."""
    where = {"BACKEND_HOST": "127.0.0.1", "BACKEND_PORT": "0"}
    with child("backend", where, tmp_path / "log") as backend:
        where = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend}
        rule = "--host-resolver-rules=MAP evil.example 127.0.0.1"
        with (
            child("client", where, tmp_path / "log") as client,
            browser.chromium(tmp_path / "profile", rule) as page,
        ):
            for url in (client, backend):
                page.get(f"http://evil.example:{url.rpartition(':')[2]}/health")
                assert "Host: got 'evil.example:" in browser.text_of(page, "body")
                assert page.execute_async_script(REBINDING) == [400] * 5
