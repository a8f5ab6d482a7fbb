"""Work for several processes of this machine."""

from __future__ import annotations

import signal
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, TypeVar

import joblib

from loadtest.live.services import ChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Task = TypeVar("Task")
Result = TypeVar("Result")
# Tasks that wait for each process, so that none stands idle, and no more results than these are kept.
_WAITING = 3


def cores() -> int:
    """Return how many processes can run at once."""
    return int(joblib.cpu_count())


def spread(
    work: Callable[[Task], Result], tasks: Iterable[Task], jobs: int, *, ordered: bool = False
) -> Iterator[Result]:
    """Yield what `work` makes of each task: as it comes, or in the tasks' order. With one job, this process works.

    Raises ChildError where a process was killed.
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    pool = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator" if ordered else "generator_unordered",
        batch_size=1,
        pre_dispatch=f"{_WAITING}*n_jobs",
        initializer=_leave_interrupts_to_the_parent,
    )
    try:
        yield from pool(joblib.delayed(work)(task) for task in tasks)
    except BrokenProcessPool as error:
        raise ChildError("a worker process was killed, as a system does that runs out of memory") from error


def _leave_interrupts_to_the_parent() -> None:
    """Leave a Ctrl-C, which reaches every process of the terminal, to the one that holds the results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
