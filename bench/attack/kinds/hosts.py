"""Foreign names and foreign pages: `Host` and `Origin` of others on every route of all three services."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.attack import targets
from bench.attack.routes import STREAM, operations
from bench.attack.states import difference, read_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.attack.ground import Ground
    from bench.attack.targets import Target
    from bench.attack.wire import WireAnswer

EVIL = "evil.example"
# Locust's own routes, and the lab's beside them.
UI_ROUTES = (
    *(("GET", "/"), ("POST", "/swarm"), ("GET", "/stop"), ("GET", "/stats/reset"), ("GET", "/stats/report")),
    *(
        ("GET", "/stats/requests/csv"),
        ("GET", "/stats/failures/csv"),
        ("GET", "/stats/requests"),
        ("GET", "/exceptions"),
    ),
    *(("GET", "/exceptions/csv"), ("GET", "/tasks"), ("GET", "/logs"), ("POST", "/user"), ("GET", "/worker-count")),
    *(("GET", "/breaker/progress"), ("GET", "/breaker/tab.js"), ("GET", "/results"), ("GET", "/results/")),
    *(("GET", "/results/index.html"), ("GET", "/assets/x.js"), ("GET", "/nowhere"), ("OPTIONS", "/swarm")),
)
_PAGES = (("GET", "/"), ("GET", "/dashboard/main.js"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/nowhere"))


def attack(ground: Ground) -> None:
    """Ask every route in the name of others."""
    with ground.services() as pair, ExitStack() as stack:
        urls = ["--client-url", pair.client.url, "--backend-url", pair.backend.url]
        if not ground.effort.quick:
            _attack_ui(ground, stack.enter_context(targets.start_ui(ground.folder / "ui", *urls)))
        for target in pair:
            routes = [(each.method, each.path) for each in operations(target) if each.path != STREAM]
            _attack_service(ground, target, [*routes, *_PAGES])


def foreign_hosts(authority: str) -> tuple[str, ...]:
    """Return names that a page of another site could make its own, or that only look like this service's."""
    port = authority.rpartition(":")[2]
    return (
        *(EVIL, f"{EVIL}:{port}", f"127.0.0.1.{EVIL}:{port}", f"localhost.{EVIL}", f"{EVIL}#@{authority}"),
        *(f"{authority}@{EVIL}", f"x{authority}", "0x7f000001.evil.example", "[::ffff:1.2.3.4]"),
    )


def foreign_origins(authority: str) -> tuple[str, ...]:
    """Return the `Origin` of pages of others."""
    port = authority.rpartition(":")[2]
    return (
        *(
            f"https://{EVIL}",
            f"http://{EVIL}:{port}",
            "null",
            f"http://{authority}.{EVIL}",
            f"http://{EVIL}/{authority}",
        ),
        *(f"http://127.0.0.1:{int(port) - 1}", f"http://user@{authority}@{EVIL}", "file://", "chrome-extension://abc"),
    )


def _attack_service(ground: Ground, target: Target, routes: Sequence[tuple[str, str]]) -> None:
    before = read_state(target)
    for method, path in routes:
        body: dict[str, Any] | None = {} if method in ("POST", "PUT", "PATCH") else None
        for host in foreign_hosts(target.authority)[: ground.effort.choose(20, 2)]:
            answer = target.ask(method, path, body, {"Host": host})
            told = f"{target.name}: {method} {path} for the host {host}: {answer.told()}"
            ground.tally.check(answer.refused, told)
        for origin in foreign_origins(target.authority)[: ground.effort.choose(20, 2)]:
            answer = target.ask(method, path, body, {"Origin": origin})
            told = f"{target.name}: {method} {path} from {origin}: {answer.told()}"
            reading = method in ("GET", "HEAD", "OPTIONS")
            ground.tally.check((reading or answer.status == 403) and not _shares(answer), told)
    for host in (target.authority, "localhost:" + target.authority.rpartition(":")[2]):
        answer = target.ask("GET", "/health", headers={"Host": host})
        ground.tally.check(answer.status == 200, f"{target.name}: GET /health for its own host {host}: {answer.told()}")
    front = target.ask("GET", "/")
    ground.tally.check(front.status == 200, f"{target.name}: GET /: {front.told()}")
    left = difference(before, read_state(target))
    ground.tally.check(not left, f"{target.name}: afterwards {left}")


def _attack_ui(ground: Ground, ui: Target) -> None:
    for method, path in UI_ROUTES:
        body = b"" if method == "POST" else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        for host in foreign_hosts(ui.authority):
            answer = ui.ask(method, path, body, kind | {"Host": host})
            ground.tally.check(answer.refused, f"ui: {method} {path} for the host {host}: {answer.told()}")
        for origin in foreign_origins(ui.authority):
            answer = ui.ask(method, path, body, kind | {"Origin": origin})
            told = f"ui: {method} {path} from {origin}: {answer.told()}"
            ground.tally.check(answer.status == 403 and not _shares(answer), told)
        answer = ui.ask(method, path, body, kind | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"})
        ground.tally.check(answer.status == 403, f"ui: {method} {path} fetched by another site: {answer.told()}")
    page = ui.ask("GET", "/", headers={"Origin": f"http://{urlsplit(ui.url).netloc}"})
    ground.tally.check(page.status == 200, f"ui: GET / from its own page: {page.told()}")
    ground.tally.check(not _shares(page), "ui: GET / has CORS headers")
    framed = page.headers.get("x-frame-options", "") + page.headers.get("content-security-policy", "")
    ground.tally.check("DENY" in framed.upper() or "frame-ancestors" in framed, "ui: GET / may be put into a frame")
    ground.tally.check(page.headers.get("x-content-type-options") == "nosniff", "ui: GET / has no nosniff")


def _shares(answer: WireAnswer) -> bool:
    """Say whether the answer lets another site read it."""
    return "access-control-allow-origin" in answer.headers
