"""A client whose process is stopped in the middle of a run: its own stall is not the backend's failure."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import lab
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STALL_S = 1.15
OWN_STALL = """
name = "short"
title = "A healthy backend, a client that stands still"

[[load]]
requests = 50
rate_per_s = 10

[faults]
latency = { mean_s = 0.3 }

[arms.with]
timeout = { total_s = 1 }
breaker = { fail_max = 3, reset_timeout = 4 }
"""


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start a service; return its process and where it is. Ends them whatever happens."""
    started: list[subprocess.Popen[str]] = []

    def begin(module: str, **variables: str) -> tuple[subprocess.Popen[str], str]:
        process = lab.popen(
            [sys.executable, "-m", module],
            cwd=lab.ROOT,
            env=lab.environment(
                **{f"{module.upper()}_PORT": "0", f"{module.upper()}_LOG__LEVEL": "warning"} | variables
            ),
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().partition(": ")[2].strip()

    yield begin
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def test_a_client_that_stood_still_blames_nobody(
    tmp_path: Path, start: Callable[..., tuple[subprocess.Popen[str], str]]
) -> None:
    """No trip, no refusal, answers that came meanwhile are answers, and the report says on top what happened."""
    _, backend_url = start("backend")
    client, client_url = start("client", CLIENT_BACKEND_URL=backend_url)
    scenario, out = lab.scenario(tmp_path, OWN_STALL), tmp_path / "results"
    run = lab.start(
        *("run", str(scenario), "--out", str(out), "--client-url", client_url, "--backend-url", backend_url)
    )
    try:
        until = time.monotonic() + 30
        while not (found := list(out.glob("short/*-live/requests.jsonl"))) and time.monotonic() < until:
            time.sleep(0.05)
        lab.wait_for(found[0], lines=15)
        client.send_signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        client.send_signal(signal.SIGCONT)
        said, _ = run.communicate(timeout=60)
    finally:
        run.kill()

    folder = found[0].parent
    figures = lab.summary(folder)["arms"]["with"]
    # A machine that stood still, too, may leave a call without its answer: that is no trip either.
    assert (figures["trips"], figures["outcomes"]["fast_fail"], figures["outcomes"]["error"]) == (0, 0, 0), said
    assert figures["outcomes"]["ok"] >= 45
    assert lab.failed_checks(folder) == []
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "the client's own process stood still in `with`, for 1." in report.partition("## ")[0]
