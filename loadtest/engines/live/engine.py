"""Run a scenario for real: services, Locust as a process of its own, and an end to all of them in every case."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.disk.room import check_room
from loadtest.disk.trouble import DiskError
from loadtest.engines.live.services import DISK_TROUBLE, Complaints, end_process, own_services
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from loadtest.engines.live.services import Urls
    from loadtest.records.run_folder import RunFolder
    from loadtest.terminal.narrator import Narrator

LOOK_EVERY_S = 0.1
# Samples come four times a second, whatever the load is.
SILENT_S = 60.0
LOCUSTFILE = Path(__file__).with_name("locustfile.py")


def run_live(folder: RunFolder, urls: Urls | None, narrator: Narrator) -> None:
    """Fill the run folder; against services of our own where no `urls` are given. Raises ChildError, and DiskError."""
    with own_services(folder.log) if urls is None else nullcontext(urls) as at, narrator:
        process, complaints = _start_locust(folder, at)
        try:
            while process.poll() is None:
                check_room(folder.path)
                if narrator.read_news() > SILENT_S:
                    raise ChildError(f"no news from the load generator for {SILENT_S:g} s; given up")
                time.sleep(LOOK_EVERY_S)
        finally:
            end_process(process)
            narrator.read_news()
        if process.returncode == DISK_TROUBLE:
            raise DiskError(folder.path, errno.EIO, complaints.last_words().rpartition(": ")[2])
        if process.returncode < 0:
            raise ChildError(f"the load generator was ended by signal {-process.returncode}")
        if process.returncode > 0:
            raise ChildError(f"the load generator gave up: {complaints.last_words()}")
        if not folder.has_ended():
            raise ChildError(f"the load generator ended before every arm had run: {complaints.last_words()}")


def locust_command(*options: str) -> list[str]:
    """Return the command that runs Locust on the lab's locustfile."""
    return [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *options]


def _start_locust(folder: RunFolder, at: Urls) -> tuple[subprocess.Popen[bytes], Complaints]:
    """Start it without a terminal: what it has to complain about goes to the run's log, and nothing else is said.

    It goes through this process: the last words of a load generator whose disk is full are that the disk is full.
    """
    options = ["--headless", "--run-dir", str(folder.path), "--host", at.client, "--backend-url", at.backend]
    quiet = ["--skip-log-setup", "--only-summary", "--exit-code-on-error", "0", "--until-stdin-closes"]
    process = subprocess.Popen(
        locust_command(*options, *quiet),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    return process, Complaints(process, folder.log)
