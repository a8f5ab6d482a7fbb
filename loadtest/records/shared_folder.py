"""Let this process's user write into a folder of another user's: python -m loadtest.records.shared_folder DIR.

For `./results` in a container. The folder belongs to whoever cloned the repository, and the load generator runs as a
user of its own. Every folder in it gets an access list that adds both: the load generator, and the owner, who can so
change and delete what the load generator writes. Nobody else gets anything. On a file system without access lists a
folder becomes writable for all.

It needs CAP_FOWNER, or the folder to be its own: then there is nothing to do.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# As Linux keeps an access list: a version, then (tag, permissions, id) for each entry, in the order of the tags.
_VERSION = 2
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_FULL = 7
# What a file system says that keeps no such lists.
_UNSUPPORTED = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}

AccessList = dict[tuple[int, int], int]


def share_folder(root: Path) -> None:
    """Make every folder below `root`, and itself, writable for this process's user and for its owner.

    Raises OSError if `root` cannot be written afterwards. What else cannot be changed stays as it is.
    """
    me = os.geteuid()
    for folder in _folders(root, me):
        try:
            _grant(folder, me)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                _open_to_all(folder)
    with tempfile.TemporaryFile(dir=root):
        pass


def _folders(root: Path, me: int) -> Iterator[Path]:
    """Yield the folders of others, from the top; each can be listed only after it has been shared."""
    if root.stat().st_uid != me:
        yield root
    try:
        inner = sorted(entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for path in inner:
        yield from _folders(Path(path), me)


def _grant(folder: Path, me: int) -> None:
    status = folder.stat()
    access = _read(folder, "system.posix_acl_access") or {
        (_OWNER, _NO_ID): status.st_mode >> 6 & 7,
        (_GROUP, _NO_ID): status.st_mode >> 3 & 7,
        (_OTHER, _NO_ID): status.st_mode & 7,
    }
    inherited = _read(folder, "system.posix_acl_default") or access
    _write(folder, "system.posix_acl_access", _with_users(access, me))
    _write(folder, "system.posix_acl_default", _with_users(inherited, me, status.st_uid))


def _with_users(old: AccessList, *users: int) -> AccessList:
    """Return the list with full access for these users; what an earlier mask held back from others stays so."""
    mask = old.get((_MASK, _NO_ID), _FULL)
    behind = (_USER, _GROUP, _NAMED_GROUP)
    new = {key: rights & mask if key[0] in behind else rights for key, rights in old.items()}
    return new | {(_USER, user): _FULL for user in users} | {(_MASK, _NO_ID): _FULL}


def _read(folder: Path, name: str) -> AccessList:
    try:
        data = os.getxattr(folder, name)
    except OSError as error:
        if error.errno == errno.ENODATA:
            return {}
        raise
    return {(tag, owner): rights for tag, rights, owner in struct.iter_unpack("<HHI", data[4:])}


def _write(folder: Path, name: str, entries: AccessList) -> None:
    packed = b"".join(struct.pack("<HHI", tag, rights, owner) for (tag, owner), rights in sorted(entries.items()))
    os.setxattr(folder, name, struct.pack("<I", _VERSION) + packed)


def _open_to_all(folder: Path) -> None:
    try:
        folder.chmod(folder.stat().st_mode & 0o7777 | 0o777)
    except OSError:
        return  # the file system may let everybody write all the same: what counts is tried at the end


def main(root: Path) -> int:
    """Share the folder; 1 and a sentence where that cannot be."""
    try:
        share_folder(root)
    except OSError as error:
        sys.stderr.write(
            f"{root}: user {os.geteuid()} cannot write there ({error.strerror}); run the load generator as the user "
            'that the folder belongs to: LAB_USER="$(id -u):$(id -g)" docker compose ...\n'
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
