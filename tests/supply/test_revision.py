"""The revision of a checkout, from git's files alone, held against what git itself says."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from supply.revision import read_index, revision_of

ROOT = Path(__file__).parents[2]
NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str) -> str:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**outer, **NOBODY}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def described(folder: Path) -> str:
    """Return what git says."""
    return git(folder, "describe", "--always", "--dirty", "--abbrev=12")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a repository with one commit, and a file of each kind."""
    if shutil.which("git") is None:
        pytest.skip("no git on this machine")
    folder = tmp_path / "checkout"
    (folder / "part" / "inner").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "part" / "one.py").write_text("one\n", encoding="utf-8")
    (folder / "part" / "inner" / "a name with spaces and ü.txt").write_text("two\n", encoding="utf-8")
    (folder / "part" / ".hidden").write_text("", encoding="utf-8")
    (folder / "part" / "link").symlink_to("one.py")
    (folder / "left-out").mkdir()
    (folder / "left-out" / "three").write_text("three\n", encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def context(checkout: Path) -> Path:
    """Return what the build of an image sees: no objects, no hidden file, and not all folders."""
    seen = checkout.parent / "context"
    shutil.rmtree(seen, ignore_errors=True)
    shutil.copytree(checkout / "part", seen / "part", symlinks=True, ignore=shutil.ignore_patterns(".*"))
    if (checkout / ".git").is_dir():
        shutil.copytree(checkout / ".git", seen / ".git", ignore=lambda *_: ["objects", "logs", "config"])
    return seen


@pytest.mark.parametrize("kind", ["branch", "detached", "packed", "nested", "version 4", "cloned"])
def test_it_is_what_git_says(checkout: Path, kind: str) -> None:
    """Whatever form the references and the index have."""
    if kind == "detached":
        git(checkout, "checkout", "-q", "--detach")
    elif kind == "packed":
        git(checkout, "pack-refs", "--all")
    elif kind == "nested":
        git(checkout, "checkout", "-q", "-b", "w/some/branch")
    elif kind == "version 4":
        git(checkout, "update-index", "--index-version", "4")
    elif kind == "cloned":
        git(checkout.parent, "clone", "-q", str(checkout), "clone")
        checkout = checkout.parent / "clone"

    assert revision_of(context(checkout)) == described(checkout) == git(checkout, "rev-parse", "HEAD")[:12]


@pytest.mark.parametrize("kind", ["changed", "missing", "staged", "staged anew", "another link"])
def test_what_differs_is_dirty(checkout: Path, kind: str) -> None:
    """In a file that the image gets, or in the index."""
    part = checkout / "part"
    if kind == "missing":
        (part / "one.py").unlink()
    elif kind == "staged anew":
        (part / "new.py").touch()
    elif kind == "another link":
        (part / "link").unlink()
        (part / "link").symlink_to("elsewhere")
    else:
        (part / "one.py").write_text("2\n", encoding="utf-8")
    if kind.startswith("staged"):
        git(checkout, "add", "-A")

    assert revision_of(context(checkout)) == described(checkout) == git(checkout, "rev-parse", "HEAD")[:12] + "-dirty"


def test_other_ends_of_lines_are_no_change(checkout: Path) -> None:
    """As git writes them on Windows."""
    (checkout / "part" / "one.py").write_bytes(b"one\r\n")

    assert revision_of(context(checkout)) == git(checkout, "rev-parse", "HEAD")[:12]


def test_after_a_change_was_committed_it_is_clean_again(checkout: Path) -> None:
    """Its revision is the new one."""
    (checkout / "part" / "one.py").write_text("2\n", encoding="utf-8")
    git(checkout, "commit", "-qam", "second")

    assert revision_of(context(checkout)) == described(checkout) == git(checkout, "rev-parse", "HEAD")[:12]


def test_where_nothing_can_be_known_nothing_is_said(checkout: Path) -> None:
    """No git, or a worktree, whose files of git are elsewhere. Without an index nobody knows whether it is clean."""
    git(checkout, "worktree", "add", "-q", "../tree")
    seen = context(checkout)
    (seen / ".git" / "index").write_bytes(b"DIRC\0\0\0\2")
    found = [revision_of(seen)]
    (seen / ".git" / "index").unlink()
    found.append(revision_of(seen))
    (seen / ".git" / "HEAD").write_text("ref: ../../etc/passwd", encoding="utf-8")
    found += [revision_of(seen), revision_of(checkout.parent / "tree"), revision_of(seen / "part")]

    assert found == [git(checkout, "rev-parse", "HEAD")[:12] + "-unchecked"] * 2 + [""] * 3


def test_an_index_is_read_to_its_end() -> None:
    """Files that a sparse checkout left out, and an index split in two."""
    head = struct.pack(">4sII", b"DIRC", 3, 1)
    entry = (
        bytes(24) + struct.pack(">I", 0o100644) + bytes(12) + b"x" * 20 + struct.pack(">HH", 0x4001, 0x4000) + b"a\0"
    )
    entry += bytes(-len(entry) % 8)
    tree = struct.pack(">4sI", b"TREE", 6) + b"\x001 0\n."
    link = struct.pack(">4sI", b"link", 0)

    assert read_index(head + entry + tree + bytes(20), 20).entries == []
    assert read_index(head + entry + tree + bytes(20), 20).settled
    with pytest.raises(ValueError, match="split"):
        read_index(head + entry + link + bytes(20), 20)


def test_one_that_was_given_is_printed(tmp_path: Path) -> None:
    """As make gives git's own words."""
    command = [sys.executable, ROOT / "supply" / "revision.py", str(tmp_path)]

    def said(*more: str) -> str:
        return subprocess.run([*command, *more], capture_output=True, text=True, check=True).stdout

    assert [said(), said(""), said("v1-2-gabc-dirty\n")] == ["", "", "v1-2-gabc-dirty"]
