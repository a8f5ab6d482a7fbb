"""The compose file with docker-compose.tokens.yml, run for real. Skipped, with the reason, where there is no engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import lab
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.containers]
TOKENS = {
    "CLIENT_TOKEN": "client-0123456789-abcdef",
    "CLIENT_READ_TOKEN": "client-reader-0123456789",
    "BACKEND_TOKEN": "backend-0123456789-abcdef",
    "LOADTEST_TOKEN": "loadtest-0123456789-abcdef",
}
FILES = ["-f", "docker-compose.yml", "-f", "docker-compose.tokens.yml"]
SCENARIO = 'name = "short"\ntitle = "One"\n[[load]]\nrequests = 1\nrate_per_s = 9\n[arms.with.breaker]\nfail_max = 5\n'


def compose(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", *FILES, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=lab.environment(**TOKENS), capture_output=True, text=True, timeout=900, check=False
    )
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def status(port: int, path: str, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build and start it from a copy of the checkout."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no container engine: `docker info` fails")
    folder = tmp_path_factory.mktemp("checkout") / "breaker-lab-with-tokens"
    left_out = shutil.ignore_patterns(".git", ".venv", ".env", "results", "*cache*", "tests")
    shutil.copytree(lab.ROOT, folder, ignore=left_out, symlinks=True)
    (folder / "results").mkdir()
    (folder / "results" / "short.toml").write_text(SCENARIO, encoding="utf-8")
    compose(folder, "build", "-q")
    try:
        compose(folder, "up", "--wait")
        yield folder
    finally:
        compose(folder, "--profile", "observability", "down", "--timeout", "5", check=False)
        if os.geteuid() == 0:
            subprocess.run(["chmod", "-R", "a+rwX", str(folder / "results")], check=False)


def test_everything_but_the_work_asks_for_a_token(stack: Path) -> None:
    """Healthy, with a page that asks to log in; the right token opens each, and the client reaches the backend."""
    assert stack.exists()
    assert [status(port, path) for port in (8000, 8001) for path in ("/", "/data", "/health")] == [200] * 6
    assert status(8089, "/") == 200
    assert [status(8000, "/breaker"), status(8000, "/backend/faults"), status(8001, "/faults")] == [401] * 3
    client, backend = TOKENS["CLIENT_TOKEN"], TOKENS["BACKEND_TOKEN"]
    opened = [
        status(8000, "/breaker", client),
        status(8000, "/backend/faults", client),
        status(8001, "/faults", backend),
    ]
    assert opened == [200] * 3


def test_a_run_takes_the_tokens_and_shows_none(stack: Path) -> None:
    """`docker compose run` as without tokens; neither the logs nor the files of the run have one."""
    done = compose(stack, "run", "--rm", "-T", "loadtest", "run", "results/short.toml", check=False)
    assert lab.held(done), done.stdout + done.stderr
    written = "".join(path.read_text("utf-8", "replace") for path in (stack / "results").rglob("*") if path.is_file())
    said = compose(stack, "logs").stdout + done.stdout + done.stderr + written
    assert not [name for name, token in TOKENS.items() if token in said]


def test_prometheus_reads_with_its_token(stack: Path) -> None:
    """That for reading; where there is none, the token itself."""
    started = compose(stack, "--profile", "observability", "up", "--wait", "prometheus", check=False)
    if started.returncode != 0 and "pull" in started.stderr:
        pytest.skip(f"Prometheus' image cannot be had: {started.stderr.strip().splitlines()[-1]}")
    assert started.returncode == 0, started.stderr[-3000:]
    until = time.monotonic() + 30
    wanted = {("client", "up", ""), ("backend", "up", "")}
    found = set()
    while found != wanted and time.monotonic() < until:
        time.sleep(0.5)
        with urllib.request.urlopen("http://127.0.0.1:9090/api/v1/targets", timeout=10) as response:
            targets = json.load(response)["data"]["activeTargets"]
        found = {(each["labels"]["job"], each["health"], each["lastError"]) for each in targets}
    assert found == wanted
