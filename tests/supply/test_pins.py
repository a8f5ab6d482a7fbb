"""The pinned files as they are read for advisories and parts lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from supply.pins import FOLDER, Pin, files_by_pin, read_pins

if TYPE_CHECKING:
    from pathlib import Path

HASH = " \\\n    --hash=sha256:" + "0" * 64 + "\n"


def test_a_file_is_read(tmp_path: Path) -> None:
    """With and without a marker; comments and hashes are no pins."""
    path = tmp_path / "some.txt"
    marked = "c.d==2.0.post1 ; sys_platform == 'win32' and python_full_version < '3.12'"
    path.write_text(f"# made by make lock\na-b==1.0{HASH}{marked}{HASH}", encoding="utf-8")

    assert read_pins(path) == [
        Pin("a-b", "1.0"),
        Pin("c.d", "2.0.post1", "sys_platform == 'win32' and python_full_version < '3.12'"),
    ]


def test_no_pin_is_missed() -> None:
    """As many as there are lines with a version, in every file of the lab; and each is in the file of everything."""
    for path in FOLDER.glob("*.txt"):
        assert len(read_pins(path)) == len(re.findall("==", re.sub("(?m);.*$", "", path.read_text(encoding="utf-8"))))
    assert {pin for pin, files in files_by_pin().items() if "dev.txt" not in files} == set()
