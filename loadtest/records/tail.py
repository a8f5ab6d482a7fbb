"""Follow a file of JSON lines while it grows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Generic

from loadtest.records.rows import AnyRecord

if TYPE_CHECKING:
    from pathlib import Path


class Tail(Generic[AnyRecord]):
    """The records that a file has gained since it was last read; none as long as it is missing."""

    def __init__(self, path: Path, kind: type[AnyRecord]) -> None:
        self._path = path
        self._kind: type[AnyRecord] = kind
        self._offset = 0

    def read_new(self) -> list[AnyRecord]:
        """Return the records of the lines that are whole by now."""
        return [self._kind(**json.loads(each)) for each in self._new_lines()]

    def read_last(self) -> tuple[int, list[AnyRecord]]:
        """Return how many records are new, and the last of them alone."""
        lines = self._new_lines()
        return len(lines), [self._kind(**json.loads(each)) for each in lines[-1:]]

    def _new_lines(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except OSError:  # not there yet, or no longer; who writes it says so
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()
