"""The compose file, run for real. Skipped, with the reason, where there is no engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, TypeVar

import browser
import lab
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Found = TypeVar("Found")

pytestmark = [pytest.mark.containers]
PUBLISHED = ("client", 8000), ("backend", 8001), ("loadtest", 8089)
# The user who cloned the repository, where this test may choose one. It is not the load generator's.
OWNER = 12345
OWN = """
name = "own"
title = "A scenario of one's own"
load = [{ requests = 3, rate_per_s = 10 }]
[arms.only]
"""


def _compose(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["docker", "compose", *arguments], cwd=folder, capture_output=True, text=True, timeout=900, check=False
    )
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def _engine_missing() -> str:
    if shutil.which("docker") is None:
        return "no docker command on this machine"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return f"no container engine: `{' '.join(command)}` fails"
    return ""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, float]]:
    """Build and start the stack from a copy of the checkout; its folder, and the seconds from build to healthy."""
    reason = _engine_missing()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("checkout") / "breaker-lab-under-test"
    shutil.copytree(
        lab.ROOT, folder, ignore=shutil.ignore_patterns(".git", ".venv", "results", "*cache*", "tests"), symlinks=True
    )
    (folder / "results" / "earlier").mkdir(parents=True)
    (folder / "scenarios" / "own.toml").write_text(OWN, encoding="utf-8")
    if os.geteuid() == 0:
        for path in (folder / "results", folder / "results" / "earlier"):
            os.chown(path, OWNER, OWNER)
    _commit(folder)
    _compose(folder, "build", "-q")
    began = time.monotonic()
    try:
        _compose(folder, "up", "--wait")
        yield folder, time.monotonic() - began
    finally:
        _compose(folder, "--profile", "observability", "down", "--timeout", "5", check=False)


def _commit(folder: Path) -> None:
    """Make it a repository: the build reads the revision from git's files. Without git, it has none."""
    if shutil.which("git") is not None:
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "under test"]):
            identity = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
            subprocess.run(["git", *identity, *command], cwd=folder, check=True)


def test_it_is_healthy_within_half_a_minute(stack: tuple[Path, float]) -> None:
    """All three services answer, on loopback only, as nobody in particular, on a file system they cannot write."""
    folder, seconds = stack
    assert seconds < 30
    listed = _compose(folder, "ps", "--format", "json").stdout.splitlines()
    found: dict[str, Any] = {each["Service"]: each for each in map(json.loads, listed)}
    assert {name: each["Health"] for name, each in found.items()} == dict.fromkeys(dict(PUBLISHED), "healthy")
    for name, port in PUBLISHED:
        published = {
            (each["URL"], each["PublishedPort"]) for each in found[name]["Publishers"] if each["PublishedPort"]
        }
        assert published == {("127.0.0.1", port)}
        assert _compose(folder, "exec", "-T", name, "id", "-u").stdout.strip() == "10001"
        assert _compose(folder, "exec", "-T", name, "touch", "/lab/x", check=False).returncode != 0


def test_every_container_is_bounded(stack: tuple[Path, float]) -> None:
    """As the engine has it: no root, and a limit for processes, memory, logs and /tmp."""
    folder, _ = stack
    for name in _compose(folder, "ps", "-a", "-q").stdout.split():
        done = subprocess.run(["docker", "inspect", name], capture_output=True, text=True, check=True)
        (found,) = json.loads(done.stdout)
        host = found["HostConfig"]
        assert found["Config"]["User"].partition(":")[0] not in ("", "0", "root")
        assert 0 < host["PidsLimit"] <= 1024
        assert 0 < host["Memory"] <= 4 << 30
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
        assert "size=" in host["Tmpfs"]["/tmp"]  # noqa: S108 - the mount of the container


def test_addresses_are_told_as_the_host_has_them(stack: tuple[Path, float]) -> None:
    """Those that the ports are published on; and the log of the UI is a path from here."""
    folder, _ = stack
    said = _compose(folder, "logs", "--no-log-prefix", "--no-color").stdout

    assert "Locust's web UI: http://127.0.0.1:8089 (Ctrl-C ends it; log in results/.ui.log)" in said
    assert "client: http://127.0.0.1:8000\n" in said
    assert "backend: http://127.0.0.1:8001\n" in said
    assert ("0.0.0.0" in said, "/lab/" in said) == (False, False)


def test_a_health_check_costs_little(stack: tuple[Path, float]) -> None:
    """It runs beside what is measured: less than 100 ms of processor each 10 s. It took 230 ms each 5 s."""
    folder, _ = stack
    code = "import os, subprocess as s, sys; s.run(sys.argv[1:], check=True); print(sum(os.times()[2:4]))"
    probe = ["python", "-m", "service.probe", "http://127.0.0.1:8000/health"]
    times = [float(_compose(folder, "exec", "-T", "client", "python", "-c", code, *probe).stdout) for _ in range(3)]

    assert min(times) < 0.1


@pytest.mark.usefixtures("stack")
def test_the_breaker_is_seen_from_outside() -> None:
    """Faults set on the published port of one service show on the other's."""
    _call("PUT", "http://127.0.0.1:8001/faults", {"error_rate": 1})
    for _ in range(5):
        assert _status("http://127.0.0.1:8000/data") == 502
    assert _status("http://127.0.0.1:8000/data") == 503
    assert _call("GET", "http://127.0.0.1:8000/breaker")["state"] == "open"
    _call("DELETE", "http://127.0.0.1:8001/faults")
    _call("POST", "http://127.0.0.1:8000/breaker/reset")


def test_one_experiment_from_the_command_line(stack: tuple[Path, float]) -> None:
    """`docker compose run --rm loadtest run experiment-1`, on its shorter arm: report on the host, exit code 0."""
    folder, _ = stack
    command = ["run", "--rm", "-T", "loadtest", "run", "experiment-1", "--arm", "independent-30"]
    done = _compose(folder, *command, check=False)
    assert lab.held(done), done.stdout + done.stderr
    assert "Request 20:" in done.stdout
    run = folder / "results" / "experiment-1" / "latest"
    assert f"report: results/experiment-1/{run.readlink()}/report.html" in done.stdout
    assert len(lab.rows(run)) == 20
    assert lab.summary(run)["complete"] is True
    assert (run / "report.html").stat().st_size > 20_000


def test_a_scenario_of_ones_own(stack: tuple[Path, float]) -> None:
    """From ./scenarios: by its name or its path, and in the form. Its manifest knows the revision."""
    folder, _ = stack
    for name in ("own.toml", "scenarios/own.toml"):
        done = _compose(folder, "run", "--rm", "-T", "loadtest", "run", name)
        assert "Arm `only`: 3 of 3 requests" in done.stdout
    with urllib.request.urlopen("http://127.0.0.1:8089/", timeout=10) as response:
        assert "scenarios/own.toml" in response.read().decode()
    revision = None
    if shutil.which("git") is not None:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        revision = done.stdout[:12]
    manifest = json.loads((folder / "results/own/latest/manifest.json").read_text(encoding="utf-8"))
    assert manifest["git_revision"] == revision


def test_virtual_time_in_a_container(stack: tuple[Path, float]) -> None:
    """The services of the compose file are of no use to it, and do not stop it."""
    folder, _ = stack
    done = _compose(folder, "run", "--rm", "-T", "loadtest", "run", "own.toml", "--engine", "virtual", "--seeds", "1-4")

    assert "report: results/own/" in done.stdout


def test_two_runs_at_once_are_refused(stack: tuple[Path, float]) -> None:
    """Though each is in a container of its own, with a /tmp of its own."""
    folder, _ = stack
    command = ["run", "--rm", "-T", "loadtest", "run", "experiment-1", "--arm", "independent-30"]
    with subprocess.Popen(
        ["docker", "compose", *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as first:
        assert first.stdout is not None
        assert any("files in results/" in line for line in iter(first.stdout.readline, ""))
        second = _compose(folder, *command, check=False)
        first.stdout.read()

    assert (first.returncode, second.returncode) == (0, 2)
    assert "another run is in progress" in second.stderr


def test_results_are_for_their_owner_and_the_load_generator(stack: tuple[Path, float]) -> None:
    """The owner of ./results may delete what a container wrote, and nobody else may write there."""
    folder, _ = stack
    _compose(folder, "run", "--rm", "-T", "loadtest", "run", "own.toml", "--engine", "virtual", "-q")
    owner = (folder / "results").stat().st_uid

    def as_user(user: int, command: str) -> int:
        mount = f"{folder / 'results'}:/results"
        options = ["--rm", "--network=none", f"--user={user}:{user}", f"--volume={mount}", "--entrypoint=sh"]
        done = subprocess.run(
            ["docker", "run", *options, "breaker-lab-loadtest", "-c", command], capture_output=True, check=False
        )
        return done.returncode

    assert as_user(54321, "touch /results/x") != 0
    assert as_user(54321, "touch /results/own/x") != 0
    assert as_user(54321, "echo >> /results/own/latest/report.html") != 0
    assert as_user(owner, "echo >> /results/own/latest/report.html && rm -r /results/own /results/earlier") == 0
    _compose(folder, "run", "--rm", "-T", "loadtest", "run", "own.toml", "--engine", "virtual", "-q")


def test_a_run_as_the_user_of_the_host(stack: tuple[Path, float]) -> None:
    """With `--user`, what is written belongs to that user, and is not for everybody."""
    folder, _ = stack
    owner = (folder / "results").stat().st_uid
    if owner == 0:
        pytest.skip("the folder is root's")
    shutil.rmtree(folder / "results" / "own", ignore_errors=True)
    command = ["run", "--rm", "-T", "--user", f"{owner}:{owner}", "loadtest", "run", "own.toml"]
    _compose(folder, *command, "--engine", "virtual", "-q")
    report = (folder / "results/own/latest/report.html").stat()

    assert (report.st_uid, report.st_mode & 0o002) == (owner, 0)


@pytest.mark.browser
def test_one_experiment_from_the_browser(stack: tuple[Path, float], tmp_path: Path) -> None:
    """The published web UI in a real browser: choose, start, and the report is in ./results of the host."""
    folder, _ = stack
    earlier = set((folder / "results").glob("experiment-1/2*"))
    with browser.chromium(tmp_path / "profile") as page:
        page.get("http://127.0.0.1:8089")
        browser.fill_form(page, "experiment-1", ["independent-30"])
        until = time.monotonic() + 60
        while time.monotonic() < until:
            new = [
                each for each in (folder / "results").glob("experiment-1/2*/report.html") if each.parent not in earlier
            ]
            if new:
                break
            time.sleep(0.5)
    assert len(new) == 1
    assert len(lab.rows(new[0].parent)) == 20
    assert lab.summary(new[0].parent)["complete"] is True


def test_a_slow_machine_gets_there(stack: tuple[Path, float]) -> None:
    """A tenth of a core for each service, on other ports, in another project. With a start period of 20 s it failed."""
    folder, _ = stack
    names = ("backend", "client", "loadtest")
    slow = "".join(f"  {name}: {{cpus: 0.1}}\n" for name in names)
    (folder / "slow.yml").write_text(f"services:\n{slow}", encoding="utf-8")
    ports = {"LAB_CLIENT_PORT": "18000", "LAB_BACKEND_PORT": "18001", "LAB_UI_PORT": "18089"}
    files = ["-p", "breaker-lab-slow", "-f", "docker-compose.yml", "-f", "slow.yml"]
    command = ["docker", "compose", *files]
    try:
        up = subprocess.run(
            [*command, "up", "--wait"],
            cwd=folder,
            env={**os.environ, **ports},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        logs = subprocess.run([*command, "logs"], cwd=folder, capture_output=True, text=True, check=True)
    finally:
        subprocess.run([*command, "down", "--timeout", "5"], cwd=folder, capture_output=True, check=False)

    assert up.returncode == 0, up.stderr[-2000:]
    assert "Locust's web UI: http://127.0.0.1:18089 " in logs.stdout
    assert "client: http://127.0.0.1:18000\n" in logs.stdout


@pytest.fixture(scope="module")
def prometheus(stack: tuple[Path, float]) -> str:
    """Start the profile's Prometheus beside the stack (Grafana's image may be out of reach); its URL."""
    folder, _ = stack
    started = _compose(folder, "--profile", "observability", "up", "--wait", "prometheus", check=False)
    if started.returncode != 0 and "pull" in started.stderr:
        pytest.skip(f"Prometheus' image cannot be had: {started.stderr.strip().splitlines()[-1]}")
    assert started.returncode == 0, started.stderr[-3000:]
    return "http://127.0.0.1:9090"


def test_prometheus_scrapes_both_services(prometheus: str) -> None:
    """Its own page of targets: client and backend, both up, without an error."""
    found = _until(
        lambda: {
            (each["labels"]["job"], each["health"], each["lastError"])
            for each in _call("GET", f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
        },
        {("client", "up", ""), ("backend", "up", "")},
    )

    assert found == {("client", "up", ""), ("backend", "up", "")}


def test_prometheus_tool_has_nothing_to_say(stack: tuple[Path, float], prometheus: str) -> None:
    """`promtool check metrics` in its own container, on the pages of the real services; the rules' tests, too."""
    folder, _ = stack
    promtool = ["docker", "compose", "--profile", "observability", "exec", "-T", "prometheus", "promtool"]
    for port in (8000, 8001):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            page = response.read()
        done = subprocess.run([*promtool, "check", "metrics"], cwd=folder, input=page, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    rules = [*promtool, "test", "rules", "/etc/prometheus/alerts.test.yml"]
    assert subprocess.run(rules, cwd=folder, capture_output=True, check=False).returncode == 0
    loaded = _call("GET", f"{prometheus}/api/v1/rules")["data"]["groups"][0]["rules"]
    assert [(each["name"], each["health"]) for each in loaded] == [
        (name, "ok") for name in ("BreakerOpen", "BreakerFlapping", "BreakerHalfOpenStuck")
    ]


def test_prometheus_answers_every_query_of_the_dashboard(prometheus: str) -> None:
    """As Grafana would send it; with something to show, but for what is left out while it is zero."""
    for _ in range(3):
        _status("http://127.0.0.1:8000/data")
    path = lab.ROOT / "observability/grafana/dashboards/breaker-lab.json"
    panels = json.loads(path.read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]

    def series(query: str) -> int:
        filled = query.replace("$__rate_interval", "1m").replace("$__range", "5m")
        asked = _call("GET", f"{prometheus}/api/v1/query?query={urllib.parse.quote(filled)}")
        return len(asked["data"]["result"])

    def empty() -> list[str]:
        return [query for query in queries if "> 0" not in query and series(query) == 0]

    assert _until(empty, []) == []


def _until(look: Callable[[], Found], wanted: Found, within_s: float = 30.0) -> Found:
    """Look until it is as wanted, or time is over."""
    until = time.monotonic() + within_s
    while (found := look()) != wanted and time.monotonic() < until:
        time.sleep(0.5)
    return found


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=10) as response:
        return dict(json.loads(response.read()))


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
