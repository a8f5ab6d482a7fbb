"""Start the two services on free ports and end them, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, Queue
from typing import IO, TYPE_CHECKING

from backend.settings import BackendSettings
from inputs.environment import from_environment
from loadtest.disk.lines import open_log
from loadtest.disk.trouble import DiskError
from loadtest.engines.live.control import Service, ServiceError
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# What a run has to know it asks for; the log of a run is for complaints.
QUIET = {"CLIENT_LOG__LEVEL": "warning", "BACKEND_LOG__LEVEL": "warning"}
# The line that they announce themselves with has to say where they are.
_PLAIN = {"CLIENT_SHOWN_URL": "", "BACKEND_SHOWN_URL": ""}
START_S = 30.0
END_S = 5.0
# The load generator's exit code where its files cannot be written; EX_IOERR of sysexits.h.
DISK_TROUBLE = 74
_LAST = 1500
_NOTHING = "it said nothing"


@dataclass(frozen=True)
class Urls:
    """Where the two services are."""

    client: str
    backend: str


@contextmanager
def own_services(log: Path) -> Iterator[Urls]:
    """Run backend and client for the length of the context, complaints into `log`. Raises ChildError, and DiskError.

    Both take their tokens from the environment, as this process does; the client gets that of the backend, too.
    """
    token = from_environment(BackendSettings).owners_token
    known = {} if token is None else {"CLIENT_BACKEND_TOKEN": token.get_secret_value()}
    with child("backend", {"BACKEND_HOST": "127.0.0.1", "BACKEND_PORT": "0"}, log) as backend:
        settings = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend, **known}
        with child("client", settings, log) as client:
            yield Urls(client, backend)


@contextmanager
def child(
    module: str, environment: dict[str, str], log: Path, arguments: Sequence[str] = (), *, health: bool = True
) -> Iterator[str]:
    """Run `python -m module` and yield its URL once it is healthy; end it on the way out.

    Raises ChildError, and DiskError.

    The child is in a session of its own, so that Ctrl-C reaches it only through us, and it reads its standard input,
    whose end tells it that this process is gone, however that came about.
    """
    with open_log(log) as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**QUIET, **os.environ, **_PLAIN, **environment},
            start_new_session=True,
        )
    try:
        url = _announced_url(module, process, log)
        if health:
            _wait_until_healthy(Service(module, url), process, log)
        yield url
    except DiskError:
        process.kill()  # it has nothing to keep, and its callers may hang
        raise
    finally:
        end_process(process)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Ask, wait, then make sure."""
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _announced_url(name: str, process: subprocess.Popen[bytes], log: Path) -> str:
    lines: Queue[bytes] = Queue()
    stdout: IO[bytes] | None = process.stdout
    if stdout is None:  # pragma: no cover - it was asked for
        raise ChildError(f"the {name} has no standard output")
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=START_S).decode()
    except Empty:
        raise ChildError(f"the {name} did not start within {START_S:g} s") from None
    _, _, url = line.strip().partition(": ")
    if not url.startswith("http"):
        process.wait(END_S)
        raise ChildError(f"the {name} did not start: {last_words(log)}")
    return url


def _wait_until_healthy(service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ChildError(f"the {service.name} ended while starting: {last_words(log)}")
        try:
            service.get("/health")
        except ServiceError:
            time.sleep(0.05)
        else:
            return
    raise ChildError(f"the {service.name} was not healthy within {START_S:g} s: {last_words(log)}")


def last_words(log: Path) -> str:
    """Return the end of the log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return text.strip()[-_LAST:] or _NOTHING


class Complaints:
    """What a process says on standard error: goes to the run's log while that can be written, and its end is kept."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log
        self._last = b""
        self._reader = threading.Thread(target=self._read_all, daemon=True)
        self._reader.start()

    def _read_all(self) -> None:
        if self._process.stderr is None:  # pragma: no cover - it was asked for
            return
        with self._process.stderr as stream:
            for said in stream:
                self._last = (self._last + said)[-_LAST:]
                with suppress(OSError), open_log(self._log) as log:
                    log.write(said)

    def last_words(self) -> str:
        """Return the end, once the process has ended."""
        self._reader.join(END_S)
        return self._last.decode(errors="replace").strip() or _NOTHING
