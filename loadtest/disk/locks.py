"""Locks between processes: a file that one of them holds, and that the system frees when it dies, however.

The file is opened here, and never through a link: libraries that open it themselves also empty it, and need the right
to write to it, which would have to be everybody's for two users to share one.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import lock_descriptor

from inputs.environment import cache_folder
from loadtest.disk.trouble import of_errno
from loadtest.disk.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
# The owner writes, everybody who may enter the folder can hold it: flock asks for no right to write.
_MODE = 0o644
_POLL_S = 0.05
# How long a lock that others remove again and again is tried.
_REPLACED_S = 1.0
# What file systems answer that have no locks, or, as NFS, none without the right to write.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF)
LONGEST_HOLDER = 120


class TakenError(Exception):
    """Another process holds the lock."""


@contextmanager
def hold_lock(path: Path, wait_s: float = 0.0, *, needed: bool = True) -> Iterator[None]:
    """Hold a lock, made where it is not there; wait for it so long. Raises TakenError, and OSError.

    One that is not `needed` is passed over where the file system has no locks.
    """
    try:
        descriptor = _open_and_lock(path, time.monotonic() + wait_s)
    except OSError as error:
        if needed or error.errno not in _NO_LOCKS:
            raise
        yield
        return
    try:
        yield
    finally:
        os.close(descriptor)


def _open_and_lock(path: Path, until: float) -> int:
    while True:
        descriptor = _open(path)
        try:
            if lock_descriptor(descriptor, blocking=False) and _is_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        gone = not _is_at(path, descriptor)
        os.close(descriptor)
        if time.monotonic() >= (until + _REPLACED_S if gone else until):
            raise TakenError
        time.sleep(_POLL_S)


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, _OPEN | os.O_RDWR | os.O_CREAT, _MODE)
    except PermissionError:  # another user's, who holds it or has held it
        descriptor = os.open(path, _OPEN | os.O_RDONLY)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise of_errno(errno.EEXIST)
    if about.st_uid == os.geteuid() and about.st_mode & 0o022:  # made by an older version
        with suppress(OSError):
            os.fchmod(descriptor, _MODE)
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    """Say whether the open file still has its name: who holds one that was removed keeps nobody out."""
    try:
        there, mine = path.lstat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def own_folder() -> Path:
    """Return this user's folder for locks, which nobody else may enter. Raises OSError, of the last place tried.

    In the folder for caches and not in the session's runtime folder, which a job of cron or a plain login does not
    have; where there is no home, as in a container, in the one for temporary files.
    """
    caches = cache_folder()
    if caches is not None:
        with suppress(OSError):
            return _make_own(caches / "breaker-lab")
    return _make_own(Path(tempfile.gettempdir()) / f"breaker-lab-{os.geteuid()}")


def _make_own(folder: Path) -> Path:
    if not folder.parent.exists():
        folder.parent.mkdir(mode=0o700)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        raise OSError(errno.EEXIST, "it is not a folder of this user's own", str(folder))
    if stat.S_IMODE(about.st_mode) != 0o700:
        folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))
    return folder


def write_holder(path: Path, who: str) -> None:
    """Name who holds a lock, in a file beside it; on a full disk nobody is named, rather than who held it before."""
    with suppress(OSError):
        path.unlink()
    with suppress(OSError):
        write_whole(path, who, _MODE)


def read_holder(path: Path) -> str:
    """Return who holds a lock, in one short line whatever the file has; 'unknown' where it has nothing."""
    try:
        descriptor = os.open(path, _OPEN | os.O_RDONLY)
    except OSError:
        return "unknown"
    try:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        text = os.read(descriptor, 4 * LONGEST_HOLDER).decode(errors="replace") if plain else ""
    except OSError:
        text = ""
    finally:
        os.close(descriptor)
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split())[:LONGEST_HOLDER] or "unknown"
