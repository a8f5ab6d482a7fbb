"""A live run that ends before its time: what was measured stays, and no process is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import lab
import pytest


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_run_keeps_what_it_measured(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C, kill, and the end of the terminal: rows and report stay, marked incomplete, and no process is left."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    folder = lab.run_under_way(tmp_path / "experiment-1")
    lab.wait_for(folder / "requests.jsonl", 2)
    below = lab.descendants(process.pid)
    assert len(below) >= 3
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == code, said
    assert lab.gone(below)
    assert len(lab.rows(folder)) >= 2
    assert lab.summary(folder)["complete"] is False
    assert not (tmp_path / "experiment-1" / "latest").exists()
    assert "NOT OK the run is complete" in said
    assert "Do not trust this run" in (folder / "report.md").read_text(encoding="utf-8")
    assert "Traceback" not in said


def test_a_killed_run_leaves_no_process(tmp_path: Path) -> None:
    """SIGKILL cannot be caught: the children notice that their parent is gone, and the rows are there."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    folder = lab.run_under_way(tmp_path / "experiment-1")
    lab.wait_for(folder / "requests.jsonl", 2)
    below = lab.descendants(process.pid)
    process.kill()
    process.communicate(timeout=30)
    assert lab.gone(below)
    done = lab.loadtest("report", str(folder))
    assert done.returncode == 1, done.stderr
    assert "NOT OK the run is complete" in done.stdout
    assert lab.summary(folder)["complete"] is False
    assert len(lab.rows(folder)) >= 2


def test_a_service_that_dies_ends_the_run(tmp_path: Path) -> None:
    """A client killed in the middle of an arm: what was measured stays, the run fails and says why."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    folder = lab.run_under_way(tmp_path / "experiment-1")
    lab.wait_for(folder / "requests.jsonl", 2)
    below = lab.descendants(process.pid)
    victim = next(pid for pid in below if b"client" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
    os.kill(victim, signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "client at http://127.0.0.1:" in said
    assert "Traceback" not in said
    assert lab.gone(below)
    assert lab.summary(folder)["complete"] is False
