"""The files of a run."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from inputs.wrong_input import WrongInputError
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
