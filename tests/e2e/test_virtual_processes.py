"""Runs on virtual time that are shared out over processes, from a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import lab
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("rows", [0, 1000], ids=["as processes start", "under way"])
def test_ctrl_c_ends_it_with_a_sentence(tmp_path: Path, rows: int) -> None:
    """Every process of the terminal gets the signal; what is kept are whole runs, and there is no traceback."""
    command = ["run", "experiment-2", "--engine", "virtual", "--seeds", "1-600", "--quiet", "--out", str(tmp_path)]
    process = lab.popen(
        [sys.executable, "-m", "loadtest", *command],
        cwd=lab.ROOT,
        env=lab.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    folder = lab.run_under_way(tmp_path / "experiment-2")
    lab.wait_for(folder / "requests.jsonl", rows)
    below = lab.descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=60)

    assert said == "loadtest: interrupted: the rows so far are kept, and the run is marked incomplete\n"
    assert process.returncode == 130
    assert lab.gone(below)
    assert "expected of" not in out  # what was cut off is not held to it
    ended = (folder / "arms.jsonl").read_text(encoding="utf-8").splitlines()
    assert rows <= len(lab.rows(folder)) == sum(json.loads(line)["planned"] for line in ended) < 1200 * 100
    assert lab.summary(folder)["complete"] is False


@pytest.mark.parametrize("reader", ["| true", ">&-"], ids=["hangs up", "was never there"])
def test_nobody_has_to_read_along(tmp_path: Path, reader: str) -> None:
    """The run is made to its end all the same, on several processes, too."""
    command = f"{sys.executable} -m loadtest run experiment-2 --engine virtual --seeds 1-110 --out {tmp_path} {reader}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=lab.ROOT, env=lab.environment(), stderr=subprocess.PIPE, text=True, check=False
    )

    folder = tmp_path / "experiment-2" / "latest"
    assert done.stderr == ""
    assert lab.summary(folder)["complete"] is True
    assert len(lab.rows(folder)) == 2 * 110 * 100
