"""The pinned files: what each asks for, by name, version and marker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "requirements"
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\\n]+?))? \\$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Pin:
    """A library in one version; `marker`: where it is installed, or empty for everywhere."""

    name: str
    version: str
    marker: str = ""


def read_pins(path: Path) -> list[Pin]:
    """Return the pins of a file, in its order."""
    return [
        Pin(found["name"], found["version"], found["marker"] or "")
        for found in _PIN.finditer(path.read_text(encoding="utf-8"))
    ]


def files_by_pin(folder: Path = FOLDER) -> dict[tuple[str, str], list[str]]:
    """Return each library and version, whatever its marker, with the files that ask for it."""
    found: dict[tuple[str, str], list[str]] = {}
    for path, pin in _pins_in(folder):
        files = found.setdefault((pin.name, pin.version), [])
        if path.name not in files:
            files.append(path.name)
    return dict(sorted(found.items()))


def _pins_in(folder: Path) -> Iterator[tuple[Path, Pin]]:
    for path in sorted(folder.glob("*.txt")):
        for pin in read_pins(path):
            yield path, pin
