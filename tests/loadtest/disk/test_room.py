"""Whether a folder can still be written."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from loadtest.disk import room
from loadtest.disk.room import check_room
from loadtest.disk.trouble import DiskError

if TYPE_CHECKING:
    from pathlib import Path

FREE = {"f_blocks": 9, "f_bfree": 9, "f_bavail": 9, "f_files": 9, "f_ffree": 9, "f_favail": 9, "f_flag": 0}


def say(monkeypatch: pytest.MonkeyPatch, *, accessible: bool = True, **about: int) -> None:
    """Let the system say this of the disk."""
    monkeypatch.setattr(room.os, "statvfs", lambda _: SimpleNamespace(**(FREE | about)))
    monkeypatch.setattr(room.os, "access", lambda *_: accessible)


def test_a_folder_with_room_is_fit(tmp_path: Path) -> None:
    """And one that is gone is not."""
    check_room(tmp_path)
    with pytest.raises(DiskError, match=r"gone: cannot be written: No such file or directory$"):
        check_room(tmp_path / "gone")


@pytest.mark.parametrize(("flag", "reason"), [(os.ST_RDONLY, "Read-only file system"), (0, "Permission denied")])
def test_one_that_may_not_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: int, reason: str
) -> None:
    """With the reason."""
    say(monkeypatch, accessible=False, f_flag=flag)
    with pytest.raises(DiskError, match=reason):
        check_room(tmp_path)


@pytest.mark.parametrize("about", [{"f_bfree": 0, "f_bavail": 0}, {"f_ffree": 0, "f_favail": 0}])
def test_a_disk_that_says_it_is_full_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: dict[str, int]
) -> None:
    """Not every file system counts rightly, so the word of one is not enough."""
    say(monkeypatch, **about)
    check_room(tmp_path)

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(DiskError, match="No space left on device"):
        check_room(tmp_path)
    assert list(tmp_path.iterdir()) == []
