"""Links in the place of lock files: what they point to must not be made, changed or opened to all."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from bench.attack import targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.attack.ground import Ground

_KEPT = "nobody may touch this"
_SCENARIO = """
name = "locks"
title = "A run that takes locks"
[[load]]
requests = 3
rate_per_s = 50
[arms.with.breaker]
fail_max = 5
"""


def attack(ground: Ground) -> None:
    """Look which files a run leaves where locks may lie, and put links there before the next one."""
    with ground.services() as pair:
        urls = ["--client-url", pair.client.url, "--backend-url", pair.backend.url]
        scenario = ground.folder / "locks.toml"
        scenario.write_text(_SCENARIO, encoding="utf-8")
        home = ground.folder / "home"
        names = {name: str(home / name.lower()) for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")}
        for place in names.values():
            (home / place).mkdir(parents=True, mode=0o700)
        out = ground.folder / "results"
        command = ["run", str(scenario), *urls, "--out", str(out), "--quiet"]
        code, said = targets.run_lab(ground.folder / "first", *command, environment=names)
        ground.tally.check(code in (0, 1), f"a run: exit code {code}, {said[-200:]!r}")
        found = [*_locks_in(home), *(path for path in out.glob(".*") if path.is_file())]
        for path in dict.fromkeys([*_folders_and_files(home), *found]):
            mode = path.stat().st_mode
            ground.tally.check(not mode & stat.S_IWOTH, f"{path.name} may be written by all: {stat.filemode(mode)}")
        _plant_links(ground, found, command, names)


def _locks_in(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and not path.is_symlink() and "lab" in str(path)]


def _folders_and_files(home: Path) -> Iterator[Path]:
    yield from (path for path in home.rglob("*") if not path.is_symlink() and "lab" in path.name)


def _plant_links(ground: Ground, found: list[Path], command: list[str], names: dict[str, str]) -> None:
    """Put links to files in the place of the locks, of what lies beside them, and links to nothing in that of all."""
    locks = [path for path in found if path.suffix == ".lock"]
    for group in (locks, [path for path in found if path not in locks]):
        aims = [ground.folder / f"aim-{path.name}" for path in group]
        for path, aim in zip(group, aims, strict=True):
            aim.write_text(_KEPT, encoding="utf-8")
            aim.chmod(0o600)
            _replace_with_link(path, aim)
        targets.run_lab(ground.folder / "again", *command, environment=names)
        for path, aim in zip(group, aims, strict=True):
            kept = aim.read_text(encoding="utf-8") == _KEPT and stat.S_IMODE(aim.stat().st_mode) == 0o600
            ground.tally.check(kept, f"a run has changed what a link at {path.name} points to")
            path.unlink(missing_ok=True)
    nowhere = [ground.folder / f"nowhere-{path.name}" for path in found]
    for path, aim in zip(found, nowhere, strict=True):
        _replace_with_link(path, aim)
    targets.run_lab(ground.folder / "again", *command, environment=names)
    for path, aim in zip(found, nowhere, strict=True):
        ground.tally.check(not aim.exists(), f"a run has made what a link at {path.name} points to")


def _replace_with_link(path: Path, aim: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(aim)
