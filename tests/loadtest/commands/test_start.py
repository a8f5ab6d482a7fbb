"""How the program starts: quickly, since it loads only what it needs, and with what it says about itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What takes long to load.
HEAVY = {"scipy", "matplotlib", "fastapi", "locust", "gevent", "joblib", "aiohttp", "httpx", "flask"}
# Runs the program and writes down, at its end, which libraries it has loaded; those that are named to it cannot be.
PROGRAM = """
import atexit, json, runpy, sys
from pathlib import Path

loaded = Path(sys.argv.pop(1))
for name in sys.argv.pop(1).split():
    sys.modules[name] = None
atexit.register(lambda: loaded.write_text(json.dumps(sorted({name.partition(".")[0] for name in sys.modules}))))
runpy.run_module("loadtest", run_name="__main__", alter_sys=True)
"""


def run(scratch: Path, *arguments: str, without: str = "") -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Return how the program ended, and the libraries that it had loaded."""
    loaded = scratch / "loaded.json"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(loaded), without, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done, set(json.loads(loaded.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["run", "--help"], 0),
        (["--version"], 0),
        (["runn"], 2),
        (["run", "experimnt-1"], 2),
        (["run", "experiment-1", "--engine", "virtul"], 2),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else None,
)
def test_help_and_a_typing_error_load_nothing_heavy(tmp_path: Path, arguments: list[str], code: int) -> None:
    """They are answered at once: what a run needs is loaded once it is known that there will be one."""
    done, loaded = run(tmp_path, *arguments)

    assert done.returncode == code, done.stderr
    assert loaded & (HEAVY | {"numpy"}) == set()
    assert "typer" in loaded


def test_the_page_of_all_runs_loads_nothing_heavy(tmp_path: Path) -> None:
    """It reads what the runs have written, and draws nothing."""
    results = tmp_path / "results"
    shutil.copytree(ROOT / "results" / "experiment-1" / "reference", results / "experiment-1" / "one")

    done, loaded = run(tmp_path, "index", "--out", str(results))

    assert (done.returncode, done.stdout) == (0, f"1 run(s): {results / 'index.html'}\n"), done.stderr
    assert loaded & HEAVY == set()


def test_a_run_and_its_report_need_no_scipy(tmp_path: Path) -> None:
    """A first run does not install it."""
    done, loaded = run(
        tmp_path, "run", "experiment-1", "--engine", "virtual", "-q", "--out", str(tmp_path), without="scipy"
    )

    assert done.returncode == 0, done.stderr
    assert "matplotlib" in loaded


def test_the_version_is_that_of_the_project(tmp_path: Path) -> None:
    """It has one home, and nothing need be installed for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    done, _ = run(tmp_path, "--version")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"Breaker Lab {project['version']}\n", "")
