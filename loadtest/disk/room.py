"""Whether a folder can still be written: looked at in the middle of a run, and cheaper than a write that fails."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from loadtest.disk.trouble import of_errno, writing
from loadtest.disk.whole import try_draft

if TYPE_CHECKING:
    from pathlib import Path


def check_room(folder: Path) -> None:
    """Raise DiskError for a folder that is gone, that may not be written, or whose disk is full.

    Where the system says that not one block or entry is free, a small file is tried: not every file system counts.
    """
    with writing(folder):
        disk = os.statvfs(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise of_errno(errno.EROFS if disk.f_flag & os.ST_RDONLY else errno.EACCES)
        root = os.geteuid() == 0  # a share of the disk is kept for it
        blocks, entries = (disk.f_bfree, disk.f_ffree) if root else (disk.f_bavail, disk.f_favail)
        if (disk.f_blocks and not blocks) or (disk.f_files and not entries):
            try_draft(folder)
