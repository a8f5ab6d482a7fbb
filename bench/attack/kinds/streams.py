"""Readers of `/events` that never read: they must not cost others their answers, nor keep their seats."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.attack import wire

if TYPE_CHECKING:
    from bench.attack.ground import Ground
    from bench.attack.targets import Target

READERS = 100
LOAD_CONNECTIONS = 8
MEASURE_S = 2.0
# With readers that do not read, at least this share of the calls has to be left.
LEAST_SHARE = 0.5
# Within this time, under load, a reader that does not read has lost its seat.
SEATS_BACK_WITHIN_S = 20.0


def attack(ground: Ground) -> None:
    """Take every seat and read nothing, while calls go on; then look for a seat as a dashboard does."""
    for kind in ("each",) if ground.effort.quick else ("each", "sampled"):
        with ground.services() as pair, ExitStack() as stack:
            _occupy(ground, pair.client, kind, stack)
    if not ground.effort.quick:
        with ground.services() as pair:
            _come_and_go(ground, pair.client)


def _occupy(ground: Ground, client: Target, kind: str, stack: ExitStack) -> None:
    measure_s = MEASURE_S / 2 if ground.effort.quick else MEASURE_S
    before = measure_rate(client.url, measure_s)
    tasks = client.ask("GET", "/stats").json()["tasks"]
    for _ in range(READERS):
        open_stream(stack, client.url, kind)
    time.sleep(0.5)
    during = measure_rate(client.url, measure_s)
    told = f"{READERS} readers of calls={kind} that never read: {during:,.0f} calls/s, {before:,.0f} before"
    ground.tally.check(during >= LEAST_SHARE * before, told)
    if ground.effort.quick:
        return
    began = time.monotonic()
    found = False
    while not found and time.monotonic() - began < SEATS_BACK_WITHIN_S:
        measure_rate(client.url, 1.0)
        found = finds_seat(client.url)
    told = f"calls={kind}: no seat for a dashboard after {SEATS_BACK_WITHIN_S:g} s of load"
    ground.tally.check(found, told)
    stack.close()
    time.sleep(1.5)
    left = client.ask("GET", "/stats").json()["tasks"]
    ground.tally.check(left <= tasks + 3, f"calls={kind}: {left} tasks after all readers left, {tasks} before")


def open_stream(stack: ExitStack, url: str, kind: str, *, buffer: int = 4096) -> socket.socket:
    """Ask for a stream on a connection that takes little, and read nothing of it."""
    where = urlsplit(url)
    stream = stack.enter_context(socket.socket())
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    stream.settimeout(5)
    stream.connect((where.hostname, where.port))
    stream.sendall(f"GET /events?calls={kind} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
    return stream


def finds_seat(url: str) -> bool:
    """Say whether a new dashboard gets its stream, and its first batch."""
    with ExitStack() as stack:
        stream = open_stream(stack, url, "sampled", buffer=1 << 18)
        stream.settimeout(3)
        got = b""
        with suppress(OSError):
            while b"event: batch" not in got and (data := stream.recv(1 << 16)):
                got += data
        return b" 200 " in got[:20] and b"event: batch" in got


def measure_rate(url: str, seconds: float) -> float:
    """Return how many calls a second some callers get answered, each on a connection of its own."""
    answered = [0] * LOAD_CONNECTIONS
    until = time.monotonic() + seconds

    def call(number: int) -> None:
        request = wire.head("GET", "/data", {"Host": urlsplit(url).netloc, "Connection": "keep-alive"})
        with suppress(OSError), wire.connect(url, seconds + 5) as connection:
            while time.monotonic() < until:
                connection.sendall(request)
                got = b""
                while not wire.is_whole(got):
                    data = connection.recv(1 << 16)
                    if not data:
                        return
                    got += data
                answered[number] += 1

    callers = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(LOAD_CONNECTIONS)]
    for each in callers:
        each.start()
    for each in callers:
        each.join(seconds + 10)
    return sum(answered) / seconds


def _come_and_go(ground: Ground, client: Target) -> None:
    """Open and reset streams, more than there are seats; all seats have to be free again at the end."""
    before = client.process.num_fds()
    for _ in range(5):
        with ExitStack() as stack:
            for _ in range(60):
                stream = open_stream(stack, client.url, "each")
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    time.sleep(1.5)
    ground.tally.check(finds_seat(client.url), "no seat after 300 streams that came and went")
    after = client.process.num_fds()
    ground.tally.check(
        after <= before + 5, f"{after} descriptors after 300 streams that came and went, {before} before"
    )
