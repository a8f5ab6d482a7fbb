"""More connections than a service may open: it says so seldom, does not spin, and is back when they are gone."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from bench.attack import wire
from bench.attack.kinds.floods import need_files

if TYPE_CHECKING:
    from pathlib import Path

    from bench.attack.ground import Ground
    from bench.attack.targets import Target

FILES = 150
CONNECTIONS = 300
HELD_S = 4.0
# A loop that fails to accept again and again takes a whole core.
MOST_CPU_SHARE = 0.7
MOST_LINES = 3
BACK_WITHIN_S = 5.0


def attack(ground: Ground) -> None:
    """Not watched: with no descriptor left, nobody gets in, and that is not what is asked here."""
    need_files(CONNECTIONS + 200)
    for name in ("client", "backend"):
        with ground.services(watched="", files=FILES) as pair:
            _exhaust(ground, pair.client if name == "client" else pair.backend)


def _exhaust(ground: Ground, target: Target) -> None:
    log = ground.folder / "log"
    lines = _count_lines(log)
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            with suppress(OSError):
                stack.enter_context(wire.connect(target.url, 1)).sendall(b"G")
        busy = sum(target.process.cpu_times()[:2])
        time.sleep(HELD_S)
        share = (sum(target.process.cpu_times()[:2]) - busy) / HELD_S
        ground.tally.check(target.process.is_running(), f"{target.name}: gone with all descriptors taken")
        told = f"{target.name}: takes {share:.0%} of a core while no descriptor is left"
        ground.tally.check(share <= MOST_CPU_SHARE, told)
    said = _count_lines(log) - lines
    told = f"{target.name}: {said:,} lines in the log within {HELD_S:g} s, of which one a minute is enough"
    ground.tally.check(said <= MOST_LINES, told)
    ground.tally.check(said > 0, f"{target.name}: the log does not say that the descriptors have run out")
    began = time.monotonic()
    answer = target.ask("GET", "/data", within_s=BACK_WITHIN_S)
    while answer.status != 200 and time.monotonic() - began < BACK_WITHIN_S:
        answer = target.ask("GET", "/data", within_s=BACK_WITHIN_S)
    told = f"{target.name}: {BACK_WITHIN_S:g} s after the connections have gone: {answer.told()}"
    ground.tally.check(answer.status == 200, told)


def _count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")
