"""Text files that people name: any path gives the text, or a sentence, without waiting."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class UnreadableFileError(ValueError):
    """The file cannot be read, or should not be. Its text says why, in words that follow the file's name."""


def read_text(path: Path, longest: int) -> str:
    """Return the text of a regular file in UTF-8, at most `longest` bytes. Raises UnreadableFileError."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            text = file.read(longest + 1)
    except (OSError, ValueError) as error:
        raise UnreadableFileError(_reason(error)) from error
    if len(text) > longest:
        raise UnreadableFileError(f"too long; allowed: at most {longest:,} bytes")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError("not a text file in UTF-8") from error


def check_regular(path: Path) -> None:
    """Raise UnreadableFileError for a missing file, a folder, a device and a pipe: reading one may never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise UnreadableFileError(_reason(error)) from error
    if stat.S_ISDIR(mode):
        raise UnreadableFileError(os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise UnreadableFileError("not a regular file; save its content to one")


def _reason(error: OSError | ValueError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "no path of a file"
