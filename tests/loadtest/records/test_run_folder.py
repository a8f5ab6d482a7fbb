"""The files of a run."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from inputs.wrong_input import WrongInputError
from loadtest.disk import locks
from loadtest.records import run_folder
from loadtest.records.run_folder import RunFolder
from loadtest.scenario import files

TEXT = """
name = "mine"
title = "Mine"
load = [{ requests = 2, rate_per_s = 1 }]
[arms.without]
[arms.with]
"""


class _Noon(datetime):
    @classmethod
    def now(cls, tz: object = None) -> _Noon:
        assert tz is UTC
        return cls(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def create(root: Path) -> RunFolder:
    return run_folder.create(root, files.parse(TEXT, ""), TEXT, "live", ["with"], [3, 4])


def test_a_run_has_its_manifest_and_is_the_latest_once_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Incomplete until it has ended; everything needed to repeat it is in the manifest."""
    monkeypatch.setattr(run_folder, "datetime", _Noon)
    found = files.parse(TEXT, "")

    folder = create(tmp_path / "new" / "results")

    assert folder.path == tmp_path / "new" / "results" / "mine" / "20260102T120000Z-live"
    assert sorted(path.name for path in folder.path.iterdir()) == ["manifest.json"]
    manifest = folder.manifest().as_json()
    versions, host, revision = (manifest.pop(name) for name in ("versions", "host", "git_revision"))
    assert manifest == {
        "schema": 1,
        "complete": False,
        "scenario": "mine",
        "scenario_text": TEXT,
        "scenario_sha256": sha256(TEXT.encode()).hexdigest(),
        "engine": "live",
        "arms": ["with"],
        "seeds": [3, 4],
        "weather": {"with/3": found.weather_hash("with", 3), "with/4": found.weather_hash("with", 4)},
        "started": "2026-01-02T12:00:00+00:00",
        "settings": {},
    }
    assert {"python", "pybreaker", "httpx", "locust", "uvicorn"} <= set(versions)
    assert host["cores"] == os.cpu_count()
    assert revision is None or isinstance(revision, str)
    latest = tmp_path / "new" / "results" / "mine" / "latest"
    folder.end(complete=False)
    assert not latest.is_symlink()
    folder.end(complete=True)
    assert latest.is_symlink()
    assert latest.readlink() == Path(folder.path.name)  # relative, so that results may be moved
    assert RunFolder(latest).scenario() == found


def test_two_runs_within_one_second_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is overwritten, and `latest` is the last one that ran to its end."""
    monkeypatch.setattr(run_folder, "datetime", _Noon)

    folders = [create(tmp_path) for _ in range(3)]
    for folder, complete in zip(folders, (True, True, False), strict=True):
        folder.end(complete=complete)
    names = [folder.path.name for folder in folders]

    assert names == ["20260102T120000Z-live", "20260102T120000Z.2-live", "20260102T120000Z.3-live"]
    assert (tmp_path / "mine" / "latest").readlink() == Path(names[1])
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == sorted([*names, "latest"])


def test_entries_of_the_manifest_can_be_set(tmp_path: Path) -> None:
    """The others stay as they are, and the file is whole at every moment: nothing else is left in the folder."""
    folder = create(tmp_path)
    before = folder.manifest().as_json()

    folder.update_manifest(complete=True, more=[1])

    assert folder.manifest().as_json() == {**before, "complete": True, "more": [1]}
    assert [path.name for path in folder.path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("text", [None, "", "{", "[[1]]", "3", "{}", '{"schema": 1}'])
def test_a_folder_without_a_run_is_named(tmp_path: Path, text: str | None) -> None:
    """A mistyped folder and a manifest that was damaged are the user's to know, not a trace."""
    if text is not None:
        (tmp_path / "manifest.json").write_text(text, encoding="utf-8")

    with pytest.raises(WrongInputError) as caught:
        RunFolder(tmp_path).manifest()

    assert str(caught.value) == f"{tmp_path}: not a run: manifest.json is missing or broken"


def test_a_second_run_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    """Two at once would measure each other; the sentence says which one holds the place, and it is free afterwards."""
    with run_folder.reserve_place(tmp_path, "experiment-1", "http://client.test"):
        with pytest.raises(WrongInputError) as caught, run_folder.reserve_place(tmp_path, "experiment-2"):
            pytest.fail("let in")
        other = run_folder.reserve_place(tmp_path / "other", "experiment-2", "http://client.test")
        with pytest.raises(WrongInputError), other:
            pytest.fail("let in on the same client")
        with run_folder.reserve_place(tmp_path / "another", "experiment-2", "http://another.test"):
            pass

    assert str(caught.value).startswith(f"another run is in progress (experiment-1, process {os.getpid()}, since ")
    assert str(caught.value).endswith(" UTC), and two at once would disturb each other; wait for it, or stop it")
    with run_folder.reserve_place(tmp_path, "experiment-2"):
        text = (tmp_path / ".running").read_text(encoding="utf-8")
    assert text.startswith(f"experiment-2, process {os.getpid()}")


def test_a_run_that_fails_leaves_the_place_free(tmp_path: Path) -> None:
    """Whatever ends it, the next one may begin."""
    with pytest.raises(ZeroDivisionError), run_folder.reserve_place(tmp_path, "experiment-1"):
        raise ZeroDivisionError

    with run_folder.reserve_place(tmp_path, "experiment-2"):
        pass


def test_results_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    """A file where the folder should be: said before anything is run, with the way out."""
    root = tmp_path / "results"
    root.write_text("in the way", encoding="utf-8")

    with pytest.raises(WrongInputError) as of_run, run_folder.reserve_place(root, "experiment-1"):
        pytest.fail("let in")
    with pytest.raises(WrongInputError) as of_create:
        create(root)

    said = "results folder {}: cannot be written: {}; choose another with --out"
    assert str(of_run.value) == said.format(root, "File exists")
    assert str(of_create.value) == said.format(root, "Not a directory")


def test_a_manifest_names_its_scenario_even_when_that_went_bad(tmp_path: Path) -> None:
    """A run made by an older version, whose scenario no longer parses, says so with the field."""
    folder = create(tmp_path)
    folder.update_manifest(scenario_text=json.dumps(TEXT))

    with pytest.raises(WrongInputError, match=r"^manifest\.json: not TOML: "):
        folder.scenario()


@pytest.mark.parametrize("name", [".running", ".running.lock"])
def test_a_link_in_the_folder_of_results_costs_nobody_a_file(tmp_path: Path, name: str) -> None:
    """A file that another user may only link to keeps its text and its mode."""
    root, other = tmp_path / "results", tmp_path / "other"
    root.mkdir()
    other.write_text("another's", encoding="utf-8")
    other.chmod(0o600)
    (root / name).symlink_to(other)

    if name == ".running":
        with run_folder.reserve_place(root, "experiment-1"):
            assert not (root / name).is_symlink()
    else:
        with pytest.raises(WrongInputError) as caught, run_folder.reserve_place(root, "experiment-1"):
            pytest.fail("let in")
        assert str(caught.value) == (
            f"results folder {root}: cannot be written: a link is in the way, and none is followed; "
            "choose another with --out"
        )

    assert (other.read_text(encoding="utf-8"), other.stat().st_mode & 0o777) == ("another's", 0o600)


def test_the_clients_lock_is_in_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is where others write; nothing anywhere may be written by everybody."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    before = os.umask(0)
    try:
        with run_folder.reserve_place(tmp_path / "results", "experiment-1", "http://client.test/"):
            pass
    finally:
        os.umask(before)

    assert not (tmp_path / "temporary").exists()
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.parent.name for path in found) == [*4 * ["breaker-lab"], *2 * ["results"]]
    assert [path for path in found if path.stat().st_mode & 0o022] == []
    assert (tmp_path / "breaker-lab").stat().st_mode & 0o777 == 0o700


def test_two_names_of_one_folder_are_one_place(tmp_path: Path) -> None:
    """By a link or by its name."""
    (tmp_path / "results").mkdir()
    (tmp_path / "link").symlink_to("results")
    with (
        run_folder.reserve_place(tmp_path / "results", "experiment-1"),
        pytest.raises(WrongInputError, match="another run is in progress"),
        run_folder.reserve_place(tmp_path / "link", "experiment-2"),
    ):
        pytest.fail("let in")


def test_a_folder_without_locks_is_guarded_by_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems have none."""
    lock = locks.lock_descriptor

    def refuse(descriptor: int, *, blocking: bool) -> bool:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == ".running.lock":
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        return lock(descriptor, blocking=blocking)

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    with (
        run_folder.reserve_place(tmp_path, "experiment-1"),
        pytest.raises(WrongInputError, match=r"another run is in progress \(experiment-1"),
        run_folder.reserve_place(tmp_path, "experiment-2"),
    ):
        pytest.fail("let in")


def test_a_planted_draft_is_not_written_through(tmp_path: Path) -> None:
    """A link at the name that drafts once had."""
    folder = create(tmp_path)
    other = tmp_path / "other"
    other.write_text("another's", encoding="utf-8")
    for name in ("manifest.json", "summary.json"):
        (folder.path / f".{name}.{os.getpid()}").symlink_to(other)

    folder.update_manifest(complete=True)
    folder.write("summary.json", "{}")

    assert other.read_text(encoding="utf-8") == "another's"
