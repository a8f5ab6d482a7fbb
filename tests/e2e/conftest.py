"""Everything in this folder runs real processes."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of this folder as an end-to-end test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """One short run of both arms without a web UI: what it printed, and its folder."""
    root = tmp_path_factory.mktemp("run")
    for _ in range(2):
        done = lab.loadtest("run", str(lab.scenario(root)), "--out", str(root / "results"))
        if "the load kept to its schedule: 99 %" not in done.stdout:  # the machine was busy: once more
            break
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, root / "results" / "short" / "latest"
