"""Who does the work: this process, all cores of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import re
import signal
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import joblib

from loadtest.sweep.code import code_hash
from loadtest.sweep.measure import work
from service.wrong_input import WrongInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loadtest.sweep.measure import Result, Task

    Crew = Callable[[Iterable[Task]], Iterator[list[Result]]]

MOST_JOBS = 1024
_CONNECT_S = 10
# Tasks that wait at each worker, so that none stands idle, and no scheduler drowns.
_WAITING = 3


def cores() -> int:
    """Return how many processes run at once unless told otherwise."""
    return int(joblib.cpu_count())


@contextmanager
def local(jobs: int) -> Iterator[Crew]:
    """Give the work to `jobs` processes; with one, this process does it. Results come as they are ready."""

    def crew(tasks: Iterable[Task]) -> Iterator[list[Result]]:
        if jobs == 1:
            yield from map(work, tasks)
            return
        pool = joblib.Parallel(
            n_jobs=jobs,
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch=f"{_WAITING}*n_jobs",
            initializer=_leave_interrupts_to_the_parent,
        )
        yield from pool(joblib.delayed(work)(task) for task in tasks)

    yield crew


@contextmanager
def on_dask(address: str) -> Iterator[Crew]:
    """Give the work to the workers of a Dask scheduler. Raises WrongInputError where it cannot be had.

    Each worker must have this lab, in this version: a worker with other code would give other results.
    """
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d{1,5}", address):
        raise _wrong(address, "allowed: a scheduler's address, such as tcp://127.0.0.1:8786")
    try:
        from distributed import Client  # noqa: PLC0415 - half a second that only this way of working has to pay
    except ImportError as error:  # pragma: no cover - the lab's own environment has it
        raise _wrong(address, "needs the package distributed: pip install distributed") from error
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _wrong(address, f"no scheduler answers there within {_CONNECT_S} s") from error
    with client:
        _same_code(client, address)
        yield lambda tasks: _from_dask(client, tasks)


def _from_dask(client: Any, tasks: Iterable[Task]) -> Iterator[list[Result]]:
    from distributed import as_completed  # noqa: PLC0415 - see on_dask

    waiting = iter(tasks)
    room = _WAITING * sum(client.nthreads().values())
    first = [client.submit(work, task, pure=False) for task in islice(waiting, room)]
    running = as_completed(first)
    for future in running:
        result: list[Result] = future.result()
        task = next(waiting, None)
        if task is not None:
            running.add(client.submit(work, task, pure=False))
        yield result


def _same_code(client: Any, address: str) -> None:
    try:
        found: dict[str, str] = client.run(code_hash)
    except ImportError as error:
        raise _wrong(address, f"its workers must have Breaker Lab installed: {error}") from error
    if not found:
        raise _wrong(address, "its scheduler has no workers; start some with: dask worker ADDRESS")
    others = [worker for worker, code in found.items() if code != code_hash()]
    if others:
        raise _wrong(address, f"has other code of the lab: {', '.join(sorted(others))}; bring all to the same version")


def _leave_interrupts_to_the_parent() -> None:
    """A Ctrl-C reaches every process of the terminal; the one that holds the results is who ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _wrong(address: str, said: str) -> WrongInputError:
    return WrongInputError([{"field": "dask", "value": address, "detail": f"dask: got {address!r:.80}; {said}"}])
