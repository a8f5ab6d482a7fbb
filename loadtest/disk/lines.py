"""Files that grow line by line."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from loadtest.disk.room import check_room
from loadtest.disk.trouble import DiskError, at_place, of_errno, writing

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

_LONGER = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK_EVERY_S = 0.25


class LineFile:
    """A file to which lines are added, each whole or not at all, and at once. A context manager.

    Between lines it looks whether it is still where it was and whether there is room, so that a run ends when its
    folder goes, or when its disk fills up; by itself the system would let it write into a file that nobody finds.
    Everything here raises DiskError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = -_LOOK_EVERY_S
        with writing(path):
            self._descriptor = os.open(path, _LONGER, 0o666)

    def write(self, lines: str) -> None:
        """Add lines, each with its newline."""
        now = time.monotonic()
        try:
            if now - self._looked >= _LOOK_EVERY_S:
                self._looked = now
                self._look()
            self._append(lines.encode())
        except OSError as error:
            raise at_place(self._path, error) from error

    def flush(self) -> None:
        """Do nothing: what was written is with the system."""

    def _append(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            written = len(data) - len(left)
            if written:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            raise

    def _look(self) -> None:
        mine, there = os.fstat(self._descriptor), self._path.lstat()
        if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
            raise of_errno(errno.ENOENT)
        check_room(self._path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        try:
            with writing(self._path):
                os.close(self._descriptor)  # some disks are full only now
        except DiskError:
            if error is None:
                raise


def open_log(path: Path) -> IO[bytes]:
    """Open a file for what processes say, to be added to; never through a link. Raises DiskError."""
    with writing(path):
        return os.fdopen(os.open(path, _LONGER, 0o666), "ab", buffering=0)
