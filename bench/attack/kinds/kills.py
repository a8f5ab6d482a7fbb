"""Ends: `kill -9` of each process of a run and of the web UI leaves no orphan; SIGTERM ends a busy service."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psutil

from bench.attack import targets, wire
from bench.attack.kinds.bodies import keys
from bench.attack.kinds.streams import measure_rate, open_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.attack.ground import Ground
    from bench.attack.targets import Target

# A run whose service is gone writes its report first, with the processor to itself or not.
GONE_WITHIN_S = 20.0
# What a service may take to end with calls and bodies under way, and with streams open.
ENDED_WITHIN_S = 5.0
PARTS = ("the lab", "backend", "client", "locust")
_SCENARIO = """
name = "kills"
title = "A run that is killed"
[[load]]
requests = 600
rate_per_s = 20
[arms.with.breaker]
fail_max = 5
"""


def attack(ground: Ground) -> None:
    """Kill; then ask to end in the middle of everything."""
    _kill_parts(ground, "run")
    _kill_parts(ground, "ui")
    for name in ("client", "backend"):
        with targets.start_pair(ground.folder / "log") as pair:
            _end_under_load(ground, pair.client if name == "client" else pair.backend, pair.client)


def _kill_parts(ground: Ground, command: str) -> None:
    """Run four at once, and kill another part of each."""
    with ExitStack() as stack:
        families = {}
        for part in PARTS:
            folder = ground.folder / f"{command}-{part.replace(' ', '-')}"
            folder.mkdir(parents=True)
            scenario = folder / "kills.toml"
            scenario.write_text(_SCENARIO, encoding="utf-8")
            options = ["run", str(scenario), "--out", str(folder / "results")]
            if command == "ui":
                options = ["ui", "--port", str(targets.free_port()), "--out", str(folder / "results")]
            process = stack.enter_context(targets.start_lab(folder, *options))
            families[part] = psutil.Process(process.pid)
        for part, lab in families.items():
            family = _wait_for_family(lab)
            told = f"{command}: kill -9 of {part}"
            victim = lab if part == "the lab" else next((each for each in family if _is_part(each, part)), None)
            if not ground.tally.check(victim is not None, f"{told}: there is no such process") or victim is None:
                continue
            victim.kill()
            if command == "ui" and part != "the lab":
                time.sleep(0.5)
                if lab.is_running():
                    lab.terminate()
            left = _wait_until_gone([lab, *family])
            ground.tally.check(not left, f"{told}: still there after {GONE_WITHIN_S:g} s: {left}")


def _wait_for_family(lab: psutil.Process, within_s: float = 30.0) -> list[psutil.Process]:
    """Return the processes below, once every part is among them and has had a moment to settle."""
    until = time.monotonic() + within_s
    family: list[psutil.Process] = []
    while time.monotonic() < until and lab.is_running():
        family = targets.below(lab.pid)
        if all(any(_is_part(each, part) for each in family) for part in PARTS[1:]):
            time.sleep(1.0)
            return targets.below(lab.pid)
        time.sleep(0.1)
    return family


def _is_part(process: psutil.Process, part: str) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return "-m" in words and words[words.index("-m") + 1] == part


def _wait_until_gone(family: Sequence[psutil.Process]) -> list[str]:
    """Return what is still there after GONE_WITHIN_S; what is dead and not yet reaped is gone."""
    until = time.monotonic() + GONE_WITHIN_S
    left = list(family)
    while left and time.monotonic() < until:
        left = [each for each in left if _is_alive(each)]
        time.sleep(0.1)
    return [" ".join(each.cmdline()[:4]) for each in left if _is_alive(each)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _end_under_load(ground: Ground, target: Target, client: Target) -> None:
    """Ask to end with calls, streams, half-sent and large bodies under way."""
    with ExitStack() as stack:
        for kind in ("each", "sampled"):
            for _ in range(20):
                open_stream(stack, client.url, kind)
        for _ in range(50):
            half = stack.enter_context(wire.connect(target.url))
            half.sendall(wire.head("PATCH", "/config" if target is client else "/faults", length=5_000) + b'{"a')
        load = threading.Thread(target=measure_rate, args=(target.url, 3.0), daemon=True)
        load.start()
        time.sleep(1.0)
        body = keys(6_000)
        senders = [
            threading.Thread(
                target=target.ask, args=("PATCH", "/config" if target is client else "/faults", body), daemon=True
            )
            for _ in range(3)
        ]
        for each in senders:
            each.start()
        time.sleep(0.2)
        took_s = target.end(ENDED_WITHIN_S)
        told = f"{target.name}: not gone {ENDED_WITHIN_S:g} s after SIGTERM, with calls, streams and bodies under way"
        ground.tally.check(took_s is not None, told)
        for each in [load, *senders]:
            each.join(15)
