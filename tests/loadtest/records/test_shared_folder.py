"""The access list of a folder that two users write in."""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING

import pytest

from loadtest.records import shared_folder

if TYPE_CHECKING:
    from pathlib import Path

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
ME = 10001


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], bytes]:
    """Keep the lists in a dictionary, since not every file system has them; this process is another user's."""
    kept: dict[tuple[str, str], bytes] = {}

    def getxattr(path: Path, name: str) -> bytes:
        try:
            return kept[str(path), name]
        except KeyError:
            raise OSError(errno.ENODATA, "no data") from None

    monkeypatch.setattr(os, "geteuid", lambda: ME)
    monkeypatch.setattr(os, "getxattr", getxattr)
    monkeypatch.setattr(os, "setxattr", lambda path, name, data: kept.__setitem__((str(path), name), data))
    return kept


def text(data: bytes) -> list[str]:
    """Return a list as getfacl prints it."""
    kinds = {1: "user:", 2: "user:", 4: "group:", 8: "group:", 16: "mask:", 32: "other:"}
    assert data[:4] == b"\2\0\0\0"
    return [
        f"{kinds[tag]}{'' if who == 0xFFFFFFFF else who}:"
        + "".join(letter if rights & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        for tag, rights, who in struct.iter_unpack("<HHI", data[4:])
    ]


def test_writer_and_owner_are_added_and_nobody_else(tmp_path: Path, lists: dict[tuple[str, str], bytes]) -> None:
    """In each folder; what is made there later has both, too."""
    (tmp_path / "inner").mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/")
    both = [f"user:{user}:rwx" for user in sorted((tmp_path.stat().st_uid, ME))]

    assert shared_folder.main(tmp_path) == 0
    assert {name: text(data) for name, data in lists.items()} == {
        (str(tmp_path), ACCESS): ["user::rwx", f"user:{ME}:rwx", "group::r-x", "mask::rwx", "other::r-x"],
        (str(tmp_path), DEFAULT): [
            "user::rwx",
            *both,
            "group::r-x",
            "mask::rwx",
            "other::r-x",
        ],
        (str(tmp_path / "inner"), ACCESS): ["user::rwx", f"user:{ME}:rwx", "group::---", "mask::rwx", "other::---"],
        (str(tmp_path / "inner"), DEFAULT): [
            "user::rwx",
            *both,
            "group::---",
            "mask::rwx",
            "other::---",
        ],
    }
    assert (tmp_path.stat().st_mode & 0o777, (tmp_path / "inner").stat().st_mode & 0o777) == (0o755, 0o700)


def test_what_a_mask_held_back_stays_back(tmp_path: Path, lists: dict[tuple[str, str], bytes]) -> None:
    """The user's own list is kept; a second time nothing changes."""
    entries = [(1, 7, -1), (2, 7, 77), (4, 7, -1), (8, 6, 88), (16, 4, -1), (32, 0, -1)]
    packed = b"".join(struct.pack("<HHI", tag, rights, who & 0xFFFFFFFF) for tag, rights, who in entries)
    lists[str(tmp_path), ACCESS] = struct.pack("<I", 2) + packed

    shared_folder.share_folder(tmp_path)
    once = dict(lists)
    shared_folder.share_folder(tmp_path)

    assert text(once[str(tmp_path), ACCESS]) == [
        "user::rwx",
        "user:77:r--",
        f"user:{ME}:rwx",
        "group::r--",
        "group:88:r--",
        "mask::rwx",
        "other::---",
    ]
    assert lists == once


def test_a_folder_of_ones_own_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing is asked of the file system."""
    before = tmp_path.stat()
    shared_folder.share_folder(tmp_path)

    assert tmp_path.stat().st_mode == before.st_mode
    with pytest.raises(OSError, match=r".*"):
        os.getxattr(tmp_path, ACCESS)


def test_without_lists_everybody_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders, and no file; a link is not followed."""
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    for folder in (outside, root / "inner"):
        folder.mkdir(parents=True, mode=0o755)
    (root / "link").symlink_to(outside)
    (root / "file").touch(mode=0o644)

    def unsupported(*_: object) -> bytes:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(os, "geteuid", lambda: ME)
    monkeypatch.setattr(os, "getxattr", unsupported)

    assert shared_folder.main(root) == 0
    modes = [path.stat().st_mode & 0o777 for path in (root, root / "inner", root / "file", outside)]
    assert modes == [0o777, 0o777, 0o644, 0o755]


def test_a_folder_that_cannot_be_shared_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do instead."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "geteuid", lambda: ME)
    monkeypatch.setattr(os, "setxattr", refused)
    monkeypatch.setattr("tempfile.TemporaryFile", refused)

    assert shared_folder.main(tmp_path) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path}: user 10001 cannot write there (Permission denied); run the load generator as the user that the "
        'folder belongs to: LAB_USER="$(id -u):$(id -g)" docker compose ...\n'
    )
