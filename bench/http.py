"""Requests per second and latency through real servers, with wrk as the generator."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.figure import Figure
from loadtest.live.admin import Service
from loadtest.live.services import child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 3
CONNECTIONS = 32
_LATENCY = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def available() -> str:
    """Return why this cannot be measured here, or nothing."""
    return "" if shutil.which("wrk") else "no wrk on this machine (Debian: apt-get install wrk)"


def measure(repeats: int, log: Path, say: Callable[[str], None]) -> tuple[list[Figure], list[str]]:
    """Return the figures over HTTP, and notes on the generator."""
    with ExitStack() as stack:

        def start(module: str, *arguments: str, **environment: str) -> str:
            return stack.enter_context(child(module, environment, log, arguments, health=not arguments))

        def client(backend: str, **environment: str) -> str:
            where = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "0", "CLIENT_BACKEND_URL": backend}
            return start("client", **where, **environment)

        bare, bare_503 = start("bench.apps", "bare-200"), start("bench.apps", "bare-503")
        protected = client(bare)
        other_transport = client(bare, CLIENT_UPSTREAM__TRANSPORT="httpx")
        no_breaker = client(bare, CLIENT_BREAKER__POLICY="off")
        refusing = client(bare, CLIENT_BREAKER__RESET_TIMEOUT="3600")
        Service("client", refusing).send("POST", "/breaker/open")
        pairs = [
            ("fast-fail requests/s", refusing, "bare ASGI app that answers 503", bare_503, CONNECTIONS, "/s"),
            (
                "protected requests/s, aiohttp transport",
                protected,
                "httpx's own transport",
                other_transport,
                CONNECTIONS,
                "/s",
            ),
            ("protected requests/s, `consecutive`", protected, "policy `off`", no_breaker, CONNECTIONS, "/s"),
            ("fast-fail latency, median, one connection", refusing, "bare ASGI app", bare_503, 1, "ms"),
        ]
        figures = []
        top = 0.0
        for what, url, against, other, connections, unit in pairs:
            say(what)
            _wrk(url, connections), _wrk(other, connections)  # warm up
            runs = [(_wrk(url, connections), _wrk(other, connections)) for _ in range(repeats)]
            place = 0 if unit == "/s" else 1
            values, others = ([each[place] for each in side] for side in zip(*runs, strict=True))
            top = max(top, *(each[0] for side in runs for each in side))
            figures.append(Figure(what, against, unit, tuple(values), tuple(others)))
        note = (
            f"Generator: wrk, one thread, {CONNECTIONS} connections, {SECONDS} s a repeat. It reached {top:,.0f}/s in "
            "this run, so it was not what limited the slower sides."
        )
        return figures, [note]


def _wrk(url: str, connections: int) -> tuple[float, float]:
    """Return requests per second and the median latency in milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", f"{url}/data"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)", said)
    if rate is None or middle is None:
        raise RuntimeError(f"wrk said something new: {json.dumps(said)[:500]}")
    return float(rate[1]), float(middle[1]) * _LATENCY[middle[2]]
