"""How an environment makes itself: by uv where it can, by pip where it must. Stubs of both write down their calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# All that the rules may use besides; uv and Python of this machine are out of sight.
TOOLS = ("make", "sh", "touch", "mkdir", "cp", "chmod")
PYTHON = """#!/bin/sh
echo "python $*" >> log
case "$*" in
  "-m venv env") mkdir -p env/bin; cp "$0" env/bin/python; touch env/pip ;;
  "-m ensurepip") touch env/pip ;;
  "-m pip install"*uv.txt) [ -e env/pip ] && cp uv-stub env/bin/uv ;;
  "-m pip "*) [ -e env/pip ] ;;
  *executable*) echo /the/python ;;
esac
"""
UV = """#!/bin/sh
[ "$1" = --version ] || echo "uv $*" >> log
case "$1" in
  venv) mkdir -p env/bin; cp bin/python3 env/bin/python ;;
  pip) [ ! -e uv-fails ] ;;
esac
"""
BY_UV = "uv pip install -q --python env/bin/python --require-hashes -r requirements/run.txt"
PIP = "python -m pip install -q --disable-pip-version-check --require-hashes"
BY_PIP = f"{PIP} -r requirements/run.txt"
GET_UV = f"{PIP} --only-binary :all: -r requirements/uv.txt"
SORRY = "uv could not install it; trying pip"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the Makefile, its files and a stub of Python, on a machine without uv."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    for name in ("run.txt", "uv.txt"):
        (tmp_path / "requirements" / name).touch()
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    put(tmp_path / "bin" / "python3", PYTHON)
    return tmp_path


def put(path: Path, script: str) -> None:
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)


def install(checkout: Path, code: int = 0) -> tuple[list[str], list[str]]:
    """Return what `make env/.run` said, and the calls that made or filled the environment; it ends with `code`."""
    log = checkout / "log"
    log.write_text("", encoding="utf-8")
    environ = {"PATH": str(checkout / "bin"), "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(
        ["make", "VENV=env", "env/.run"], cwd=checkout, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    calls = log.read_text(encoding="utf-8").splitlines()
    return done.stdout.splitlines(), [call for call in calls if not call.startswith(("python -c", "python -m pip --v"))]


def test_the_uv_that_is_there_makes_the_environment(checkout: Path) -> None:
    """With the Python that make was given; pip is not asked for anything, and a second time nothing is done."""
    put(checkout / "bin" / "uv", UV)

    said, calls = install(checkout)
    assert said == ["making the environment in env", "installing requirements/run.txt"]
    assert calls == ["uv venv -q --allow-existing --python /the/python env", BY_UV]
    assert install(checkout) == (["make: 'env/.run' is up to date."], [])


def test_without_uv_pip_puts_it_into_the_environment(checkout: Path) -> None:
    """And uv does the rest."""
    put(checkout / "uv-stub", UV)

    said, calls = install(checkout)
    assert said == ["making the environment in env", "installing requirements/run.txt"]
    assert calls == ["python -m venv env", GET_UV, BY_UV]


def test_where_uv_cannot_run_pip_installs(checkout: Path) -> None:
    """One sentence says so."""
    said, calls = install(checkout)

    assert said == ["making the environment in env", "installing requirements/run.txt", SORRY]
    assert calls == ["python -m venv env", GET_UV, BY_PIP]


def test_where_uv_cannot_install_pip_does(checkout: Path) -> None:
    """An index that only pip is told of: the environment, which uv made without pip, gets it first."""
    put(checkout / "bin" / "uv", UV)
    (checkout / "uv-fails").touch()

    said, calls = install(checkout)
    assert said == ["making the environment in env", "installing requirements/run.txt", SORRY]
    assert calls == [
        "uv venv -q --allow-existing --python /the/python env",
        BY_UV,
        "python -m ensurepip",
        BY_PIP,
    ]


def test_an_uv_that_does_not_run_is_none(checkout: Path) -> None:
    """As where a version manager holds its place: pip brings one that does."""
    put(checkout / "bin" / "uv", "#!/bin/sh\nexit 127\n")
    put(checkout / "uv-stub", UV)

    assert install(checkout)[1] == ["python -m venv env", GET_UV, BY_UV]


def test_a_changed_file_is_installed_again(checkout: Path) -> None:
    """The mark is older than the file that it stands for."""
    put(checkout / "bin" / "uv", UV)
    install(checkout)
    os.utime(checkout / "env" / ".run", (0, 0))

    assert install(checkout) == (["installing requirements/run.txt"], [BY_UV])


def test_what_could_not_be_installed_has_no_mark(checkout: Path) -> None:
    """The next make tries again."""
    put(checkout / "bin" / "uv", UV)
    (checkout / "uv-fails").touch()
    put(checkout / "bin" / "python3", PYTHON.replace('"-m ensurepip") touch env/pip ;;', '"-m ensurepip") exit 1 ;;'))

    assert install(checkout, code=2)[1][-1] == BY_PIP
    assert not (checkout / "env" / ".run").exists()
