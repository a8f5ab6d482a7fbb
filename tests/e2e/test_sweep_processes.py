"""A sweep on several processes: on this machine's cores, on a Dask cluster, and with Ctrl-C in the middle."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import lab
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SWEEP = ["-m", "loadtest", "sweep", "experiment-2", "--grid", "breaker.fail_max=3,5"]


def command(out: Path, *options: str, seeds: str = "1-120") -> list[str]:
    return [sys.executable, *SWEEP, "--seeds", seeds, "--out", str(out), *options]


def run(out: Path, *options: str, seeds: str = "1-120") -> dict[str, bytes]:
    """Run the sweep; return its files, but for the manifest, whose times differ."""
    done = subprocess.run(
        command(out, *options, seeds=seeds), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return files(out)


def files(out: Path) -> dict[str, bytes]:
    found = (
        path
        for path in out.rglob("*")
        if path.is_file() and path.name not in (".running", ".running.lock", "manifest.json")
    )
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Run the sweep in one process."""
    return run(tmp_path_factory.mktemp("alone"), "--jobs", "1")


def test_two_processes_make_the_same_files_as_one(alone: dict[str, bytes], tmp_path: Path) -> None:
    """To the last byte, pictures included."""
    assert len(alone) == 8
    assert run(tmp_path, "--jobs", "2") == alone


def test_ctrl_c_keeps_what_was_measured_and_the_same_command_goes_on(alone: dict[str, bytes], tmp_path: Path) -> None:
    """Every process of the terminal gets the signal, as it does there; one sentence is said, and no traceback."""
    process = lab.popen(
        command(tmp_path, "--jobs", "2"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and kept(tmp_path) < 2:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert said == "loadtest: interrupted: the finished runs are kept; the same command continues from there\n"
    assert process.returncode == 130
    assert 1 < kept(tmp_path) < 1 + 3 * 120
    assert run(tmp_path, "--jobs", "2") == alone


def kept(out: Path) -> int:
    """How many lines of results there are."""
    return sum(path.read_bytes().count(b"\n") for path in out.rglob("results.csv"))


@contextmanager
def cluster() -> Iterator[str]:
    """Start a Dask scheduler with two worker processes, as one does on several machines."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    host, port = address.removeprefix("tcp://").split(":")
    started = []
    for part in (["scheduler", "--host", host, "--port", port], ["worker", address, "--nworkers", "2"]):
        threads = ["--nthreads", "1"] if part[0] == "worker" else []
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "dask", *part, *threads, "--no-dashboard"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
    try:
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_a_dask_cluster_of_two_workers_makes_the_same_files(alone: dict[str, bytes], tmp_path: Path) -> None:
    """To the last byte; until its workers are there, it is told what is missing."""
    with cluster() as address:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            done = subprocess.run(
                command(tmp_path, "--dask", address), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
            )
            if done.returncode == 0:
                break
            assert done.returncode == 2
            assert "no scheduler answers there within 10 s" in done.stderr or "has no workers" in done.stderr

    assert files(tmp_path) == alone
