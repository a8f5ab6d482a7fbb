"""A disk that fills up, or a folder that goes, while a run is under way: it ends at once, in one sentence."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import lab
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The figure, and a busy machine's share.
AT_ONCE_S = 2.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of a megabyte."""
    path = tmp_path / "disk"
    path.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], capture_output=True, check=False
    ).returncode:
        pytest.skip("only root may mount a small disk")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def check_end(process: subprocess.Popen[str], pulse: lab.Pulse, began_s: float, reason: str, kept: str) -> None:
    """Hold the end of a run against what is right."""
    below = lab.descendants(process.pid)
    said = process.communicate(timeout=60)[0]
    took_s = pulse.time() - began_s
    [sentence] = [line for line in said.splitlines() if line.startswith("loadtest: ")]
    assert f": cannot be written: {reason}; " in sentence
    assert kept in sentence
    assert "Traceback" not in said
    assert process.returncode == 1
    assert lab.gone(below)
    assert took_s < AT_ONCE_S


def check_files(folder: Path) -> None:
    """No half line, no draft; the manifest says that the run is incomplete."""
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["complete"] is False
    assert lab.rows(folder)
    assert [path.name for path in folder.parent.rglob(".*")] == []


@pytest.mark.parametrize("engine", ["live", "virtual"])
def test_full(disk: Path, tmp_path: Path, engine: str) -> None:
    """The rows so far are kept."""
    pulse = lab.Pulse()
    path = str(lab.scenario(tmp_path, lab.SHORT.replace("requests = 6", "requests = 600")))
    process = lab.start("run", path, "--engine", engine, "--seeds", "1-200", "--out", str(disk))
    folder = lab.run_under_way(disk / "short")
    lab.wait_for(folder / "requests.jsonl", 5)
    fill(disk)
    check_end(process, pulse, pulse.time(), "No space left on device", "rows so far are kept in ")
    check_files(folder)


def test_removed(tmp_path: Path) -> None:
    """The system would let the files grow without a name."""
    pulse = lab.Pulse()
    process = lab.start("run", "experiment-1", "--out", str(tmp_path / "results"))
    folder = lab.run_under_way(tmp_path / "results" / "experiment-1")
    lab.wait_for(folder / "requests.jsonl", 2)
    shutil.rmtree(tmp_path / "results")
    check_end(process, pulse, pulse.time(), "No such file or directory", "nothing is kept")
    assert list(tmp_path.iterdir()) == []


def test_a_limit_of_files(tmp_path: Path) -> None:
    """What no look at the folder shows, only the write that fails: the load generator tells its parent."""
    pulse = lab.Pulse()
    process = lab.start("run", str(lab.scenario(tmp_path)), "--out", str(tmp_path / "results"))
    folder = lab.run_under_way(tmp_path / "results" / "short")
    lab.wait_for(folder / "requests.jsonl", 2)
    size = 4096 + (folder / "requests.jsonl").stat().st_size
    for pid in lab.descendants(process.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))
    while (folder / "requests.jsonl").stat().st_size < size - 600 and process.poll() is None:
        time.sleep(0.01)
    check_end(process, pulse, pulse.time(), os.strerror(27), "rows so far are kept in ")
    check_files(folder)
