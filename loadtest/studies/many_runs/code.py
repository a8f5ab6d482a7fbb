"""Name the code that a result depends on, so that results of two versions are never put together."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

# What decides about a run's figures. Reports and charts may change without harm.
_PARTS = (
    *("backend", "client", "inputs", "virtual_clock", "loadtest/scenario", "loadtest/engines/virtual"),
    *("loadtest/engines/would_have.py", "loadtest/figures/openings.py", "loadtest/studies/many_runs/work.py"),
)


@cache
def code_hash() -> str:
    """Return a short hash over the sources of the services, the virtual engine and the figures."""
    root = Path(__file__).parents[3]
    files = {file for part in _PARTS for file in _sources(root, part)}
    whole = sha256()
    for file in sorted(files):
        whole.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return whole.hexdigest()[:16]


def _sources(root: Path, part: str) -> list[Path]:
    return list((root / part).rglob("*.py")) if (root / part).is_dir() else [root / part]
