"""A live run that cannot begin: exit code 2, and what is wrong where."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import lab

if TYPE_CHECKING:
    from pathlib import Path


def test_a_backend_that_is_not_there(tmp_path: Path) -> None:
    """Exit code 2, which service, and where it was looked for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = lab.loadtest("run", "experiment-1", "--client-url", url, "--backend-url", url, "--out", str(tmp_path))
    assert done.returncode == 2
    assert f"client-url: client at {url}: cannot be reached" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_results_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = lab.loadtest("run", "experiment-1", "--out", str(tmp_path / "file"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_misspelt_variable_is_caught_before_anything_starts(tmp_path: Path) -> None:
    """The name, and the one that was probably meant."""
    done = lab.loadtest("run", "experiment-1", "--out", str(tmp_path), LOADTEST_OUTT="x")
    assert done.returncode == 2
    assert "LOADTEST_OUTT: no such setting (did you mean 'LOADTEST_OUT'?)" in done.stderr
    done = lab.loadtest("run", "experiment-1", "--out", str(tmp_path), CLIENT_BREAKER__FAILMAX="3")
    assert done.returncode == 2
    assert "CLIENT_BREAKER__FAILMAX: no such setting (did you mean 'CLIENT_BREAKER__FAIL_MAX'?)" in done.stderr
    assert not list(tmp_path.iterdir())
