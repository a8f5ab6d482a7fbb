"""An experiment started from Locust's web UI in a real browser."""

from __future__ import annotations

import socket
import time
import urllib.request
from typing import TYPE_CHECKING

import browser
import lab
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.browser
def test_a_run_from_the_form_ends_with_rows_and_a_report(tmp_path: Path) -> None:
    """Scenario and arm are fields of the form; the run has the same files as one from the command line.

    A wrong choice before it ends at once, makes no run, and is in nobody's way.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = tmp_path / "results"
    with browser.chromium(tmp_path / "profile") as page:
        process = lab.start("ui", "--port", str(port), "--out", str(results))
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for_page(url)
            browser.start_run(page, url, "experiment-1", "without")  # an arm of the other scenario
            browser.wait_until_stopped(page)
            assert not list(results.glob("experiment-*"))
            browser.start_run(page, url, "experiment-1", "independent-30")
            folder = browser.wait_for_report(results)
            below = lab.descendants(process.pid)
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=30)
    assert lab.gone(below), said
    assert [row["id"] for row in lab.rows(folder)] == list(range(1, 21))
    figures = lab.summary(folder)
    assert figures["complete"] is True
    assert [check for check in figures["validity"] if not check["ok"]] == []


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Exit code 2, and which port."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = lab.loadtest("ui", "--port", str(port), "--out", str(tmp_path))
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 cannot be used" in done.stderr


def _wait_for_page(url: str, within_s: float = 30.0) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"{url} did not answer within {within_s:g} s")
