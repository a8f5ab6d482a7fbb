"""A service that does everything wrong, without a network: each attack has to see it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bench.attack import targets, wire
from bench.attack.ground import AttackTally, Effort, Ground
from bench.attack.kinds import floods
from bench.attack.targets import Target, TargetPair
from bench.attack.wire import WireAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NUMBER = {"type": "number", "minimum": 0, "maximum": 1}
_BODY = {"content": {"application/json": {"schema": {"type": "object", "properties": {"fail_max": _NUMBER}}}}}
_QUERY = [{"name": "fresh", "in": "query", "schema": {"type": "boolean"}}]
PAGE = {
    "paths": {
        "/config": {"get": {}, "patch": {"requestBody": _BODY, "parameters": _QUERY}},
        "/faults": {"get": {}, "patch": {"requestBody": _BODY}},
        "/traffic": {"put": {}},
        "/stats": {"get": {}},
    }
}


class Memory(NamedTuple):
    """What psutil says of memory."""

    rss: int


class WeakProcess:
    """A process that grows by whatever it is asked, and does not end."""

    pid = 2**22

    def __init__(self) -> None:
        self.asked = 0

    def _grow(self) -> int:
        self.asked += 1
        return self.asked

    def memory_info(self) -> Memory:
        """Take 200 MB more each time."""
        return Memory(self._grow() * 200_000_000)

    def num_fds(self) -> int:
        """Open 100 files more each time."""
        return self._grow() * 100

    def cpu_times(self) -> tuple[float, float]:
        """Take 100 s more each time."""
        return (self._grow() * 100.0, 0.0)

    def is_running(self) -> bool:
        """Say no."""
        return False


class WeakService:
    """Applies whatever comes, shows it as a page, lets every page read it, and asks nobody who he is."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {"fail_max": 5}
        self.asked: list[str] = []

    def exchange(self, url: str, parts: Iterable[bytes], **_: Any) -> WireAnswer:
        """Answer as `wire.exchange` would."""
        raw = b"".join(part for part, _ in zip(parts, range(50), strict=False))
        head, _, body = raw.partition(b"\r\n\r\n")
        words = head.split(b" ")
        method, path = words[0].decode("latin-1"), words[1].decode("latin-1") if len(words) > 1 else ""
        self.asked.append(f"{method} {url}{path}")
        if path == "/openapi.json":
            return self._as_json(PAGE)
        if method in ("PATCH", "POST", "PUT") or b"PATCH /faults" in raw or b"POST /breaker/open" in raw:
            self.config["changed"] = len(self.asked)
        if method == "GET" and path in ("/config", "/faults", "/breaker", "/traffic", "/stats"):
            return self._as_json({**self.config, "tasks": len(self.asked)})
        if b'"a":{"a":' in body:
            return WireAnswer(500, {}, b"Internal Server Error", 9.0)
        headers = {"content-type": "text/html", "access-control-allow-origin": "*", "set-cookie": "a=b"}
        text = head + body + b"from __future__ <img src=x onerror=alert(1)>"
        return WireAnswer(200, headers, text if path != "/swarm" else b'{"success": true}', 9.0, sent=10**9)

    def _as_json(self, value: Any) -> WireAnswer:
        return WireAnswer(200, {"content-type": "application/json"}, json.dumps(value).encode(), 0.0)


class WeakGround(Ground):
    """Where the weak service stands."""

    @contextmanager
    def services(self, *, watched: str = "/data", files: int | None = None, **environment: str) -> Iterator[TargetPair]:  # noqa: ARG002 - the real one's
        """Yield the weak service twice."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "log").touch()
        yield weak_pair()


def weak_target(name: str) -> Target:
    """Return a target whose process does everything wrong, at a port where nobody listens."""
    process: Any = WeakProcess()
    return Target(name, "http://127.0.0.1:1", process)


def weak_pair() -> TargetPair:
    """Return both services, weak."""
    return TargetPair(weak_target("client"), weak_target("backend"))


@pytest.fixture
def weak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[WeakGround, WeakService]:
    """Put the weak service in the place of all that is attacked over HTTP."""
    service = WeakService()

    @contextmanager
    def start_weak_ui(folder: Path, *_: str, **__: str) -> Iterator[Target]:
        folder.mkdir(parents=True, exist_ok=True)
        yield weak_target("ui")

    @contextmanager
    def start_weak_client(*_: Any) -> Iterator[Target]:
        yield weak_target("client")

    monkeypatch.setattr(wire, "exchange", service.exchange)
    monkeypatch.setattr(targets, "start_ui", start_weak_ui)
    monkeypatch.setattr(targets, "start_client", start_weak_client)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(floods, "SETTLED_WITHIN_S", 0.01)
    return WeakGround(tmp_path / "ground", Effort(quick=True), AttackTally(), 0.25), service
