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
    done = lab.loadtest("run", str(lab.scenario(root)), "--out", str(root / "results"))
    assert lab.held(done), done.stdout + done.stderr
    return done.stdout, root / "results" / "short" / "latest"
