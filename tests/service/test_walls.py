"""Who may import whom: DESIGN.md section 3, read from the sources."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("service", "backend", "client", "loadtest")


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


@cache
def imports(path: Path) -> set[str]:
    """Top-level names of all that a module imports, inside functions and for type checking too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0] if node.level == 0 else "a relative import")
    return found


def importers(*names: str) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in modules(*PACKAGES) if imports(path) & set(names)]


def test_the_sources_are_there() -> None:
    """A wall around nothing would always hold."""
    assert {package: bool(modules(package)) for package in PACKAGES} == dict.fromkeys(PACKAGES, True)


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("service", {"backend", "client", "loadtest"}),
        ("backend", {"client", "loadtest"}),
        ("client", {"backend", "loadtest"}),
    ],
)
def test_a_package_does_not_know(package: str, forbidden: set[str]) -> None:
    """Service knows nobody; backend and client know only service; imports are absolute."""
    crossing = {
        path.relative_to(ROOT).as_posix(): sorted(imports(path) & (forbidden | {"a relative import"}))
        for path in modules(package)
    }

    assert {path: names for path, names in crossing.items() if names} == {}


@pytest.mark.parametrize(
    ("libraries", "only"),
    [
        (("pybreaker",), ["client/breakers/consecutive.py"]),
        (("httpx", "aiohttp", "httpx_aiohttp"), ["client/upstream.py"]),
        (("opentelemetry",), ["service/spans.py"]),
    ],
    ids=["pybreaker", "HTTP client", "OpenTelemetry"],
)
def test_a_library_is_known_to_one_module(libraries: tuple[str, ...], only: list[str]) -> None:
    """Who wants to replace it changes one file."""
    assert importers(*libraries) == only


def test_locust_is_known_to_one_module() -> None:
    """Importing locust replaces the process's sockets: at most one module does, and it is the load generator's."""
    found = importers("locust")

    assert [path for path in found[:1] if path.startswith("loadtest/")] == found


def test_the_environment_is_read_in_one_place() -> None:
    """Settings come from `service.settings`; the load generator may only copy its own environment for a child."""
    readers = []
    for path in modules("service", "backend", "client"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(
            (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"})
            or (isinstance(node, ast.ImportFrom) and node.module == "os")
            for node in ast.walk(tree)
        ):
            readers.append(path.relative_to(ROOT).as_posix())

    assert readers == ["service/settings.py"]
