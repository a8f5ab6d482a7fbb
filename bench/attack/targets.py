"""The services under attack, as processes of their own on free ports of the loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import psutil

from bench.attack import wire
from loadtest.engines.live.services import child, end_process, last_words
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bench.attack.wire import WireAnswer

_UI_WITHIN_S = 30.0


@dataclass(frozen=True)
class Target:
    """One service: its name, its address, and its process."""

    name: str
    url: str
    process: psutil.Process

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        within_s: float = wire.WITHIN_S,
    ) -> WireAnswer:
        """Send one request; see `wire.ask`."""
        return wire.ask(self.url, method, path, body, headers, within_s)

    @property
    def authority(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    def end(self, within_s: float) -> float | None:
        """Send SIGTERM; return the seconds until it was gone, or None if it is still there after `within_s`."""
        began = time.monotonic()
        try:
            self.process.terminate()
            self.process.wait(within_s)
        except psutil.NoSuchProcess:
            pass
        except psutil.TimeoutExpired:
            return None
        return time.monotonic() - began


class TargetPair(NamedTuple):
    """The two services."""

    client: Target
    backend: Target


@contextmanager
def start_pair(log: Path, files: int | None = None, **environment: str) -> Iterator[TargetPair]:
    """Run backend and client, which may open so many `files` each; complaints go into `log`. Raises ChildError."""
    with ExitStack() as stack:

        def start(name: str, where: dict[str, str]) -> str:
            module, words = (name, []) if files is None else ("bench.attack.limited", [str(files), name])
            return stack.enter_context(child(module, where | environment, log, words))

        backend = start("backend", {"BACKEND_HOST": "127.0.0.1", "BACKEND_PORT": "0"})
        client = start("client", {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend})
        yield TargetPair(
            Target("client", client, listening_at(client)), Target("backend", backend, listening_at(backend))
        )


@contextmanager
def start_client(log: Path, backend_url: str) -> Iterator[Target]:
    """Run a client alone, of a backend that is there already. Raises ChildError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    where = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend_url}
    with child("client", where, log) as url:
        yield Target("client", url, listening_at(url))


def run_lab(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, within_s: float = 60.0
) -> tuple[int | None, str]:
    """Run `python -m loadtest ...` to its end; return its exit code, None if it came to none, and what it said."""
    said = folder / "out"
    before = said.stat().st_size if said.exists() else 0
    with start_lab(folder, *arguments, **(environment or {})) as process:
        code = wait_for_end(process, within_s)
    return code, said.read_bytes()[before:].decode(errors="replace")


def wait_for_end(process: subprocess.Popen[bytes], within_s: float) -> int | None:
    """Return the exit code, None if the process is still there after `within_s`."""
    try:
        return process.wait(within_s)
    except subprocess.TimeoutExpired:
        return None


def listening_at(url: str) -> psutil.Process:
    """Return the process below this one that listens at `url`."""
    port = urlsplit(url).port
    for process in psutil.Process().children(recursive=True):
        if any(each.laddr.port == port for each in process.net_connections("tcp") if each.status == "LISTEN"):
            return process
    raise RuntimeError(f"no process of this one listens at {url}")


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def start_lab(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m loadtest ...`, its output into `folder`/out; end it and all that it has started."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "out").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "loadtest", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    family = [psutil.Process(process.pid)]
    try:
        yield process
    finally:
        family += below(process.pid)
        end_process(process)
        for each in family:
            if each.is_running():
                each.kill()


def below(pid: int) -> list[psutil.Process]:
    """Return the processes that `pid` has started, and those that they have started."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


@contextmanager
def start_ui(folder: Path, *arguments: str, **environment: str) -> Iterator[Target]:
    """Run Locust's web UI; its runs go to `folder`/results. Raises ChildError."""
    url = f"http://127.0.0.1:{free_port()}"
    options = ["--port", str(urlsplit(url).port), "--out", str(folder / "results"), "--scenarios", str(folder)]
    with start_lab(folder, "ui", *options, *arguments, **environment) as process:
        until = time.monotonic() + _UI_WITHIN_S
        while not wire.ask(url, "GET", "/", within_s=5).status:
            if process.poll() is not None or time.monotonic() > until:
                raise ChildError(f"Locust's web UI did not start: {last_words(folder / 'out')}")
            time.sleep(0.1)
        yield Target("ui", url, psutil.Process(process.pid))
