"""The front door: what each target of the Makefile runs, without running it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from loadtest.scenario.files import read, shipped_names

ROOT = Path(__file__).parents[2]
MARKS = ("run", "lab", "dev", "peers", "attack", "cluster", "tracing", "audit")
# A user's words with all that make or a shell could split at; the shell gets them as they are.
ARGS = """--seeds 1,3-5 --grid "a.b=1,2" --out 'two words' -q"""
LOCK = "VENV/bin/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate "
LOCK += "--custom-compile-command 'make lock' "
PART = LOCK + "-c requirements/dev.txt "
PYTEST = "VENV/bin/python -m pytest "
TEST = [
    PYTEST + "-n auto tests --ignore=tests/e2e ARGS || [ $? = 5 ]",
    PYTEST + '-n 3 --dist loadfile --no-loadscope-reorder -m "not containers" tests/e2e ARGS || [ $? = 5 ]',
]
UP = 'REVISION="$(git describe --always --dirty --abbrev=12 2>/dev/null)" docker compose '

# Target: the mark of the environment that it needs, and its lines; ARGS stands for the user's words.
TARGETS = {
    "experiment-1": ("run", ["VENV/bin/python -m loadtest run experiment-1 ARGS"]),
    "experiment-2": ("run", ["VENV/bin/python -m loadtest run experiment-2 ARGS"]),
    "compare-with-without": ("run", ["VENV/bin/python -m loadtest run experiment-2 ARGS"]),
    "policies": ("run", ["VENV/bin/python -m loadtest run policies ARGS"]),
    "ui": ("run", ["VENV/bin/python -m loadtest ui ARGS"]),
    "report": ("run", ["VENV/bin/python -m loadtest report ARGS"]),
    "index": ("run", ["VENV/bin/python -m loadtest index ARGS"]),
    "probability": ("lab", ["VENV/bin/python -m loadtest probability ARGS"]),
    "sweep": ("lab", ["VENV/bin/python -m loadtest sweep ARGS"]),
    "tune": ("lab", ["VENV/bin/python -m loadtest tune ARGS"]),
    "agreement": ("lab", ["VENV/bin/python -m loadtest agreement ARGS"]),
    "search": ("lab", ["VENV/bin/python -m loadtest search ARGS"]),
    "coverage": ("lab", ["VENV/bin/python -m loadtest coverage ARGS"]),
    "distribution": ("lab", ["VENV/bin/python -m loadtest distribution ARGS"]),
    "docs": ("run", ["VENV/bin/python -m loadtest docs ARGS"]),
    "references": ("lab", ["VENV/bin/python -m loadtest references ARGS"]),
    "schema": ("run", ["VENV/bin/python -m loadtest schema ARGS"]),
    "attack": ("attack", ["VENV/bin/python -m bench.attack ARGS"]),
    "soak": ("lab", ["VENV/bin/python -m bench.soak ARGS"]),
    "conformance": ("peers", ["VENV/bin/python -m bench.conformance ARGS"]),
    "bench": ("peers", ["VENV/bin/python -m bench ARGS"]),
    "screenshots": ("dev", ["VENV/bin/python tests/e2e/screenshots.py"]),
    "test": (
        "dev",
        [
            *TEST,
        ],
    ),
    "test-unit": ("dev", [PYTEST + "-n auto tests --ignore=tests/e2e ARGS"]),
    "test-containers": ("dev", [PYTEST + "-m containers tests/e2e ARGS"]),
    "check": (
        "dev",
        [
            "VENV/bin/python -m ruff format --check .",
            "VENV/bin/python -m ruff check .",
            "VENV/bin/python -m mypy",
            "make --no-print-directory test",
            *TEST,
        ],
    ),
    "format": ("dev", ["VENV/bin/python -m ruff format .", "VENV/bin/python -m ruff check --fix ."]),
    "lock": (
        "dev",
        [
            LOCK + "ARGS --all-extras -o requirements/dev.txt pyproject.toml",
            PART + "-o requirements/backend.txt pyproject.toml",
            PART + "--extra client -o requirements/client.txt pyproject.toml",
            PART + "--extra client --extra run -o requirements/run.txt pyproject.toml",
            PART + "--extra client --extra run --extra tune -o requirements/lab.txt pyproject.toml",
            PART + "--extra client --extra run --extra cluster -o requirements/cluster.txt pyproject.toml",
            PART + "--extra client --extra run --extra tracing -o requirements/tracing.txt pyproject.toml",
            PART + "--extra client --extra run --extra peers -o requirements/peers.txt pyproject.toml",
            PART + "--extra audit -o requirements/audit.txt pyproject.toml",
            PART + "--extra client --extra run --extra attack -o requirements/attack.txt pyproject.toml",
            "echo uv | " + PART + "-o requirements/uv.txt -",
        ],
    ),
    "audit": ("audit", ["VENV/bin/python -m supply.audit ARGS"]),
    "sbom": ("audit", ["VENV/bin/python -m supply.sbom ARGS"]),
    "digests": (None, ["VENV/bin/python -m supply.digests ARGS"]),
    "up": (None, [UP + "up --build --wait"]),
    "observe": (None, [UP + "--profile observability up --build --wait"]),
    "down": (None, ["docker compose --profile observability down"]),
    "clean": (None, ["rm -rf VENV .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info"]),
}
# What a target does when the user adds nothing.
DEFAULTS = {
    "sweep": "policies --arm count-window --grid breaker.min_calls=5,10,20,40 --grid breaker.window_calls=10,20,40,80 "
    "--seeds 1-50",
    "tune": "checkout",
}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Return an environment in which everything has been installed."""
    (tmp_path / "bin").mkdir()
    for name in ("bin/python", ".uv", *(f".{mark}" for mark in MARKS)):
        (tmp_path / name).touch()
    return tmp_path


def make(venv: Path, *arguments: str) -> list[str]:
    """Return the lines that make prints; they may stand for those of an outer make, whose variables are left out."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VENV", "ARGS", "PYTHON")
    environ = {name: value for name, value in os.environ.items() if name not in outer}
    done = subprocess.run(
        ["make", f"VENV={venv}", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return [line.replace(str(venv), "VENV").rstrip() for line in done.stdout.splitlines()]


def written() -> list[str]:
    """Return the targets that the Makefile has, in its order; those of the environment begin with a variable."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE)


def test_every_target_is_checked_here() -> None:
    """A new target gets its lines below; it is phony, and has its line of help."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)

    assert phony is not None
    assert sorted(written()) == sorted(phony[1].split()) == sorted(["help", *TARGETS])


def test_every_experiment_of_the_document_has_a_target() -> None:
    """Its report says that `make <name>` makes the same run."""
    assert {name for name in shipped_names() if read(name)[0].document} <= set(written())


def test_help_names_every_target(venv: Path) -> None:
    """Each on a line, with what it does."""
    told = [line.split(maxsplit=2) for line in make(venv, "help") if line.startswith("  make ")]

    assert [name for _, name, _ in told] == written()


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_what_it_says(venv: Path, target: str) -> None:
    """Without words of the user; in an environment that is ready nothing is installed."""
    expected = [line.replace("ARGS", DEFAULTS.get(target, "")) for line in TARGETS[target][1]]

    assert [squeezed(line) for line in make(venv, "-n", target)] == [squeezed(line) for line in expected]


@pytest.mark.parametrize("target", TARGETS)
def test_the_words_of_the_user_arrive_as_they_are(venv: Path, target: str) -> None:
    """Commas, quotes and spaces go to the shell untouched, in place of what the target does by itself."""
    expected = [line.replace("ARGS", ARGS) for line in TARGETS[target][1]]

    assert make(venv, "-n", target, f"ARGS={ARGS}") == [line.rstrip() for line in expected]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_installs_only_what_it_needs(venv: Path, target: str) -> None:
    """A first run asks for little: an experiment needs no more than `.run`."""
    for mark in MARKS:
        (venv / f".{mark}").unlink()
    needed = TARGETS[target][0]

    assert {line for line in make(venv, "-n", target) if line.startswith('echo "installing ')} == (
        {f'echo "installing requirements/{needed}.txt"'} if needed else set()
    )


def squeezed(line: str) -> str:
    """Return a line without the gap that no words leave."""
    return " ".join(line.split())
