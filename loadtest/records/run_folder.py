"""The files of one run, in results/<scenario>/<UTC time>-<engine>/."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from inputs.files import read_text
from inputs.json_text import read_json
from inputs.limits import LONGEST_JSON_FILE, LONGEST_VALUE
from inputs.shown import show_value
from inputs.wrong_input import WrongInputError
from loadtest.disk import locks
from loadtest.disk.trouble import DiskError, reason_of
from loadtest.disk.whole import link_whole, write_whole
from loadtest.records.manifest import Manifest
from loadtest.scenario.files import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtest.records.manifest import Engine
    from loadtest.scenario.model import Scenario

_LIBRARIES = ("fastapi", "uvicorn", "uvloop", "httptools", "httpx", "httpx-aiohttp", "aiohttp", "pybreaker", "locust")
# For an image, which has no git: see the Dockerfile.
_REVISION = Path(__file__).parents[2] / "REVISION"


@dataclass(frozen=True)
class RunFolder:
    """The folder and files of a run. No file is kept open."""

    path: Path

    @property
    def requests(self) -> Path:
        """One row for each request."""
        return self.path / "requests.jsonl"

    @property
    def transitions(self) -> Path:
        """One line for each change of state."""
        return self.path / "transitions.jsonl"

    @property
    def samples(self) -> Path:
        """Both services, a few times a second."""
        return self.path / "samples.jsonl"

    @property
    def arms(self) -> Path:
        """One line for each arm and seed that has ended."""
        return self.path / "arms.jsonl"

    @property
    def log(self) -> Path:
        """Warnings and errors from the processes of the run."""
        return self.path / "run.log"

    def has_ended(self) -> bool:
        """Return whether every arm with every seed has ended."""
        manifest = self.manifest()
        ended = self.arms.read_bytes().count(b"\n") if self.arms.exists() else 0
        return ended == len(manifest.arms) * len(manifest.seeds)

    def manifest(self) -> Manifest:
        """Read manifest.json, whose arms are arms of its scenario. Raises WrongInputError."""
        detail = f"{self.path}: not a run: manifest.json is missing or broken"
        try:
            manifest = Manifest.model_validate(read_json(read_text(self.path / "manifest.json", LONGEST_JSON_FILE)))
        except ValueError as error:
            if isinstance(error, ValidationError):
                detail += _describe_first(error)
            raise WrongInputError([{"field": "DIR", "value": str(self.path), "detail": detail}]) from error
        parse(manifest.scenario_text, "manifest.json").choose_arms(manifest.arms)
        return manifest

    def check_rows(self) -> None:
        """Raise WrongInputError for a reference that has hashes instead of its rows."""
        manifest = self.manifest()
        if manifest.rows_sha256 is None or self.requests.exists():
            return
        again = "it was a live run, which cannot be reproduced"
        if manifest.engine == "virtual":
            again = f"`python -m loadtest references {self.path}` reproduces them and compares"
        detail = f"{self.path}: its rows are not kept, so its report cannot be rebuilt; {again}"
        raise WrongInputError([{"field": "DIR", "value": str(self.path), "detail": detail}])

    def scenario(self) -> Scenario:
        """Return the scenario as it was run."""
        return parse(self.manifest().scenario_text, "manifest.json")

    def update_manifest(self, **values: Any) -> None:
        """Set entries of the manifest. Raises ValidationError for an invalid entry, and DiskError."""
        manifest = Manifest.model_validate({**self.manifest().as_json(), **values})
        self.write("manifest.json", manifest.as_text())

    def end(self, *, complete: bool) -> str:
        """Say in the manifest whether every arm ran to its end, and point `latest` to a run of which that is so.

        Return a sentence where `latest` cannot be, as where that is a folder; else ''. Raises DiskError.
        """
        self.update_manifest(complete=complete)
        try:
            if complete:
                point_latest(self.path)
        except DiskError as error:
            return f"{error}; the run itself is complete"
        return ""

    def describe_loss(self, error: OSError) -> str:
        """Say that the folder could not be written while it was filled, why, and what was kept."""
        said = f"results folder {self.path.parent.parent}: cannot be written: {reason_of(error)}"
        try:
            rows = self.requests.read_bytes().count(b"\n") if self.requests.exists() else 0
            ended = self.has_ended()
        except (OSError, WrongInputError):
            return f"{said}; nothing is kept, {self.path} is gone or damaged"
        if ended:
            report = f"`python -m loadtest report {self.path}` writes its report once there is room"
            return f"{said}; all {rows} rows of the run are kept; {report}"
        few = "the row" if rows == 1 else f"the {rows} rows"
        return (
            f"{said}; {few} so far {'is' if rows == 1 else 'are'} kept in {self.path}, and the run is marked incomplete"
        )

    def write(self, name: str, text: str) -> None:
        """Write a whole file, or nothing. Raises DiskError."""
        write_whole(self.path / name, text)


def create(
    root: Path,
    scenario: Scenario,
    text: str,
    engine: Engine,
    arms: list[str],
    seeds: list[int],
    jitter_s: float = 0.0,
) -> RunFolder:
    """Make the folder of a new run, with its manifest marked incomplete.

    `jitter_s`: how late requests are sent at most, on virtual time. Raises WrongInputError if it cannot be written.
    """
    began = datetime.now(UTC)
    parent = root / scenario.name
    stamp = f"{began:%Y%m%dT%H%M%SZ}"
    with wanted(root):
        parent.mkdir(parents=True, exist_ok=True)
        path = new_folder(parent, stamp, f"-{engine}")
    folder = RunFolder(path)
    try:
        manifest = Manifest.model_validate(
            {
                "schema": 1,
                "complete": False,
                "scenario": scenario.name,
                "scenario_text": text,
                "scenario_sha256": sha256(text.encode()).hexdigest(),
                "engine": engine,
                "arms": arms,
                "seeds": seeds,
                "weather": {f"{arm}/{seed}": scenario.weather_hash(arm, seed) for arm in arms for seed in seeds},
                "started": began.isoformat(timespec="seconds"),
                "versions": {
                    "python": platform.python_version(),
                    **{name: metadata.version(name) for name in _LIBRARIES},
                },
                "git_revision": _git_revision(),
                "host": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
                "settings": {},
                **({"jitter_s": jitter_s} if jitter_s else {}),
            }
        )
        with wanted(root):
            folder.write("manifest.json", manifest.as_text())
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)  # nothing was run yet
        raise
    return folder


@contextmanager
def reserve_place(root: Path, what: str, client_url: str | None = None) -> Iterator[None]:
    """Reserve `root`, and the client at a URL, for one run at a time.

    A lock in `root` keeps other users out, too, where its file system has locks; those in the user's own folder keep
    out the other runs of this user. The system releases them if the process dies. Raises WrongInputError if another run
    has one, or if the folder cannot be written.
    """
    with wanted(root):
        root.mkdir(parents=True, exist_ok=True)
    own = _own_folder()
    places = [own / f"results-{_key_of(str(root.resolve()))}.running"]
    if client_url is not None:
        places.append(own / f"client-{_key_of(client_url.rstrip('/'))}.running")
    who = f"{what}, process {os.getpid()}, since {datetime.now(UTC):%H:%M:%S} UTC"
    with ExitStack() as stack:
        stack.enter_context(_lock_place(root / ".running", root, who, needed=False))
        for place in places:
            stack.enter_context(_lock_place(place, root, who))
        yield


@contextmanager
def _lock_place(path: Path, root: Path, who: str, *, needed: bool = True) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            with wanted(root):
                stack.enter_context(locks.hold_lock(path.with_name(f"{path.name}.lock"), needed=needed))
        except locks.TakenError as error:
            detail = (
                f"another run is in progress ({locks.read_holder(path)}), and two at once would disturb each other; "
                "wait for it, or stop it"
            )
            raise WrongInputError([{"field": "out", "value": str(root), "detail": detail}]) from error
        locks.write_holder(path, who)  # a lock does not name its holder
        yield


def _own_folder() -> Path:
    try:
        return locks.own_folder()
    except OSError as error:
        detail = (
            f"folder for locks {error.filename or ''}: cannot be used: {reason_of(error)}; "
            "set XDG_CACHE_HOME to a folder of your own"
        )
        raise WrongInputError([{"field": "XDG_CACHE_HOME", "value": error.filename, "detail": detail}]) from error


def _key_of(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


@contextmanager
def wanted(root: Path) -> Iterator[None]:
    """Raise WrongInputError where the folder cannot be written and nothing was run yet: another one may be chosen."""
    try:
        yield
    except OSError as error:
        detail = f"results folder {root}: cannot be written: {reason_of(error)}; choose another with --out"
        raise WrongInputError([{"field": "out", "value": str(root), "detail": detail}]) from error


def new_folder(parent: Path, stamp: str, ending: str = "") -> Path:
    """Make a folder that nobody has yet, by the time in its name. Raises OSError."""
    for suffix in ("", *(f".{number}" for number in range(2, 1000))):
        path = parent / f"{stamp}{suffix}{ending}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise OSError(17, "a thousand runs within one second")


def point_latest(path: Path) -> None:
    """Let `latest` beside a folder of results point to it. Raises DiskError, as where that is a folder."""
    link_whole(path.parent / "latest", path.name)


def _describe_first(error: ValidationError) -> str:
    """Return a text such as ' (arms: got 3; ...)' for the first entry that exists and is wrong."""
    for each in error.errors(include_url=False):
        if each["loc"] and each["type"] != "missing":
            field = ".".join(str(part)[:LONGEST_VALUE] for part in each["loc"])
            reason = (
                "allowed: keys with values"
                if each["type"] == "model_type"
                else each["msg"].removeprefix("Value error, ")
            )
            return f" ({field}: got {show_value(each['input'])}; {reason[:1].lower()}{reason[1:]})"
    return ""


def _git_revision() -> str | None:
    """Return git's revision or, without git, as in an image, the one that was recorded when the image was built."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - whichever git the user has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        revision = answer.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        revision = ""
    with suppress(OSError, UnicodeDecodeError):
        revision = revision or _REVISION.read_text(encoding="utf-8").strip()
    return revision or None
