"""Work for several processes of this machine."""

from __future__ import annotations

import signal
import tempfile
import warnings
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import joblib

from loadtest.disk.trouble import writing
from loadtest.terminal import interruption
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

AnyTask = TypeVar("AnyTask")
AnyResult = TypeVar("AnyResult")
# Tasks that wait for each process, so that none stands idle, and no more results than these are kept.
_WAITING_TASKS = 3
# Ctrl-C, and its closing.
_TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)


def cores() -> int:
    """Return how many processes can run at once."""
    return int(joblib.cpu_count())


def spread(
    work: Callable[[AnyTask], AnyResult], tasks: Iterable[AnyTask], jobs: int, *, ordered: bool = False
) -> Iterator[AnyResult]:
    """Yield the result of `work` for each task: when ready, or in the tasks' order. With one job, this process works.

    When a signal comes, the tasks under way are finished, no other is begun, and Interrupted is raised after the last
    result. Raises ChildError where a process was killed, and DiskError without room for temporary files. Who may not
    take every result closes the generator.
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    pool = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator" if ordered else "generator_unordered",
        batch_size=1,
        pre_dispatch=f"{_WAITING_TASKS}*n_jobs",
        initializer=_ignore_terminal_signals,
    )
    with _temporary_file() as going, interruption.hold_back_signals(lambda: going.unlink(missing_ok=True)):
        try:
            with _signals_blocked():
                results = pool(joblib.delayed(_run_unless_ended)(going, work, task) for task in tasks)
            with _closing_quietly(results):
                yield from (result[0] for result in results if result)
        except BrokenProcessPool as error:
            raise ChildError("a worker process was killed, perhaps because the system ran out of memory") from error


def spread_in_order(work: Callable[[AnyTask], AnyResult], tasks: Iterable[AnyTask]) -> Iterator[AnyResult]:
    """Do the same on all cores, in the tasks' order."""
    return spread(work, tasks, cores(), ordered=True)


@contextmanager
def _temporary_file() -> Iterator[Path]:
    """Make an empty file: it is removed to end the work, which is possible on a full disk, too."""
    with ExitStack() as stack:
        with writing(Path(tempfile.gettempdir())):
            going = Path(stack.enter_context(TemporaryDirectory(prefix="breaker-lab-"))) / "going"
            going.touch()
        yield going


@contextmanager
def _closing_quietly(results: Generator[AnyResult]) -> Iterator[None]:
    """Close joblib's generator, which would warn of tasks that nobody needs any more."""
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def _run_unless_ended(going: Path, work: Callable[[AnyTask], AnyResult], task: AnyTask) -> tuple[AnyResult] | None:
    """Do one task, unless the end has come."""
    return (work(task),) if going.exists() else None


def _ignore_terminal_signals() -> None:
    """Leave to the process that holds the results what reaches every process of the terminal."""
    for each in _TERMINAL_SIGNALS:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Start processes that are deaf to the terminal from their first moment on: they import for a second.

    They inherit that the signals are blocked; here they come once they no longer are.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)
    try:
        resource_tracker.ensure_running()  # else it starts in between, and in CPython 3.11 that unblocks Ctrl-C
        signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
