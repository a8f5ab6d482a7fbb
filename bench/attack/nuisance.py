"""A bit of everything at once, for as long as is wanted: what the soak has in its middle."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.attack import wire
from bench.attack.kinds.bodies import keys
from bench.attack.kinds.streams import open_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = 60
HALF_SENT = 200
RESETS = 200
HELD_S = 2.0
_BODIES = (
    keys(3_000),
    b'{"zzz":' + b'{"a":' * 957 + b"1" + b"}" * 958,
    b'{"zzz":"' + b"x" * 1_000_000 + b'"}',
    b'{"fail_max":NaN,"zzz":"\xff"}',
    b"[" * 20_000,
)
_NO_LINGER = b"\x01\x00\x00\x00\x00\x00\x00\x00"


@dataclass
class Nuisance:
    """Attacks one client service. `rounds`: how often it has done all of it."""

    url: str
    rounds: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def attack_on(self) -> None:
        """Attack until told to stop."""
        while not self._stop.is_set():
            with suppress(OSError):
                self._attack_once()
            self.rounds += 1

    def _attack_once(self) -> None:
        """Hold streams and half-sent requests; meanwhile send bad bodies, and connect and reset."""
        with ExitStack() as stack:
            for number in range(STREAMS):
                open_stream(stack, self.url, "each" if number % 2 else "sampled")
            for number in range(HALF_SENT):
                start = (b"GET /da", wire.head("PATCH", "/config", length=99) + b"{", b"")[number % 3]
                stack.enter_context(wire.connect(self.url)).sendall(start)
            for body in _BODIES:
                wire.ask(self.url, "PATCH", "/config", body, within_s=5)
            for _ in range(RESETS):
                with wire.connect(self.url) as connection:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                    connection.sendall(b"GET /data HTTP/1.1\r\n")
            self._stop.wait(HELD_S)

    def stop(self) -> None:
        """Come to an end soon."""
        self._stop.set()


@contextmanager
def pester(url: str) -> Iterator[Nuisance]:
    """Attack the client at `url` for the length of the context."""
    nuisance = Nuisance(url)
    thread = threading.Thread(target=nuisance.attack_on, daemon=True)
    thread.start()
    try:
        yield nuisance
    finally:
        nuisance.stop()
        thread.join()
