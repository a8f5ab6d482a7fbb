"""What a run has written since it was last asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.records.rows import Row, Sample
from loadtest.records.tail import Tail

if TYPE_CHECKING:
    from loadtest.records.run_folder import RunFolder


class News:
    """Reads the files of a run as they grow; nothing is held open."""

    def __init__(self, folder: RunFolder) -> None:
        self._rows, self._samples = Tail(folder.requests, Row), Tail(folder.samples, Sample)

    def rows(self, *, every: bool) -> tuple[int, list[Row]]:
        """Return how many rows are new, and each of them or the last alone."""
        if every:
            new = self._rows.read_new()
            return len(new), new
        return self._rows.read_last()

    def samples(self) -> list[Sample]:
        """Return the new samples."""
        return self._samples.read_new()
