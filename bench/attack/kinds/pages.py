"""Scripts in what the lab shows: ids, titles, names, and answers of the backend."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bench.attack import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.attack.ground import Ground
    from bench.attack.targets import Target
    from bench.attack.wire import WireAnswer

SCRIPT = "<img src=x onerror=alert(1)>"
_SCRIPTS = (SCRIPT, "<script>alert(1)</script>", '"><svg onload=alert(1)>', "javascript:alert(1)", "</script><script>x")
# What a browser runs, if it is served as such.
_ACTIVE = ("text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "text/javascript")
_SCENARIO = """
name = "scripts"
title = "{text}"
[[load]]
requests = 5
rate_per_s = 100
[arms.with.breaker]
fail_max = 5
"""


def attack(ground: Ground) -> None:
    """Let everything that is shown be a script."""
    with ground.services() as pair:
        for target in pair:
            for text in _SCRIPTS:
                _try_routes(ground, target, text)
            docs = target.ask("GET", "/docs")
            foreign = any(each in docs.body for each in (b'src="http', b'href="http', b'src="//', b'href="//'))
            ground.tally.check(not foreign, f"{target.name}: GET /docs loads something from another host")
    with _evil_backend() as (url, speak), targets.start_client(ground.folder / "evil.log", url) as client:
        for kind in _ACTIVE:
            speak(kind)
            _try_backend(ground, client, kind)
    if not ground.effort.quick:
        _try_report(ground)


def runs_in_browser(answer: WireAnswer, text: str) -> bool:
    """Say whether a browser that opens the answer would run `text`."""
    if text.encode() not in answer.body:
        return False
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _ACTIVE:
        return not _contained(answer)
    return kind in ("", "text/plain", "application/octet-stream") and not _is_nosniff(answer)


def _contained(answer: WireAnswer) -> bool:
    policy = answer.headers.get("content-security-policy", "")
    closed = "sandbox" in policy or "default-src 'none'" in policy or "default-src 'self'" in policy
    return closed and "unsafe-inline" not in policy.partition("script-src")[2]


def _is_nosniff(answer: WireAnswer) -> bool:
    return answer.headers.get("x-content-type-options", "").lower() == "nosniff"


def _try_routes(ground: Ground, target: Target, text: str) -> None:
    knob = "/config" if target.name == "client" else "/faults"
    requests: tuple[tuple[str, str, Any, dict[str, str]], ...] = (
        ("GET", "/data", None, {"X-Request-Id": text}),
        ("GET", f"/{quote(text)}", None, {}),
        ("GET", f"/dashboard/{quote(text)}", None, {}),
        ("GET", f"/breaker?transitions_after={quote(text)}", None, {}),
        ("PATCH", knob, {text: text, "name": text}, {}),
        ("PATCH", f"{knob}?fresh={quote(text)}", {}, {}),
        ("POST", "/breaker/open", None, {"Origin": text}),
        ("GET", "/health", None, {"Host": text.replace("<", "").replace(" ", "")}),
        (f"X{len(text)}", "/", None, {}),
    )
    for method, path, body, headers in requests:
        answer = target.ask(method, path, body, headers)
        told = f"{target.name}: {method} {path[:60]} shows {text!r}: {answer.told()}"
        ground.tally.check(answer.status != 500 and not runs_in_browser(answer, text), told)


@contextmanager
def _evil_backend() -> Iterator[tuple[str, Callable[[str], None]]]:
    """Run a backend whose every answer is a script; yield its address, and a function that sets the type of it."""
    kinds: list[str] = [_ACTIVE[0]]

    class Script(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = SCRIPT.encode()
            self.send_response(200)
            self.send_header("Content-Type", kinds[-1])
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "stolen=1")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that the standard library calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", kinds.append
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _try_backend(ground: Ground, client: Target, kind: str) -> None:
    for path in ("/data", "/backend/faults", "/backend/stats", "/backend/openapi.json"):
        answer = client.ask("GET", path)
        told = f"client: GET {path} passes on {kind} that runs: {answer.told()}"
        ground.tally.check(answer.status != 500 and not runs_in_browser(answer, SCRIPT), told)
        ground.tally.check("set-cookie" not in answer.headers, f"client: GET {path} passes on a cookie")
        if path == "/data":
            ground.tally.check(_is_nosniff(answer), f"client: GET {path} of {kind}: no nosniff")


def _try_report(ground: Ground) -> None:
    """Run a scenario whose title is a script, and look at its report through Locust's web UI."""
    folder = ground.folder / "report"
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(_SCRIPTS):
        scenario = folder / f"{number}.toml"
        scenario.write_text(_SCENARIO.format(text=text.replace('"', '\\"')), encoding="utf-8")
        where = ["--engine", "virtual", "--out", str(folder / f"results-{number}"), "--quiet"]
        code, said = targets.run_lab(folder, "run", str(scenario), *where)
        ground.tally.check(
            code in (0, 1, 2) and "Traceback" not in said, f"run with the title {text!r}: {code}, {said[-200:]}"
        )
        for page in (folder / f"results-{number}").rglob("*.html"):
            if not page.is_symlink():
                shown = page.read_text(encoding="utf-8")
                if "<" in text:
                    ground.tally.check(text not in shown, f"{page.name} has {text!r} as it is")
