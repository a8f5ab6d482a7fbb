"""Locks: nobody's file is touched by one, and a crash frees it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.disk import locks
from loadtest.disk.locks import LONGEST_HOLDER, TakenError, hold_lock, own_folder, read_holder, write_holder

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from pathlib import Path
from loadtest.disk.locks import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    """The second is refused, also after waiting; afterwards it is free."""
    path = tmp_path / "a.lock"
    with hold_lock(path):
        for wait_s in (0, 0.06):
            with pytest.raises(TakenError), hold_lock(path, wait_s):
                pytest.fail("let in")
    with hold_lock(path):
        pass


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    """The system frees it."""
    path = tmp_path / "a.lock"
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(TakenError), hold_lock(path):
            pytest.fail("let in")
        child.kill()
    with hold_lock(path):
        pass


def test_it_is_never_world_writable(tmp_path: Path) -> None:
    """Whatever the umask, and also where an older version made it so."""
    (tmp_path / "old.lock").touch()
    (tmp_path / "old.lock").chmod(0o666)
    before = os.umask(0)
    try:
        for name in ("new.lock", "old.lock"):
            with hold_lock(tmp_path / name):
                assert mode(tmp_path / name) == 0o644
        write_holder(tmp_path / "who", "me")
    finally:
        os.umask(before)
    assert mode(tmp_path / "who") == 0o644


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_what_is_no_plain_file_is_no_lock(tmp_path: Path, kind: str) -> None:
    """A link's target keeps its text and its mode, or does not come to be; a pipe does not make anybody wait."""
    other, path = tmp_path / "other", tmp_path / "a.lock"
    if kind == "link":
        other.write_text("another's", encoding="utf-8")
        other.chmod(0o600)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)

    with pytest.raises(OSError, match=r"."), hold_lock(path):
        pytest.fail("let in")

    if kind == "link":
        assert (other.read_text(encoding="utf-8"), mode(other)) == ("another's", 0o600)
    else:
        assert not other.exists()


def test_a_second_name_of_another_file_does_no_harm(tmp_path: Path) -> None:
    """A hard link is no link to the system: its text stays."""
    (tmp_path / "other").write_text("another's", encoding="utf-8")
    (tmp_path / "a.lock").hardlink_to(tmp_path / "other")
    with hold_lock(tmp_path / "a.lock"):
        pass

    assert (tmp_path / "other").read_text(encoding="utf-8") == "another's"


def test_a_lock_that_may_only_be_read_is_held_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's: no right to write is asked for, so none has to be everybody's."""
    path, really_open = tmp_path / "a.lock", os.open
    path.touch()

    def refuse(name: Path, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise PermissionError(13, "Permission denied")
        return really_open(name, flags, mode)

    monkeypatch.setattr(locks.os, "open", refuse)
    with hold_lock(path), pytest.raises(TakenError), hold_lock(path):
        pytest.fail("let in")


def test_who_removes_the_file_does_not_let_two_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on a file without a name keeps nobody out: the one that has the name now is taken."""
    path, lock, removed = tmp_path / "a.lock", locks.lock_descriptor, []

    def remove_first(descriptor: int, *, blocking: bool) -> bool:
        if not removed:
            removed.append(path.unlink())
        return lock(descriptor, blocking=blocking)

    monkeypatch.setattr(locks, "lock_descriptor", remove_first)
    with hold_lock(path), pytest.raises(TakenError), hold_lock(path):
        pytest.fail("let in")


def test_the_holder_is_one_short_plain_line(tmp_path: Path) -> None:
    """Whoever wrote it: no escapes for the terminal, no megabytes, nothing through a link."""
    path = tmp_path / "who"
    assert read_holder(path) == "unknown"
    write_holder(path, "experiment-1, process 7")
    assert read_holder(path) == "experiment-1, process 7"
    path.write_bytes(b"\x1b[2J\x07a\nb\xff\r\x9b" + b"x" * 10_000_000)
    shown = read_holder(path)
    assert shown.isprintable()
    assert len(shown) == LONGEST_HOLDER
    assert shown.startswith("[2J a b\ufffd")
    path.unlink()
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    path.symlink_to("secret")
    assert read_holder(path) == "unknown"
    write_holder(path, "me")
    assert (tmp_path / "secret").read_text(encoding="utf-8") == "secret"
    path.unlink()
    os.mkfifo(path)
    assert read_holder(path) == "unknown"


def test_the_own_folder_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder for caches, with what is missing on the way; a mode that lets others in is taken back."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = os.umask(0)
    try:
        found = own_folder()
    finally:
        os.umask(before)
    assert found == tmp_path / "cache" / "breaker-lab"
    assert [mode(each) for each in (found, found.parent)] == [0o700, 0o700]
    found.chmod(0o777)
    assert mode(own_folder()) == 0o700


def test_without_a_home_it_is_among_the_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has none; another's folder or link of that name is not used."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.setattr(locks.tempfile, "tempdir", str(tmp_path))
    found = own_folder()
    assert found == tmp_path / f"breaker-lab-{os.geteuid()}"
    assert mode(found) == 0o700
    found.rename(tmp_path / "elsewhere")
    found.symlink_to("elsewhere")
    with pytest.raises(OSError, match="it is not a folder of this user's own"):
        own_folder()
    found.unlink()
    found.mkdir()
    monkeypatch.setattr(locks.os, "geteuid", lambda: os.getuid() + 1)
    (tmp_path / f"breaker-lab-{os.getuid() + 1}").mkdir()
    with pytest.raises(OSError, match="it is not a folder of this user's own"):
        own_folder()
