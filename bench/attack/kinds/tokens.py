"""Tokens: with them set, every route without one, with a wrong one, with that of reading, and with the right one."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from bench.attack import targets
from bench.attack.kinds.hosts import UI_ROUTES
from bench.attack.routes import STREAM, operations
from bench.attack.states import difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.attack.ground import Ground
    from bench.attack.targets import Target

# What asks for no token, whatever is set.
_FREE = frozenset({"/data", "/health", "/", "/login", "/logout"})
# What the client does for a caller needs one, even where nothing is changed.
_ON_BEHALF = ("/traffic", "/backend/")
_DENIED = (401, 403)


def attack(ground: Ground) -> None:
    """Try services with a token for changes, and such with one for reading, too."""
    for reading in (False, True) if not ground.effort.quick else (False,):
        token, read_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        names = ("CLIENT", "BACKEND", "LOADTEST")
        environment = {f"{name}_TOKEN": token for name in (*names, "CLIENT_BACKEND")}
        if reading:
            environment |= {f"{name}_READ_TOKEN": read_token for name in names}
        with ground.services(files=None, **environment) as pair, ExitStack() as stack:
            for target in pair:
                _attack_service(ground, target, token, read_token if reading else "")
            if not ground.effort.quick:
                urls = ["--client-url", pair.client.url, "--backend-url", pair.backend.url]
                folder = ground.folder / f"ui-{reading}"
                ui = stack.enter_context(targets.start_ui(folder, *urls, **environment))
                _attack_ui(ground, ui, token)


def wrong_tokens(token: str) -> Iterator[Mapping[str, str]]:
    """Yield headers that do not have the token, though some come close."""
    yield {}
    for text in (token[:-1], token + "x", token.swapcase(), "", "x" * 5_000, f"{token},{token}", "\u00e9" * 24):
        yield {"Authorization": f"Bearer {text}"}
    yield {"Authorization": f"Basic {token}"}
    yield {"Authorization": token}
    yield {"Authorization": "Bearer"}
    yield {"X-Token": token}
    yield {"Cookie": f"token={token}"}
    for service in ("client", "backend", "loadtest"):
        yield {"Cookie": f"breaker_lab_{service}={token}"}


def _attack_service(ground: Ground, target: Target, token: str, read_token: str) -> None:
    right = {"Authorization": f"Bearer {token}"}
    reads = {"Authorization": f"Bearer {read_token}"} if read_token else {}
    before = _state(target, right)
    for operation in [each for each in operations(target, right) if each.path != STREAM]:
        body = {"zzz": 1} if operation.body is not None else None
        needed = operation.changes or operation.path.startswith(_ON_BEHALF) or bool(read_token)
        for headers in wrong_tokens(token):
            answer = target.ask(operation.method, operation.path, body, headers)
            told = f"{target.name}: {operation.name} with {str(dict(headers))[:60]}: {answer.told()}"
            if operation.path in _FREE:
                ground.tally.check(answer.status == 200, told)
            elif needed:
                ground.tally.check(answer.status in _DENIED or (headers and 400 <= answer.status < 500), told)
            else:
                ground.tally.check(answer.status == 200, told)
        if read_token and operation.changes:
            answer = target.ask(operation.method, operation.path, body, reads)
            told = f"{target.name}: {operation.name} with the token for reading: {answer.told()}"
            ground.tally.check(answer.status in _DENIED, told)
    left = difference(before, _state(target, right))
    ground.tally.check(not left, f"{target.name}: afterwards {left}")
    _check_right(ground, target, right)


def _state(target: Target, headers: Mapping[str, str]) -> dict[str, object]:
    page = "/config" if target.name == "client" else "/faults"
    return {page: target.ask("GET", page, headers=headers).json()}


def _check_right(ground: Ground, target: Target, right: Mapping[str, str]) -> None:
    """Open everything with the right token, and the front page without one."""
    changes: list[tuple[str, str, Any]] = [
        *(("PATCH", "/config", {}), ("PUT", "/traffic", None), ("DELETE", "/traffic", None)),
        *(("GET", "/backend/faults", None), ("PATCH", "/backend/faults", {})),
    ]
    if target.name == "backend":
        changes = [("PATCH", "/faults", {}), ("DELETE", "/stats", None)]
    for method, path, body in changes:
        answer = target.ask(method, path, body, right)
        ground.tally.check(answer.status == 200, f"{target.name}: {method} {path} with the token: {answer.told()}")
    answer = target.ask("GET", "/")
    told = f"{target.name}: GET / without a token: {answer.told()}"
    ground.tally.check(answer.status == 200 and b"<form" in answer.body.lower(), told)


def _attack_ui(ground: Ground, ui: Target, token: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for method, path in UI_ROUTES:
        body = b"" if method == "POST" else None
        for headers in wrong_tokens(token):
            answer = ui.ask(method, path, body, {**form, **headers})
            told = f"ui: {method} {path} with {str(dict(headers))[:60]}: {answer.told()}"
            if path == "/":
                ground.tally.check(answer.status == 200 and b"<form" in answer.body.lower(), told)
            else:
                ground.tally.check(400 <= answer.status < 500, told)
    answer = ui.ask("GET", "/breaker/progress", headers={"Authorization": f"Bearer {token}"})
    ground.tally.check(answer.status == 200, f"ui: GET /breaker/progress with the token: {answer.told()}")
