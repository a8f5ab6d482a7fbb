"""Heads: half of one, one byte a second, lines that are too long or too many, ids that are too long, no HTTP at all."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.attack import wire

if TYPE_CHECKING:
    import socket

    from bench.attack.ground import Ground
    from bench.attack.targets import Target

# A head has to be there, and a byte of a body has to come, within 10 s; the rest is for a busy machine.
ENDED_WITHIN_S = 13.0
_TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(256)) * 2
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)
_LONGEST_ID = 128
_LONGEST_LINE = 8 * 1024
_OVER = (431,)


def attack(ground: Ground) -> None:
    """Leave slow callers waiting while the others are tried."""
    with ground.services() as pair, ExitStack() as stack:
        slow = [] if ground.effort.quick else [each for target in pair for each in _slow_callers(stack, target)]
        began = time.monotonic()
        for target in pair:
            _attack_lines(ground, target)
            _attack_ids(ground, target)
            _attack_garbage(ground, target)
        while slow and time.monotonic() - began < ENDED_WITHIN_S:
            for each in slow:
                each.send_byte()
            time.sleep(1)
        for each in slow:
            ground.tally.check(each.is_ended(), f"{each.told}: still open after {ENDED_WITHIN_S:g} s")


class SlowCaller:
    """A connection on which a request comes slowly, or not at all."""

    def __init__(self, connection: socket.socket, told: str, start: bytes, drop: bytes = b"") -> None:
        self.told = told
        self._connection = connection
        self._drop = drop
        self._ended = False
        connection.sendall(start)
        connection.setblocking(False)

    def send_byte(self) -> None:
        """Send the next piece, if there is any to be sent."""
        if self._drop and not self.is_ended():
            try:
                self._connection.send(self._drop)
            except OSError:
                self._ended = True

    def is_ended(self) -> bool:
        """Say whether the service has answered or closed the connection."""
        if not self._ended:
            try:
                self._connection.recv(1 << 16)
                self._ended = True
            except BlockingIOError:
                pass
            except OSError:
                self._ended = True
        return self._ended


def _slow_callers(stack: ExitStack, target: Target) -> list[SlowCaller]:
    patch = wire.head("PATCH" if target.name == "backend" else "PUT", "/faults", length=100)
    starts = {
        "nothing at all": (b"", b""),
        "half a head": (b"GET /data HTTP/1.1\r\nHost: 127.0.0.1\r\n", b""),
        "half a request line": (b"GET /da", b""),
        "a head byte by byte": (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"x"),
        "a head line by line": (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-Slow: x\r\n"),
        "a body that never comes": (
            patch if target.name == "backend" else wire.head("PATCH", "/config", length=9),
            b"",
        ),
        "half a body": (
            wire.head("PATCH", "/config" if target.name == "client" else "/faults", length=99) + b'{"a"',
            b"",
        ),
        "a chunk that never comes": (
            wire.head("PATCH", "/config" if target.name == "client" else "/faults", {"Transfer-Encoding": "chunked"})
            + b"10\r\n{",
            b"",
        ),
    }
    return [
        SlowCaller(stack.enter_context(wire.connect(target.url)), f"{target.name}: {name}", start, drop)
        for name, (start, drop) in starts.items()
    ]


def _attack_lines(ground: Ground, target: Target) -> None:
    long = "x" * (_LONGEST_LINE + 200)
    paths = ("/health", "/data", "/breaker" if target.name == "client" else "/faults")
    for path in paths:
        for headers in ({"X-Long": long}, {long: "x"}, {"Cookie": "a=" + long}, {"X-Long": "x" * 300_000}):
            answer = wire.exchange(target.url, [wire.head("GET", path, headers)], within_s=5)
            told = f"{target.name}: GET {path} with a header line of {len(str(headers)):,} characters: {answer.told()}"
            ground.tally.check(answer.status in _OVER, told)
    for count in (1_000, 20_000):
        raw = wire.head("GET", "/health", {f"X-{number}": "x" for number in range(count)})
        answer = wire.exchange(target.url, [raw], within_s=5)
        ground.tally.check(answer.status in _OVER, f"{target.name}: {count:,} header lines: {answer.told()}")
    for length in (70_000, 2_000_000):
        raw = wire.head("GET", "/health?" + "x" * length)
        answer = wire.exchange(target.url, [raw], within_s=5)
        ground.tally.check(answer.refused, f"{target.name}: a request line of {length:,} characters: {answer.told()}")


def _attack_ids(ground: Ground, target: Target) -> None:
    answer = target.ask("GET", "/data", headers={"X-Request-Id": "x" * _LONGEST_ID})
    ground.tally.check(answer.status == 200, f"{target.name}: an id of {_LONGEST_ID} characters: {answer.told()}")
    for length in (_LONGEST_ID + 1, 4_000, 7_000):
        answer = target.ask("GET", "/data", headers={"X-Request-Id": "x" * length})
        ground.tally.check(answer.status in _OVER, f"{target.name}: an id of {length:,} characters: {answer.told()}")
    for text in ("a\x01b", "a\x7fb", "\u00e9\u00e9", "a\tb", "\udcff\udcfe"):
        answer = target.ask("GET", "/data", headers={"X-Request-Id": text})
        good = answer.status != 500 and (target.name == "backend" or answer.refused)
        ground.tally.check(good, f"{target.name}: the id {text!r}: {answer.told()}")
    if target.name == "backend":
        for text in ("0", "-1", "1001", "1.5", "x", "", "\u0661", "9" * 5_000, "+1", "1_0"):
            answer = target.ask("GET", "/data", headers={"X-Attempt": text})
            ground.tally.check(answer.refused, f"backend: X-Attempt {text[:20]!r}: {answer.told()}")


def _attack_garbage(ground: Ground, target: Target) -> None:
    rng = random.Random(ground.effort.seed)  # noqa: S311 - a choice of trials, not a secret
    noise = [rng.randbytes(rng.randrange(1, 3_000)) + b"\r\n\r\n" for _ in range(ground.effort.choose(40, 8))]
    requests = [
        _TLS_HELLO,
        _HTTP2,
        b"GET /health\r\n\r\n",
        b"\r\n" * 200,
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 500 + b"\r\n\r\n",
    ]
    requests += [
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET  /health  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"get / http/1.1\r\n\r\n",
    ]
    requests += [
        b"X" * 3_000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/health HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    for raw in [*requests, *noise]:
        answer = wire.exchange(target.url, [raw], within_s=0.4)
        ground.tally.check(answer.status != 500, f"{target.name}: {raw[:30]!r}: {answer.told()}")
    answer = target.ask("GET", "/health", within_s=3)
    ground.tally.check(answer.status == 200, f"{target.name}: GET /health after garbage: {answer.told()}")
