"""The forms of Locust's web UI: hidden options, addresses of others, typing errors, two starts at once, huge forms."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bench.attack import targets, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bench.attack.ground import Ground
    from bench.attack.targets import Target
    from bench.attack.wire import WireAnswer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# What Locust's own page sends with every form.
BASE = {"user_count": "1", "spawn_rate": "1", "scenario": "experiment-1", "engine": "virtual"}
RUN_WITHIN_S = 45.0
IDLE_WITHIN_S = 5.0
MOST_STARTED = 3
_TYPING_ERRORS = (
    *({"run_time": "abc"}, {"run_time": "-5"}, {"run_time": "9" * 400}, {"run_time": "1h1h"}, {"run_time": "\x00"}),
    *(
        {"user_count": "abc"},
        {"user_count": "-1"},
        {"user_count": "1e999"},
        {"user_count": ""},
        {"user_count": "9" * 5_000},
    ),
    *({"spawn_rate": "nan"}, {"spawn_rate": "inf"}, {"spawn_rate": "-1"}, {"spawn_rate": "x"}),
    *(
        {"seeds": "1-x"},
        {"seeds": "1-99999999999"},
        {"seeds": "9" * 5_000},
        {"engine": "steam"},
        {"arms": "no such arm"},
    ),
    *({"scenario": "../../etc/passwd"}, {"scenario": "x" * 10_000}, {"scenario": "\ud800"}, {"scenario": ""}),
)


def attack(ground: Ground) -> None:
    """Fill in the form as nobody should, and then as everybody does; each group has a web UI of its own."""
    groups = (_foreign_page, _hidden_options, _foreign_addresses, _typing_errors, _odd_bodies, _two_starts)
    with ground.services() as pair:
        urls = ["--client-url", pair.client.url, "--backend-url", pair.backend.url]
        for number, group in enumerate(groups):
            folder = ground.folder / f"ui-{number}"
            with targets.start_ui(folder, *urls) as ui:
                group(ground, ui, folder / "results")


def runs(results: Path) -> list[Path]:
    """Return the folders of all runs."""
    return sorted(path.parent for path in results.glob("*/2*/manifest.json"))


def send_form(ui: Target, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> WireAnswer:
    """Send the form that starts a run."""
    body = urlencode(dict(fields), errors="surrogatepass").encode()
    return ui.ask("POST", "/swarm", body, {**FORM, **(headers or {})}, within_s=20)


def was_started(answer: WireAnswer) -> bool:
    """Say whether the answer to a form says that a run was started."""
    found = answer.json()
    return answer.status == 200 and isinstance(found, dict) and bool(found.get("success"))


def _told(fields: Mapping[str, Any], answer: WireAnswer) -> str:
    return f"ui: POST /swarm with {json.dumps(fields)[:80]}: {answer.told()}"


def _foreign_page(ground: Ground, ui: Target, results: Path) -> None:
    headers = ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"})
    for each in headers:
        answer = send_form(ui, BASE, each)
        ground.tally.check(answer.status == 403 and not was_started(answer), _told(each, answer))
    _expect_no_run(ground, results, "a form of another site")


def _hidden_options(ground: Ground, ui: Target, results: Path) -> None:
    elsewhere = ground.folder / "elsewhere"
    path = str(elsewhere)
    options = (
        *({"results": path}, {"run_dir": path}, {"own_scenarios": "/"}, {"locustfile": "/etc/passwd"}),
        *({"web_host": "0.0.0.0"}, {"headless": "true"}, {"html_file": path}, {"csv_prefix": path}),  # noqa: S104 - sent, not bound
        *({"logfile": path}, {"config": "/etc/passwd"}, {"until_stdin_closes": "true"}, {"__class__": "x"}),
        *({"process": "4"}, {"stop_timeout": "99999"}, {"user_classes": "Lab"}, {"shape_class": "UntilDone"}),
        *({"loglevel": "DEBUG"}, {"json_file": path}, {"worker": "1"}, {"tracing": "otlp"}),
    )
    _expect_refused(ground, ui, [BASE | each for each in options])
    ground.tally.check(not elsewhere.exists(), "ui: a hidden option has written to a folder of its choice")
    _expect_no_run(ground, results, "hidden options")


def _foreign_addresses(ground: Ground, ui: Target, results: Path) -> None:
    """Name a listener of our own as one of the services: nobody may call it."""
    with _listener() as (url, callers):
        choices = (
            {"host": f"{url}/any?x="},
            {"backend_url": url},
            {"host": url, "backend_url": url},
            {"client_url": url},
        )
        _expect_refused(ground, ui, [BASE | {"engine": "live"} | each for each in choices])
        time.sleep(0.5)
        ground.tally.check(not callers, f"ui: the lab called an address of the form's choice: {callers[:1]}")
    _expect_no_run(ground, results, "foreign addresses")


def _expect_refused(ground: Ground, ui: Target, forms: Sequence[Mapping[str, str]]) -> None:
    """Send forms none of which may start anything; give up after a few that do."""
    started = 0
    for fields in forms:
        answer = send_form(ui, fields)
        own = {name: value for name, value in fields.items() if BASE.get(name) != value}
        if not ground.tally.check(0 < answer.status < 500 and not was_started(answer), _told(own, answer)):
            started += 1
            if started == MOST_STARTED:
                return
            ui.ask("GET", "/stop")
            _wait_until_idle(ui)


@contextmanager
def _listener() -> Iterator[tuple[str, list[bytes]]]:
    """Listen, and keep what callers send."""
    callers: list[bytes] = []
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = door.accept()
                    with connection:
                        connection.settimeout(1)
                        callers.append(connection.recv(1_000))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}", callers
        finally:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
    thread.join(3)


def _typing_errors(ground: Ground, ui: Target, results: Path) -> None:
    """Mistype; nothing starts, it is told, and the next right form runs."""
    for number, fields in enumerate(_TYPING_ERRORS):
        answer = send_form(ui, BASE | fields)
        told = isinstance(answer.json(), dict) and bool(answer.json().get("message"))
        ground.tally.check(answer.status < 500 and told and not was_started(answer), _told(fields, answer))
        if number == 0:
            _expect_no_run(ground, results, "run_time=abc")
            _right_form(ground, ui, results, "after run_time=abc")
    _right_form(ground, ui, results, "after all typing errors")


def _right_form(ground: Ground, ui: Target, results: Path, when: str) -> None:
    """Start a run as Locust's page does, and wait for its end."""
    before = len(runs(results))
    answer = send_form(ui, BASE)
    if ground.tally.check(was_started(answer), f"ui: a right form {when}: {answer.told()}"):
        until = time.monotonic() + RUN_WITHIN_S
        phase = ""
        while phase not in ("finished", "incomplete", "failed") and time.monotonic() < until:
            time.sleep(0.2)
            phase = str((ui.ask("GET", "/breaker/progress").json() or {}).get("phase"))
        there = len(runs(results))
        ground.tally.check(phase == "finished" and there == before + 1, f"ui: the run {when}: {phase or 'no phase'}")


def _odd_bodies(ground: Ground, ui: Target, results: Path) -> None:
    before = len(runs(results))
    parts = "".join(f"{name}={value}&" for name, value in BASE.items()).encode()
    bodies = {
        "5 MB": b"x=" + b"x" * 5_000_000,
        "100,000 fields": b"&".join(b"k%d=1" % number for number in range(100_000)),
        "broken text": b"scenario=\xff\xfe%ff%fe&engine=%00%zz&run_time=%",
        "the same field 5,000 times": b"scenario=experiment-1&" * 5_000,
        "brackets": b"scenario[]=experiment-1&scenario[a][b]=1&" + b"[" * 2_000,
        "nothing": b"",
    }
    for name, body in bodies.items():
        raw = wire.head("POST", "/swarm", {"Host": ui.authority, **FORM, "Content-Length": str(len(body))}) + body
        answer = wire.exchange(ui.url, [raw], method="POST", within_s=15, naive=True)
        told = f"ui: POST /swarm with {name}: {answer.told()}"
        ground.tally.check(0 < answer.status < 500 and not was_started(answer) and answer.took_s < 3, told)
    others = {
        "application/json": json.dumps(BASE).encode(),
        "multipart/form-data; boundary=x": b"--x\r\n" * 2_000,
        "": parts,
    }
    for kind, body in others.items():
        answer = ui.ask("POST", "/swarm", body, {"Content-Type": kind})
        ground.tally.check(0 < answer.status < 500, f"ui: POST /swarm as {kind!r}: {answer.told()}")
        ui.ask("GET", "/stop")
        _wait_until_idle(ui)
    for method in ("GET", "PUT", "DELETE", "TRACE", "X"):
        answer = ui.ask(method, "/swarm", within_s=5)
        ground.tally.check(400 <= answer.status < 500 or answer.status == 501, f"ui: {method} /swarm: {answer.told()}")
    page = ui.ask("GET", "/")
    ground.tally.check(page.status == 200, f"ui: GET / after odd forms: {page.told()}")
    ground.tally.check(len(runs(results)) <= before + 1, "ui: odd forms have started runs")


def _two_starts(ground: Ground, ui: Target, results: Path) -> None:
    """Start five times at once: one run comes of it."""
    before = len(runs(results))
    answers: list[WireAnswer] = []
    senders = [threading.Thread(target=lambda: answers.append(send_form(ui, BASE)), daemon=True) for _ in range(5)]
    for each in senders:
        each.start()
    for each in senders:
        each.join(25)
    started = sum(was_started(each) for each in answers)
    ground.tally.check(started == 1, f"ui: {started} of 5 starts at once say that they have started a run")
    _wait_until_idle(ui, RUN_WITHIN_S)
    there = len(runs(results)) - before
    ground.tally.check(there == 1, f"ui: 5 starts at once have made {there} runs")


def _wait_until_idle(ui: Target, within_s: float = IDLE_WITHIN_S) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        phase = (ui.ask("GET", "/breaker/progress").json() or {}).get("phase")
        if phase not in ("running", "reporting"):
            return
        time.sleep(0.2)


def _expect_no_run(ground: Ground, results: Path, after: str) -> None:
    there = runs(results)
    ground.tally.check(not there, f"ui: {len(there)} runs after {after}")
