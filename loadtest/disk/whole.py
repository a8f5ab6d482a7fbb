"""Files and folders that come into place whole or not at all, by way of a draft that nobody else can name before."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from loadtest.disk.trouble import writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A new file, never one that is there, and never through a link.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# As much as the smallest unit of most disks: less may fit into what another file has left.
_BLOCK = 4096


def write_whole(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Write a whole file, or leave what is there; `mode` is reduced by the umask. Raises DiskError.

    A link of that name is replaced, not followed.
    """
    draft = _draft_of(path)
    with writing(path):
        try:
            _write_new(draft, content.encode() if isinstance(content, str) else content, mode)
            draft.replace(path)
        except BaseException:
            _remove(draft)
            raise


@contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """Give an empty folder whose files take their places in `folder` at the end: all of them, or none.

    Raises DiskError, also for an OSError of the block: it is there to write.
    """
    is_new = not folder.exists()
    try:
        with draft_folder(folder) as draft:
            yield draft
            for path in sorted(draft.rglob("*")):
                target = folder / path.relative_to(draft)
                if path.is_dir():
                    target.mkdir(exist_ok=True)
                else:
                    path.replace(target)
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()  # as long as it is empty
        raise


@contextmanager
def draft_folder(parent: Path) -> Iterator[Path]:
    """Give an empty folder in `parent`; at the end of the block it goes, unless it was renamed. Raises DiskError."""
    draft = parent / f".draft-{secrets.token_hex(4)}"
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.mkdir()
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def link_whole(link: Path, target: str) -> None:
    """Let `link` point to `target`, in place of what it pointed to. Raises DiskError, as where it is a folder."""
    draft = _draft_of(link)
    with writing(link):
        try:
            draft.symlink_to(target)
            draft.replace(link)
        except BaseException:
            _remove(draft)
            raise


def try_draft(folder: Path) -> None:
    """Write a small file and remove it. Raises OSError."""
    draft = folder / f".draft-{secrets.token_hex(4)}"
    try:
        _write_new(draft, bytes(_BLOCK), 0o600)
    finally:
        _remove(draft)


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, _NEW, mode)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)  # some disks are full only now


def _remove(draft: Path) -> None:
    with suppress(OSError):
        draft.unlink()
