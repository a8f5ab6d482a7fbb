"""What the system says where something cannot be written."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORDS = {errno.ELOOP: "a link is in the way, and none is followed"}


class DiskError(OSError):
    """A file or folder could not be written. `place` is which, `reason` why, in the system's words."""

    def __init__(self, place: Path, code: int, reason: str) -> None:
        super().__init__(code, reason, str(place))
        self.place, self.reason = place, reason

    def __str__(self) -> str:
        return f"{self.place}: cannot be written: {self.reason}"


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Raise DiskError where the system refuses what the block wants to do at `place`."""
    try:
        yield
    except DiskError:
        raise
    except OSError as error:
        raise at_place(place, error) from error


def at_place(place: Path, error: OSError) -> DiskError:
    """Return the error of a file or folder; one that names its place keeps it."""
    return error if isinstance(error, DiskError) else DiskError(place, error.errno or errno.EIO, reason_of(error))


def reason_of(error: OSError) -> str:
    """Return why, such as 'No space left on device'."""
    return _WORDS.get(error.errno or 0) or error.strerror or str(error)


def of_errno(code: int) -> OSError:
    """Return the error that the system itself would raise."""
    return OSError(code, os.strerror(code))
