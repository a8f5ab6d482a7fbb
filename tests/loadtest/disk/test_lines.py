"""Files that grow line by line."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from loadtest.disk import lines, room
from loadtest.disk.lines import LineFile, open_log
from loadtest.disk.trouble import DiskError

if TYPE_CHECKING:
    from pathlib import Path

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the folder before each line."""
    monkeypatch.setattr(lines, "_LOOK_EVERY_S", 0)


def fill_up(monkeypatch: pytest.MonkeyPatch, room_for: int) -> None:
    """Let so many bytes through, as a disk does: first a part of a write, then an error."""
    left, write = [room_for], os.write

    def refuse(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise FULL
        written = write(descriptor, data[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(os, "write", refuse)


def test_lines_are_added_and_there_at_once(tmp_path: Path) -> None:
    """To what is there already."""
    (tmp_path / "a").write_text("1\n", encoding="utf-8")
    with LineFile(tmp_path / "a") as file:
        file.write("2\nü\n")
        file.flush()
        assert (tmp_path / "a").read_text(encoding="utf-8") == "1\n2\nü\n"


@pytest.mark.parametrize("room_for", [6, 8, 11])
def test_on_a_full_disk_no_half_line_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room_for: int) -> None:
    """The lines that were whole do."""
    with LineFile(tmp_path / "a") as file, monkeypatch.context() as patch:
        fill_up(patch, room_for)
        file.write("first\n")
        with pytest.raises(DiskError, match=r"a: cannot be written: No space left on device$"):
            file.write("second\n")

    assert (tmp_path / "a").read_text(encoding="utf-8") == "first\n"


def test_a_disk_that_is_full_when_the_file_is_closed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless there is worse to tell."""
    close = os.close

    def refuse(descriptor: int) -> None:
        close(descriptor)
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", refuse)
        with pytest.raises(DiskError), LineFile(tmp_path / "a"):
            pass
        with pytest.raises(ZeroDivisionError), LineFile(tmp_path / "a"):
            raise ZeroDivisionError


@pytest.mark.parametrize("how", ["removed", "file removed", "replaced"])
def test_a_file_that_nobody_would_find_is_not_written(tmp_path: Path, how: str) -> None:
    """The system itself would let it grow without a name."""
    folder = tmp_path / "run"
    folder.mkdir()
    with LineFile(folder / "a") as file:
        file.write("1\n")
        if how == "removed":
            shutil.rmtree(folder)
        else:
            (folder / "a").unlink()
            if how == "replaced":
                (folder / "a").touch()
        with pytest.raises(DiskError, match="No such file or directory"):
            file.write("2\n")


def test_a_folder_that_was_made_read_only_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is open could still be written, but not the report."""
    with LineFile(tmp_path / "a") as file:
        file.write("1\n")
        monkeypatch.setattr(room.os, "access", lambda *_: False)
        with pytest.raises(DiskError, match="Permission denied"):
            file.write("2\n")


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Neither for lines nor for a log."""
    (tmp_path / "other").touch()
    (tmp_path / "a").symlink_to("other")
    for opening in (LineFile, open_log):
        with pytest.raises(DiskError, match="a: cannot be written: a link is in the way, and none is followed"):
            opening(tmp_path / "a")
