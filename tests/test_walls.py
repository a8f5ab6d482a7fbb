"""Who may import whom, read from the sources; an import inside a function or for the type checker counts, too."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The rooms from top to bottom. A file may import from its own room and from those below; the rooms of one line are
# strangers to each other, unless `BESIDE` says otherwise.
FLOORS = (
    ("bench", "supply"),
    ("loadtest/__main__.py",),
    ("loadtest/commands",),
    ("loadtest/studies",),
    ("loadtest/experiments",),
    ("loadtest/report",),
    ("loadtest/figures",),
    ("loadtest/engines",),
    ("loadtest/records",),
    ("loadtest/terminal", "loadtest/probability", "loadtest/docs"),
    ("loadtest/scenario", "loadtest/settings.py", "loadtest/disk"),
    ("client", "backend"),
    ("service",),
    ("inputs", "virtual_clock"),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
PACKAGES = tuple(dict.fromkeys(room.partition("/")[0] for room in FLOOR))
# A room with rooms of its own, where not everything may know everything. No room of a study reaches into another.
STUDIES = {"loadtest/studies/many_runs": (), "loadtest/studies/sweep": ("loadtest/studies/many_runs",)}
STUDIES |= dict.fromkeys(("loadtest/studies/tune", "loadtest/studies/agreement"), ("loadtest/studies/many_runs",))
STUDIES["loadtest/studies/references"] = tuple(STUDIES)  # it makes the results of all of them again


@cache
def sources() -> tuple[Path, ...]:
    return tuple(sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def files_by_module() -> dict[str, str]:
    return {module_of(path): name_of(path) for path in sources()}


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names of all that a module imports; of `from a import b` both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.add("a relative import")
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return frozenset(found)


@cache
def arrows(path: Path) -> frozenset[str]:
    """Return the lab's own files that a file imports; the package of a submodule is not meant."""
    known = files_by_module()
    names = {each for each in imports(path) if each in known}
    packages = {each for each in names if known[each].endswith("__init__.py")}
    meant = {each for each in names if each not in packages or not any(o.startswith(f"{each}.") for o in names)}
    return frozenset(known[each] for each in meant) - {name_of(path)}


def room_of(name: str) -> str:
    return max((room for room in FLOOR if name == room or name.startswith(f"{room}/")), key=len, default="")


def importers(*libraries: str) -> list[str]:
    return [name_of(path) for path in sources() if {each.partition(".")[0] for each in imports(path)} & set(libraries)]


def test_every_file_has_a_room() -> None:
    """Two packages have files of their own, which name them; everything else stands in a room."""
    homeless = [name_of(path) for path in sources() if not room_of(name_of(path))]

    assert homeless == ["loadtest/__init__.py"]
    assert all(any(room_of(name_of(path)) == room for path in sources()) for room in FLOOR), "an empty room"


def test_imports_go_down() -> None:
    """From a room to one below, never up, nor to a neighbour on the same floor."""
    crossing = [
        f"{name_of(path)} -> {target}"
        for path in sources()
        for here in [room_of(name_of(path))]
        for target in sorted(arrows(path))
        for there in [room_of(target)]
        if here and there and here != there and FLOOR[there] <= FLOOR[here]
    ]

    assert crossing == []


def test_no_file_leads_back_to_itself() -> None:
    """Not one circle of files, however long."""
    graph = {name_of(path): arrows(path) for path in sources()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_studies_do_not_reach_into_each_other() -> None:
    """What two of them need stands in many_runs, or further down."""
    crossing = [
        f"{name_of(path)} -> {target}"
        for path in sources()
        for study, allowed in STUDIES.items()
        if name_of(path).startswith(f"{study}/")
        for target in sorted(arrows(path))
        for other in STUDIES
        if target.startswith(f"{other}/") and other != study and other not in allowed
    ]

    assert crossing == []


def test_an_import_is_absolute() -> None:
    """So that a name says where a file is."""
    assert [name_of(path) for path in sources() if "a relative import" in imports(path)] == []


@pytest.mark.parametrize(
    ("libraries", "only"),
    [
        (("pybreaker",), ["client/breakers/opening/consecutive.py"]),
        (
            ("httpx", "httpcore", "aiohttp", "httpx_aiohttp"),
            ["client/pipeline/transports.py", "client/pipeline/upstream.py"],
        ),
        (("opentelemetry",), ["service/observe/spans.py"]),
        (("locust",), ["loadtest/engines/live/locustfile.py"]),
        (("flask", "werkzeug"), ["loadtest/engines/live/ui/pages.py"]),
        (("gevent",), ["loadtest/engines/live/locustfile.py", "loadtest/engines/live/ui/server.py"]),
    ],
    ids=["pybreaker", "HTTP client", "OpenTelemetry", "Locust", "Flask", "gevent"],
)
def test_a_library_is_known_to_few_modules(libraries: tuple[str, ...], only: list[str]) -> None:
    """Who wants to replace it changes one file. Importing Locust replaces the process's sockets, besides."""
    assert [name for name in importers(*libraries) if not name.startswith("bench/")] == only


def test_http_stays_where_it_is_served() -> None:
    """FastAPI is for the services; what people type is checked without it, and the load generator has none."""
    knowing = {name for name in importers("fastapi", "starlette", "uvicorn") if not name.startswith("bench/")}
    fastapi = {name for name in importers("fastapi") if not name.startswith("bench/")}
    front = ("service/", "client/http/", "client/app.py", "backend/app.py")

    assert [
        name for name in sorted(fastapi) if not name.startswith((*front, "client/__main__", "backend/__main__"))
    ] == []
    assert [name for name in sorted(knowing) if name.startswith(("loadtest/", "inputs/", "virtual_clock/"))] == []


def test_hosts_and_tokens_are_decided_without_a_framework() -> None:
    """The services ask, and Locust's web UI, which is another framework's."""
    known = {"__future__", "hmac", "re", "enum", "hashlib", "ipaddress", "typing", "collections", "service"}
    for name in ("hosts", "tokens"):
        assert {each.partition(".")[0] for each in imports(ROOT / f"service/guard/{name}.py")} <= known


def test_the_environment_is_read_in_one_place() -> None:
    """Settings come from `inputs.environment`; the load generator may only copy its own environment for a child."""
    readers = []
    for path in sources():
        if name_of(path).startswith(("loadtest/", "bench/")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(
            (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"})
            or (isinstance(node, ast.ImportFrom) and node.module == "os")
            for node in ast.walk(tree)
        ):
            readers.append(name_of(path))

    assert readers == ["inputs/environment.py"]
