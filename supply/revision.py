"""The revision of a checkout, read from the files of git without git: python revision.py CHECKOUT [REVISION].

For the build of an image, whose context holds `.git/HEAD`, `.git/refs`, `.git/packed-refs` and `.git/index`, and no
objects. Prints nothing where no revision can be known. One that was given is printed as it is.

    0123456789ab            the files of the context are those of the commit
    0123456789ab-dirty      a tracked file differs or is missing, or changes are staged
    0123456789ab-unchecked  the index cannot be read, so nobody knows

The format of the index is told in git's Documentation/gitformat-index.txt.
"""

from __future__ import annotations

import hashlib
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_ABBREVIATED = 12
_LINK = 0o120000
_FILES = (0o100644, 0o100755, _LINK)
_EXTENDED, _SKIP_WORKTREE = 0x4000, 0x4000
_STAGE = 0x3000
_STEPS = 10  # of one reference to another


@dataclass(frozen=True)
class Entry:
    """A tracked file: its path, its mode, the hash of its content."""

    path: str
    mode: int
    digest: bytes


@dataclass(frozen=True)
class Index:
    """The tracked files; `settled`: nothing was staged since the last commit, merge or checkout."""

    entries: list[Entry]
    settled: bool


def revision_of(checkout: Path) -> str:
    """Return the revision with its mark, or nothing."""
    commit = _commit(checkout / ".git")
    if not commit:
        return ""
    revision = commit[:_ABBREVIATED]
    try:
        index = read_index((checkout / ".git" / "index").read_bytes(), len(commit) // 2)
    except (OSError, ValueError, IndexError, struct.error):
        return f"{revision}-unchecked"
    clean = index.settled and all(_is_same(checkout, entry) for entry in index.entries if _is_there(checkout, entry))
    return revision if clean else f"{revision}-dirty"


def _commit(git: Path) -> str:
    """Return the hash that HEAD leads to. In a worktree `.git` is a file that names a folder elsewhere: nothing."""
    name = "HEAD"
    for _ in range(_STEPS):
        text = _read_reference(git, name)
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text):
            return text
        if not re.fullmatch(r"ref: refs/[^\s\0]+", text) or ".." in text:
            return ""
        name = text.removeprefix("ref: ")
    return ""


def _read_reference(git: Path, name: str) -> str:
    try:
        return (git / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        pass
    try:
        packed = (git / "packed-refs").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(rf"^([0-9a-f]+) {re.escape(name)}$", packed, re.MULTILINE)
    return found[1] if found else ""


def read_index(data: bytes, digest_size: int) -> Index:
    """Read git's index, version 2 to 4. Raises ValueError for one that is something else or split in two."""
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("no index of a known version")
    entries: list[Entry] = []
    conflict = False
    place, path = 12, b""
    for _ in range(count):
        start = place
        (mode,) = struct.unpack_from(">I", data, place + 24)
        digest = data[place + 40 : place + 40 + digest_size]
        place += 40 + digest_size
        (flags,) = struct.unpack_from(">H", data, place)
        place += 2
        extended = 0
        if version > 2 and flags & _EXTENDED:
            (extended,) = struct.unpack_from(">H", data, place)
            place += 2
        if version == 4:
            dropped, place = _read_varint(data, place)
            kept = path[: len(path) - dropped]
        else:
            kept = b""
        end = data.index(b"\0", place)
        path = kept + data[place:end]
        place = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
        conflict = conflict or bool(flags & _STAGE)
        if mode in _FILES and not extended & _SKIP_WORKTREE:
            entries.append(Entry(path.decode(errors="surrogateescape"), mode, digest))
    settled = False
    while place + digest_size + 8 <= len(data):
        name, size = struct.unpack_from(">4sI", data, place)
        if name == b"link":
            raise ValueError("a split index")
        if name == b"TREE":  # the first line is that of the whole tree; staging a file makes its count -1
            settled = not data.startswith(b"\0-1 ", place + 8)
        place += 8 + size
    return Index(entries, settled=settled and not conflict)


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = data[place] & 0x7F
    while data[place] & 0x80:
        place += 1
        value = (value + 1) << 7 | data[place] & 0x7F
    return value, place + 1


def _is_there(checkout: Path, entry: Entry) -> bool:
    """Say whether the context of the build has the file's folder, and would have the file."""
    parts = entry.path.split("/")
    return not any(part.startswith(".") for part in parts) and (checkout / parts[0]).exists()


def _is_same(checkout: Path, entry: Entry) -> bool:
    path = checkout / entry.path
    try:
        content = str(path.readlink()).encode() if entry.mode == _LINK else path.read_bytes()
    except OSError:
        return False
    return entry.digest in {_blob(each, len(entry.digest)) for each in (content, content.replace(b"\r\n", b"\n"))}


def _blob(content: bytes, digest_size: int) -> bytes:
    kind = hashlib.sha1 if digest_size == 20 else hashlib.sha256
    return kind(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()


if __name__ == "__main__":
    given = "".join(sys.argv[2:]).strip()
    sys.stdout.write(given or revision_of(Path(sys.argv[1])))
