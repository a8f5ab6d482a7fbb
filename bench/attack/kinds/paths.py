"""Paths that lead out: of the dashboard's files, and of the results that Locust's web UI serves."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.attack import targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.attack.ground import Ground
    from bench.attack.targets import Target

SECRET = b"what nobody should read"
# Parts of files that lie around the ones that are served.
_TELLTALES = (SECRET, b"root:x:0:0", b"from __future__", b"[project]", b"FastAPI(")


def attack(ground: Ground) -> None:
    """Ask for files outside, by every spelling of the way up."""
    with ground.services() as pair, ExitStack() as stack:
        for path in ways_out("/dashboard/", "settings.py", "../core.py", "../../pyproject.toml"):
            _try_path(ground, pair.client, path)
        if not ground.effort.quick:
            urls = ["--client-url", pair.client.url, "--backend-url", pair.backend.url]
            folder = ground.folder / "ui"
            ui = stack.enter_context(targets.start_ui(folder, *urls))
            for name in lay_out(folder / "results"):
                _try_path(ground, ui, f"/results/{name}")
            for path in ways_out("/results/", "secret.txt", "../secret.html", "../out"):
                _try_path(ground, ui, path)
            for path in ways_out("/assets/", "../__init__.py", "../../web.py", "../auth.html"):
                _try_path(ground, ui, path)


def lay_out(results: Path) -> list[str]:
    """Put a secret beside the results, and links to it among them; return names that must not be served."""
    (results / "a").mkdir(parents=True, exist_ok=True)
    for path in (
        results.parent / "secret.html",
        results / ".hidden.html",
        results / "secret.txt",
        results / "a/secret.py",
    ):
        path.write_bytes(SECRET)
    links = {
        "link.html": results.parent / "secret.html",
        "a/link.html": results.parent / "secret.html",
        "up": results.parent,
    }
    for name, aim in links.items():
        if not (results / name).is_symlink():
            (results / name).symlink_to(aim)
    loop = results / "loop.html"
    if not loop.is_symlink():
        loop.symlink_to(loop)
    return [
        ".hidden.html",
        "secret.txt",
        "a/secret.py",
        *links,
        "up/secret.html",
        "loop.html",
        "a/../.hidden.html",
        "a",
    ]


def ways_out(prefix: str, *names: str) -> Iterator[str]:
    """Yield paths below `prefix` that would lead to `names`, the password file, and nowhere."""
    for name in (*names, "etc/passwd"):
        for up in (
            "../",
            "..%2f",
            "%2e%2e/",
            "%2e%2e%2f",
            "..%252f",
            "..\\",
            "..%5c",
            "....//",
            "..;/",
            "%c0%ae%c0%ae/",
        ):
            for times in (1, 2, 8):
                yield f"{prefix}{up * times}{name}"
    yield from (f"{prefix}{each}" for each in ("//etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd", "C:%5cx", "."))
    yield from (
        f"{prefix}{each}" for each in ("", "..", "%00", "x%00.html", "index.html%00", "a" * 5_000, "a/" * 2_000)
    )
    yield from (
        f"{prefix}{each}" for each in ("%ff%fe", "%ed%a0%80", "con", "index.html/", "index.html/..", "%", "%zz")
    )


def _try_path(ground: Ground, target: Target, path: str) -> None:
    answer = target.ask("GET", path)
    told = f"{target.name}: GET {path[:80]}: {answer.told()}"
    ground.tally.check(answer.status < 500 and not any(each in answer.body for each in _TELLTALES), told)
