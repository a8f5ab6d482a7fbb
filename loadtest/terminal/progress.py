"""A line of progress for work that takes longer than a second; only in a terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHOWN_AFTER_S = 1.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield `on_progress`, which takes how many of `total` are done; at the end, the line on standard error goes."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    line = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = line.add_task(what, total=total)
    shown_from = time.monotonic() + _SHOWN_AFTER_S

    def on_progress(done: int) -> None:
        if not line.live.is_started and time.monotonic() >= shown_from:
            line.start()
        line.update(task, completed=done)

    try:
        yield on_progress
    finally:
        line.stop()
