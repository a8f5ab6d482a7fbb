"""Requests per second and latency through real servers, with wrk as the generator."""

from __future__ import annotations

import json
import re
import resource
import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.ratio import Ratio
from loadtest.engines.live.control import client_at
from loadtest.engines.live.services import child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = 3
CONNECTIONS = 32
_LATENCY = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests per second, latency, and the share of a core that it took itself."""

    rate: float
    median_ms: float
    p99_ms: float
    own_share: float


@dataclass(frozen=True)
class _Pair:
    what: str
    url: str
    against: str
    other: str
    connections: int = CONNECTIONS
    at_most: float | None = None
    at_least: float | None = None
    below_ms: float | None = None
    watched: bool = False  # with the dashboard's stream open

    def run(self) -> tuple[Load, Load]:
        """Measure both, one right after the other."""
        with _open_dashboard(self.url) if self.watched else nullcontext():
            one = generate(self.url, self.connections)
        return one, generate(self.other, self.connections)

    @property
    def is_latency(self) -> bool:
        return self.connections == 1


def find_obstacle() -> str:
    """Return why this cannot be measured here, or nothing."""
    return "" if shutil.which("wrk") else "no wrk on this machine (Debian: apt-get install wrk)"


def measure(repeats: int, log: Path, say: Callable[[str], None]) -> tuple[list[Ratio], list[str]]:
    """Return the ratios over HTTP, and notes on the generator."""
    with ExitStack() as stack:

        def start(module: str, *arguments: str, **environment: str) -> str:
            return stack.enter_context(child(module, environment, log, arguments, health=not arguments))

        def client(backend: str, **environment: str) -> str:
            where = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend}
            return start("client", **where, **environment)

        bare, bare_503 = start("bench.apps", "bare-200"), start("bench.apps", "bare-503")
        usual, relay = start("bench.apps", "usual", bare), start("bench.apps", "relay", bare)
        protected = client(bare)
        no_breaker = client(bare, CLIENT_BREAKER__POLICY="off")
        other_transport = client(bare, CLIENT_UPSTREAM__TRANSPORT="httpx")
        refusing = client(bare, CLIENT_BREAKER__RESET_TIMEOUT="3600")
        client_at(refusing).send("POST", "/breaker/open")
        pairs = [
            _Pair("fast-fail requests/s", refusing, "bare ASGI app that answers 503", bare_503, at_least=0.6),
            _Pair(
                "fast-fail latency, median, one connection",
                refusing,
                "bare ASGI app that answers 503",
                bare_503,
                1,
                at_most=2,
                below_ms=1,
            ),
            _Pair(
                "protected requests/s",
                protected,
                "FastAPI + httpx's own transport + pybreaker `calling()`",
                usual,
                at_least=5,
            ),
            _Pair("protected requests/s", protected, "this client with policy `off`", no_breaker, at_least=0.9),
            _Pair("protected requests/s", protected, "bare ASGI relay over raw aiohttp", relay, at_least=0.5),
            _Pair("protected requests/s", protected, "this client over httpx's own transport", other_transport),
            _Pair("fast-fail requests/s, dashboard open", refusing, "not open", refusing, at_least=0.95, watched=True),
            _Pair(
                "protected requests/s, dashboard open", protected, "not open", protected, at_least=0.95, watched=True
            ),
        ]
        busiest: list[Load] = []
        ratios = []
        for pair in pairs:
            say(f"{pair.what} against {pair.against}")
            for url in (pair.url, pair.other):
                generate(url, pair.connections)  # warm up
            runs = [pair.run() for _ in range(repeats)]
            busiest += [load for run in runs for load in run if not pair.is_latency]
            ratios.append(_make_ratio(pair, runs))
    top = max(busiest, key=lambda load: load.own_share)
    note = (
        f"Generator: wrk, one thread, {CONNECTIONS} connections, {SECONDS} s a repeat. It never took more than "
        f"{100 * top.own_share:.0f} % of a core (at {top.rate:,.0f} requests/s), so it was not what limited any side."
    )
    return ratios, [note]


def _make_ratio(pair: _Pair, runs: list[tuple[Load, Load]]) -> Ratio:
    values, others = (
        tuple(load.median_ms if pair.is_latency else load.rate for load in side) for side in zip(*runs, strict=True)
    )
    unit = "ms" if pair.is_latency else "/s"
    return Ratio(
        pair.what, pair.against, unit, values, others, at_most=pair.at_most, at_least=pair.at_least, below=pair.below_ms
    )


def generate(url: str, connections: int, seconds: int = SECONDS) -> Load:
    """Let wrk ask `url` for /data as fast as it answers. Raises RuntimeError where nothing came back."""
    before = _cpu_of_children()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"{url}/data"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    latencies = {share: _milliseconds(said, share) for share in (50, 99)}
    if rate is None or float(rate[1]) == 0 or None in latencies.values():
        raise RuntimeError(f"wrk got no answers, or says so in a new way: {json.dumps(said)[:500]}")
    own = (_cpu_of_children() - before) / seconds
    return Load(float(rate[1]), latencies[50] or 0.0, latencies[99] or 0.0, own)


@contextmanager
def _open_dashboard(url: str) -> Iterator[None]:
    """Listen to what an open dashboard listens to, for the length of the context. A browser would do no more to it."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 80)) as stream:
        stream.sendall(b"GET /events?calls=sampled HTTP/1.1\r\nHost: localhost\r\n\r\n")

        def read() -> None:
            with suppress(OSError):
                while stream.recv(1 << 20):
                    pass

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            stream.shutdown(socket.SHUT_RDWR)
            reader.join()


def _milliseconds(said: str, share: int) -> float | None:
    found = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", said)
    return float(found[1]) * _LATENCY[found[2]] if found else None


def _cpu_of_children() -> float:
    """Return the CPU seconds of the child processes that have ended: between two calls, wrk's."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
