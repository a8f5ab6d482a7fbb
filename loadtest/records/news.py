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
        self._rows, self._samples = Tail(folder.requests), Tail(folder.samples)

    def rows(self, *, every: bool) -> tuple[int, list[Row]]:
        """Return how many rows are new, and each of them or the last alone."""
        if every:
            new = [Row(**values) for values in self._rows.new()]
            return len(new), new
        count, last = self._rows.skim()
        return count, [Row(**values) for values in last]

    def samples(self) -> list[Sample]:
        """Return the new samples."""
        return [Sample(**values) for values in self._samples.new()]
