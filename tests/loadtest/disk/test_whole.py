"""Files that come into place whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from loadtest.disk.trouble import DiskError
from loadtest.disk.whole import draft_folder, link_whole, whole_files, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture(params=["write", "close"])
def full(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the disk full: some say so at a write, others when the file is closed."""

    def fill() -> None:
        call = getattr(os, request.param)

        def refuse(descriptor: int, *more: object) -> int:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                if request.param == "close":
                    call(descriptor)
                raise FULL
            found: int = call(descriptor, *more)
            return found

        monkeypatch.setattr(os, request.param, refuse)

    return fill


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """With the umask's mode, and nothing beside it."""
    (tmp_path / "a").write_text("before", encoding="utf-8")
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", "après")
        write_whole(tmp_path / "b", b"\0", 0o644)
    finally:
        os.umask(before)

    assert (tmp_path / "a").read_bytes() == "après".encode()
    assert names(tmp_path) == ["a", "b"]
    assert [stat.S_IMODE((tmp_path / each).stat().st_mode) for each in "ab"] == [0o640, 0o640]


def test_on_a_full_disk_the_old_file_stays_and_no_draft(tmp_path: Path, full: Callable[[], None]) -> None:
    """One sentence: the file and the reason."""
    (tmp_path / "a").write_text("before", encoding="utf-8")
    full()

    with pytest.raises(DiskError) as caught:
        write_whole(tmp_path / "a", "after")

    assert str(caught.value) == f"{tmp_path / 'a'}: cannot be written: No space left on device"
    assert (tmp_path / "a").read_text(encoding="utf-8") == "before"
    assert names(tmp_path) == ["a"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Nor is one at the place of a draft: nobody can know its name."""
    (tmp_path / "other").write_text("another's", encoding="utf-8")
    (tmp_path / "a").symlink_to("other")
    (tmp_path / f".a.{os.getpid()}").symlink_to("other")

    write_whole(tmp_path / "a", "mine")

    assert (tmp_path / "other").read_text(encoding="utf-8") == "another's"
    assert not (tmp_path / "a").is_symlink()


def test_several_files_come_together(tmp_path: Path) -> None:
    """Folders among them; what else is there stays."""
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "old.svg").touch()
    with whole_files(tmp_path) as draft:
        (draft / "charts").mkdir()
        (draft / "charts" / "new.svg").touch()
        (draft / "report.md").touch()
        assert names(tmp_path / "charts") == ["old.svg"]

    assert names(tmp_path) == ["charts", "charts/new.svg", "charts/old.svg", "report.md"]


def begin_and_raise(draft: Path, error: BaseException) -> None:
    (draft / "half").touch()
    raise error


def test_or_not_at_all(tmp_path: Path) -> None:
    """An error of the block is the disk's if it is the system's; whatever it is, nothing is left."""
    for error, kind in ((FULL, DiskError), (ValueError("mine"), ValueError), (KeyboardInterrupt(), KeyboardInterrupt)):
        with pytest.raises(kind), whole_files(tmp_path / "new") as draft:
            begin_and_raise(draft, error)
        assert names(tmp_path) == []


def test_a_draft_that_was_renamed_stays(tmp_path: Path) -> None:
    """Under its name."""
    with draft_folder(tmp_path / "new") as draft:
        (draft / "file").touch()
        draft.rename(tmp_path / "new" / "name")

    assert names(tmp_path) == ["new", "new/name", "new/name/file"]


def test_a_folder_in_the_way_of_a_link_is_told(tmp_path: Path) -> None:
    """A link is changed, wherever it points; a folder is somebody's."""
    (tmp_path / "latest").symlink_to("/elsewhere")
    link_whole(tmp_path / "latest", "run")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DiskError) as caught:
        link_whole(tmp_path / "folder", "run")

    assert (tmp_path / "latest").readlink().name == "run"
    assert str(caught.value) == f"{tmp_path / 'folder'}: cannot be written: Is a directory"
    assert names(tmp_path) == ["folder", "latest"]
