"""What is installed: pinned files by the need that they serve, images, and never a package of the lab itself."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Which extras a pinned file holds, besides what both services need.
PINNED = {
    "backend": (),
    "client": ("client",),
    "run": ("client", "run"),
    "lab": ("client", "run", "tune"),
    "cluster": ("client", "run", "cluster"),
    "tracing": ("client", "run", "tracing"),
    "peers": ("client", "run", "peers"),
    "audit": ("audit",),
    "attack": ("client", "run", "attack"),
    "dev": tuple(PROJECT["optional-dependencies"]),
}
FILES = [f"{name}.txt" for name in (*PINNED, "uv")]


def pins(name: str) -> dict[str, str]:
    """Return the version that a file pins of each library."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[]", each)[0] for each in requirements}


@pytest.mark.parametrize("frontend", ["uv", "pip"])
def test_no_wheel_can_be_built(frontend: str, tmp_path: Path) -> None:
    """It would install a `backend` and a `client` for everybody; who tries is told how the lab is run."""
    if find_spec(frontend) is None:
        pytest.skip(f"this environment was made without {frontend}")
    build = {
        "uv": ["uv", "build", "--wheel", "--offline", "--out-dir", str(tmp_path)],
        "pip": ["pip", "wheel", "--no-deps", "--no-index", "--wheel-dir", str(tmp_path)],
    }
    done = subprocess.run(
        [sys.executable, "-m", *build[frontend], str(ROOT)], capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "Breaker Lab is run from its checkout and builds no package: `make help` says how." in done.stderr
    assert list(tmp_path.glob("*.whl")) == []


def test_every_pinned_file_is_checked_here() -> None:
    """A new one gets its extras above."""
    assert sorted(path.name for path in (ROOT / "requirements").glob("*.txt")) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_pinned_file_has_hashes_and_no_host(name: str) -> None:
    """Where a library comes from is the user's choice; what comes is not."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    pinned = [each for each in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if each and not each.startswith("#")]

    assert [
        each for each in pinned if not re.match(r"\S+==\S+( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", each)
    ] == []
    assert re.findall(r"://| @ |--(?!hash=sha256:)", text) == []


@pytest.mark.parametrize("name", FILES)
def test_a_library_has_one_version(name: str) -> None:
    """What the tests ran with is what users get."""
    everything = pins("dev.txt")

    assert {library: version for library, version in pins(name).items() if everything[library] != version} == {}


@pytest.mark.parametrize("name", PINNED)
def test_a_pinned_file_holds_its_extras_and_no_other(name: str) -> None:
    """So a first run installs no SciPy, and an image of a service no load generator."""
    extras = PROJECT["optional-dependencies"]
    wanted = names([*PROJECT["dependencies"], *(each for extra in PINNED[name] for each in extras[extra])])
    pinned = set(pins(f"{name}.txt"))
    heavy = {"aiohttp", "locust", "scipy", "distributed", "opentelemetry-sdk", "mypy", "purgatory"}

    assert wanted - pinned == set()
    assert (pinned & heavy) - wanted == set()


def test_an_image_can_copy_what_it_asks_for() -> None:
    """What the Dockerfile copies is there, and not kept back by .dockerignore, which names what is let through.

    Besides, what says which revision it is; of the hidden files no other, since a `.env` holds tokens.
    """
    copied = re.findall(r"^COPY (?!--)(\S+) ", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = [line[1:] for line in lines if line.startswith("!")]
    git = [f".git/{name}" for name in ("HEAD", "index", "packed-refs", "refs")]

    assert [each for each in copied if not (ROOT / each).exists()] == []
    assert sorted({each.partition("/")[0] for each in copied} | {"supply", *git}) == sorted(let_through)
    assert lines[0] == "*"
    assert max(lines.index(f"!{each}") for each in let_through if each not in git) < lines.index("**/.*")


def test_the_image_of_the_load_generator_has_the_home_of_the_version() -> None:
    """`--version` reads it beside the packages."""
    _, image = (ROOT / "Dockerfile").read_text(encoding="utf-8").split(" AS loadtest\n")

    assert "\nCOPY pyproject.toml .\n" in image
