"""A disk that takes no more, and a folder that goes away: a run ends at once, says so, and leaves no drafts."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

from bench.attack import targets
from bench.attack.ground import SkippedAttackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.attack.ground import Ground

# From the moment on which nothing can be written, with a second for a busy machine.
ENDED_WITHIN_S = 3.0
WITHIN_S = 20.0
BEGUN_WITHIN_S = 45.0
_SENTENCES = 6  # lines that a run may need to say that it has failed, beside what it says at its start
_SCENARIO = """
name = "disk"
title = "Rows for a disk"
[[load]]
requests = {requests}
rate_per_s = {rate}
[arms.with.breaker]
fail_max = 5
"""


def attack(ground: Ground) -> None:
    """Limit the length of a file, which needs no rights; remove the folder; make it read-only."""
    _limit_length(ground, "virtual", 30_000, 1_000, 200_000)
    _limit_length(ground, "live", 400, 40, 30_000)
    _remove_folder(ground)
    _make_read_only(ground)


def attack_full(ground: Ground) -> None:
    """Fill a small file system before, during and at the end of a run."""
    with _small_disk(ground.folder / "before", 300) as place:
        _fill(place)
        began = time.monotonic()
        code, said = targets.run_lab(ground.folder, *_run(ground.folder / "a", place, "virtual", 1_000, 1_000))
        _judge(ground, "full before", place, code, said, time.monotonic() - began - 3)
    with _small_disk(ground.folder / "during", 600) as place, _live_run(ground, place, "during") as process:
        rows = _wait_for_rows(place, process)
        _fill(place)
        _judge_end(ground, "full during a live run", place, process, ground.folder / "during-run")
        ground.tally.check(rows is not None and rows.exists(), "full during a live run: the rows have gone")
    with _small_disk(ground.folder / "end", 640) as place:
        code, said = targets.run_lab(ground.folder, *_run(ground.folder / "c", place, "virtual", 2_000, 1_000))
        _judge(ground, "full at the end", place, code, said, 0)


def _run(folder: Path, results: Path, engine: str, requests: int, rate: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    scenario = folder / "disk.toml"
    scenario.write_text(_SCENARIO.format(requests=requests, rate=rate), encoding="utf-8")
    return ["run", str(scenario), "--engine", engine, "--out", str(results / "results")]


def _limit_length(ground: Ground, engine: str, requests: int, rate: int, length: int) -> None:
    folder = ground.folder / f"length-{engine}"
    with targets.start_lab(folder, *_run(folder, folder, engine, requests, rate)) as process:
        _limit_files_of(process, length)
        full = _wait_for_length(folder, length, process)
        told = f"a file may have {length:,} bytes, {engine}"
        if ground.tally.check(full, f"{told}: the limit was not met"):
            _judge_end(ground, told, folder, process, folder)


def _limit_files_of(process: subprocess.Popen[bytes], length: int) -> None:
    limit = getattr(psutil.Process(process.pid), "rlimit", None)
    if limit is None:
        raise SkippedAttackError("this system cannot limit the files of another process")
    limit(resource.RLIMIT_FSIZE, (length, length))


def _wait_for_length(folder: Path, length: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a file has as many bytes as it may, or the process has ended."""
    until = time.monotonic() + BEGUN_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        for path in folder.glob("results/disk/*/requests.jsonl"):
            with suppress(OSError):
                if path.stat().st_size >= length - 400:
                    return True
        time.sleep(0.02)
    return process.poll() is not None


@contextmanager
def _live_run(ground: Ground, place: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    folder = ground.folder / f"{name}-run"
    with targets.start_lab(folder, *_run(folder, place, "live", 400, 40)) as process:
        yield process


def _wait_for_rows(place: Path, process: subprocess.Popen[bytes]) -> Path | None:
    until = time.monotonic() + BEGUN_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        for path in place.glob("results/disk/2*/requests.jsonl"):
            if path.stat().st_size > 1_000:
                return path
        time.sleep(0.02)
    return None


def _remove_folder(ground: Ground) -> None:
    place = ground.folder / "removed"
    with _live_run(ground, place, "removed") as process:
        rows = _wait_for_rows(place, process)
        if ground.tally.check(rows is not None, "a live run has no rows") and rows is not None:
            shutil.rmtree(rows.parent)
            _judge_end(ground, "its folder is removed", place, process, ground.folder / "removed-run")


def _make_read_only(ground: Ground) -> None:
    if os.geteuid() == 0:
        return  # nothing is read-only for root
    place = ground.folder / "read-only"
    with _live_run(ground, place, "read-only") as process:
        rows = _wait_for_rows(place, process)
        if ground.tally.check(rows is not None, "a live run has no rows") and rows is not None:
            rows.parent.chmod(0o500)
            try:
                code = targets.wait_for_end(process, WITHIN_S)
            finally:
                rows.parent.chmod(0o700)
            said = (ground.folder / "read-only-run" / "out").read_text(encoding="utf-8", errors="replace")
            _judge(ground, "its folder is read-only", place, code, said, 0)


def _is_lock(path: Path) -> bool:
    return path.name.startswith(".running") or path.name.endswith(".lock")


def _judge_end(ground: Ground, told: str, place: Path, process: subprocess.Popen[bytes], folder: Path) -> None:
    began = time.monotonic()
    code = targets.wait_for_end(process, WITHIN_S)
    took_s = time.monotonic() - began
    _judge(ground, told, place, code, (folder / "out").read_text(encoding="utf-8", errors="replace"), took_s)


def _judge(ground: Ground, told: str, place: Path, code: int | None, said: str, took_s: float) -> None:
    ground.tally.check(
        took_s <= ENDED_WITHIN_S, f"{told}: {'no end' if code is None else 'ended'} after {took_s:.1f} s"
    )
    ground.tally.check(code in (1, 2), f"{told}: exit code {code}, {said[-200:]!r}")
    ground.tally.check("Traceback" not in said, f"{told}: a traceback, {said[-150:]!r}")
    lines = [
        line for line in said.splitlines() if "disk" in line.lower() or "write" in line.lower() or "folder" in line
    ]
    ground.tally.check(0 < len(lines) <= _SENTENCES, f"{told}: said {said[-200:]!r}")
    drafts = [path.name for path in place.rglob(".*") if path.is_file() and not _is_lock(path)]
    ground.tally.check(not drafts, f"{told}: drafts are left: {drafts[:3]}")


@contextmanager
def _small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """Mount a small file system for the length of the context. Raises SkippedAttackError where that is not allowed."""
    place.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        raise SkippedAttackError("a small file system needs root, and mount")
    command = [mount, "-t", "tmpfs", "-o", f"size={kilobytes}k", "attack", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SkippedAttackError(f"a small file system could not be mounted: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run([shutil.which("umount") or "umount", "-l", str(place)], check=False)


def _fill(place: Path) -> None:
    with suppress(OSError), (place / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
