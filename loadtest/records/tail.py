"""Follow a file of JSON lines while it grows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Tail:
    """The records that a file has gained since the last look; none as long as it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[dict[str, Any]]:
        """Return the lines that are whole by now."""
        return [json.loads(each) for each in self._lines()]

    def skim(self) -> tuple[int, list[dict[str, Any]]]:
        """Return how many lines are new, and the last of them alone."""
        lines = self._lines()
        return len(lines), [json.loads(each) for each in lines[-1:]]

    def _lines(self) -> list[bytes]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()
