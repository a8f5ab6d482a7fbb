"""What the end-to-end tests share: the lab's own command line as a process, and a scenario that takes seconds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]

SHORT = """
name = "short"
title = "A short replay"
baseline = "without"

[[load]]
requests = 16
rate_per_s = 10

[[load]]
pause_s = 1.4
requests = 6
rate_per_s = 10

[faults]
sequence = "SFFSFFFFF"
latency = { distribution = "constant", mean_s = 0.02 }

[arms.without.breaker]
policy = "off"

[arms.with.breaker]
fail_max = 5
reset_timeout = 1.4
"""

BEAT_S = 0.02

# What a busy or halted machine can fail in any live run, whatever the lab does.
MACHINE = ("the load kept to its schedule", "both services answered all the time")

TINY = """
name = "short"
title = "Three requests"

[[load]]
requests = 3
rate_per_s = 20

[arms.with.breaker]
fail_max = 5
"""


def scenario(folder: Path, text: str = SHORT, more: str = "") -> Path:
    """Write a scenario file."""
    path = folder / "short.toml"
    path.write_text(text + more, encoding="utf-8")
    return path


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without anything that belongs to the lab."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLIENT_", "BACKEND_", "LOADTEST_"))
    }
    return {**kept, **more}


@contextmanager
def heard_signals() -> Iterator[None]:
    """Let the children that are started here hear each signal, though this process may ignore it.

    `nohup make check &` in a script ignores SIGHUP and SIGINT, and children inherit that.
    """
    ignored = [each for each in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_IGN]
    for each in ignored:
        signal.signal(each, signal.SIG_DFL)
    try:
        yield
    finally:
        for each in ignored:
            signal.signal(each, signal.SIG_IGN)


def popen(command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    """Start a child that hears each signal."""
    with heard_signals():
        return subprocess.Popen(command, text=True, **options)


def loadtest(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the lab's command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "loadtest", *arguments],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def held(done: subprocess.CompletedProcess[str]) -> bool:
    """Say whether a live run held, but for what a busy machine is to blame for."""
    broken = [line for line in done.stdout.splitlines() if line.startswith("NOT OK")]
    return done.returncode == (1 if broken else 0) and all(any(name in line for name in MACHINE) for line in broken)


def failed_checks(folder: Path) -> list[str]:
    """Return the names of the validity checks of a run that failed, but for those that are the machine's."""
    failed = [check["name"] for check in summary(folder)["validity"] if not check["ok"]]
    return [name for name in failed if not name.endswith(MACHINE)]


def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start the lab's command line, in a session of its own as a terminal would."""
    return popen(
        [sys.executable, "-m", "loadtest", *arguments],
        cwd=ROOT,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@contextmanager
def web_ui(results: Path, scenarios: Path, **more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the web UI; yield its URL and its process. At the end, nothing is left of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start("ui", "--port", str(port), "--out", str(results), "--scenarios", str(scenarios), **more)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for_page(url)
        yield url, process
        below = descendants(process.pid)
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=30)
    assert gone(below), said


def _wait_for_page(url: str, within_s: float = 30.0) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} did not answer within {within_s:g} s")


class Pulse:
    """A clock that stands still while the machine does: a thread sleeps for moments, and notes when it overslept."""

    def __init__(self) -> None:
        self._stood_s = 0.0
        self._asleep = time.monotonic()
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_S)
            now = time.monotonic()
            self._stood_s, self._asleep = self._stood_s + self._overslept_s(now), now

    def _overslept_s(self, now: float) -> float:
        late_s = now - self._asleep - BEAT_S
        return late_s if late_s > 0.1 else 0.0  # less may be this process's own business

    def time(self) -> float:
        """Return seconds of a machine that ran."""
        now = time.monotonic()
        return now - self._stood_s - self._overslept_s(now)


def rows(folder: Path) -> list[dict[str, Any]]:
    """Read requests.jsonl."""
    return [json.loads(line) for line in (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()]


def summary(folder: Path) -> dict[str, Any]:
    """Read summary.json."""
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return found


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(path.parent.name)
            found += [child, *descendants(child)]
    return found


def gone(pids: list[int], within_s: float = 10.0) -> bool:
    """Wait until none of the processes is there; a dead one that nobody has reaped counts as gone."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if not any(_alive(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def run_under_way(scenario: Path, within_s: float = 30.0) -> Path:
    """Return the folder of the newest run of a scenario, as soon as there is one: `latest` comes only at its end."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = sorted(path.parent for path in scenario.glob("*/manifest.json") if not path.parent.is_symlink())
        if found:
            return found[-1]
        time.sleep(0.05)
    raise AssertionError(f"{scenario} did not get a run within {within_s:g} s")


def wait_for(path: Path, lines: int, within_s: float = 30.0) -> None:
    """Wait until a growing file has some lines."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if path.exists() and path.read_text(encoding="utf-8").count("\n") >= lines:
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} did not get {lines} lines within {within_s:g} s")
