"""Floods of connections: idle ones, half-sent ones, and storms of connects and resets."""

from __future__ import annotations

import resource
import socket
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.attack import wire
from bench.attack.ground import SkippedAttackError

if TYPE_CHECKING:
    from bench.attack.ground import Ground
    from bench.attack.targets import Target

IDLE = 1_000
# What most systems let a process open.
USUAL_FILES = 1_024
ENDED_WITHIN_S = 14.0
SETTLED_WITHIN_S = 3.0
# Descriptors that may be more afterwards: connections to the backend that are kept.
ROOM = 12
_LINGER_NOT = b"\x01\x00\x00\x00\x00\x00\x00\x00"


def attack(ground: Ground) -> None:
    """Flood each service while the probe asks for `/data` on new connections."""
    need_files(IDLE + 500)
    with ground.services(files=USUAL_FILES) as pair:
        for target in pair:
            before = target.process.num_fds()
            _storm(ground, target, ground.effort.choose(3_000, 500))
            _idle(ground, target, ground.effort.choose(IDLE, 300), wait=not ground.effort.quick)
            _check_settled(ground, target, before)


def need_files(count: int) -> None:
    """Raise SkippedAttackError where this process may not open as many files."""
    may, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if may < count:
        raise SkippedAttackError(f"this process may open {may:,} files, and needs {count:,} (ulimit -n)")


def _storm(ground: Ground, target: Target, count: int) -> None:
    """Connect and reset, with nothing, half a request, or a whole one sent before."""
    where = urlsplit(target.url)
    sent = (b"", b"GET /data HT", wire.head("GET", "/data"), wire.head("GET", "/breaker"))
    for number in range(count):
        with suppress(OSError), socket.create_connection((where.hostname or "", where.port or 80), 2) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            connection.sendall(sent[number % len(sent)])
    answer = target.ask("GET", "/health", within_s=5)
    ground.tally.check(answer.status == 200, f"{target.name}: after {count:,} resets: {answer.told()}")


def _idle(ground: Ground, target: Target, count: int, *, wait: bool) -> None:
    """Hold connections that say nothing, or half of something; others have to get in, and these have to end."""
    starts = (b"", b"GET /data HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"G", wire.head("PATCH", "/config", length=50) + b"{")
    with ExitStack() as stack:
        held = []
        for number in range(count):
            try:
                connection = stack.enter_context(wire.connect(target.url, 2))
                connection.sendall(starts[number % len(starts)])
            except OSError as error:
                ground.tally.check(held=False, otherwise=f"{target.name}: connection {number:,}: {error}")
                break
            connection.setblocking(False)
            held.append(connection)
        began = time.monotonic()
        for path in ("/data", "/health", "/stats") * 5:
            answer = target.ask("GET", path, within_s=3)
            told = f"{target.name}: GET {path} beside {count:,} idle connections: {answer.told()}"
            ground.tally.check(answer.status == 200 and answer.took_s <= ground.limit_s, told)
        if wait:
            open_ = held
            while open_ and time.monotonic() - began < ENDED_WITHIN_S:
                open_ = [each for each in open_ if not _is_ended(each)]
                time.sleep(0.5)
            told = (
                f"{target.name}: {len(open_):,} of {count:,} idle and half-sent connections after {ENDED_WITHIN_S:g} s"
            )
            ground.tally.check(not open_, told)


def _is_ended(connection: socket.socket) -> bool:
    try:
        connection.recv(1 << 12)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _check_settled(ground: Ground, target: Target, before: int) -> None:
    until = time.monotonic() + SETTLED_WITHIN_S
    while target.process.num_fds() > before + ROOM and time.monotonic() < until:
        time.sleep(0.1)
    after = target.process.num_fds()
    ground.tally.check(after <= before + ROOM, f"{target.name}: {after} descriptors afterwards, {before} before")
