"""Who does the work: this process, all cores of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import re
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import Field

from inputs.model import StrictModel
from inputs.wrong_input import WrongInputError
from loadtest.studies.many_runs.code import code_hash
from loadtest.studies.many_runs.processes import cores, spread
from loadtest.studies.many_runs.work import run_task
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loadtest.studies.many_runs.work import RunResult, Task

    Crew = Callable[[Iterable[Task]], Iterator[list[RunResult]]]

_CONNECT_S = 10
# Tasks that wait at each worker, so that none stands idle, and no scheduler drowns.
_WAITING_TASKS = 3


class LocalWorkers(StrictModel):
    """Who does the work on this machine."""

    jobs: int = Field(default_factory=cores, ge=1, le=1024, description="processes at once")


@contextmanager
def local(jobs: int) -> Iterator[Crew]:
    """Give the work to `jobs` processes; with one, this process does it. Results come as they are ready."""

    def crew(tasks: Iterable[Task]) -> Iterator[list[RunResult]]:
        try:
            yield from spread(run_task, tasks, jobs)
        except ChildError as error:
            raise ChildError(
                f"{error}; the finished runs are kept: run the same command again, with fewer --jobs if need be"
            ) from error

    yield crew


@contextmanager
def on_dask(address: str) -> Iterator[Crew]:
    """Give the work to the workers of a Dask scheduler. Raises WrongInputError where it cannot be had.

    Each worker must have this lab, in this version: a worker with other code would give other results.
    """
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d{1,5}", address):
        raise _wrong_input(address, "allowed: a scheduler's address, such as tcp://127.0.0.1:8786")
    try:
        dask = import_module("distributed")  # takes long, and only this way of working has to pay for it
    except ImportError as error:  # pragma: no cover - the lab's own environment has it
        raise _wrong_input(address, "needs the package distributed: make .venv/.cluster") from error
    try:
        client = dask.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _wrong_input(address, f"no scheduler answers there within {_CONNECT_S} s") from error
    with client:
        _check_code(client, address)
        yield lambda tasks: _collect_results(dask, client, tasks)


def _collect_results(dask: Any, client: Any, tasks: Iterable[Task]) -> Iterator[list[RunResult]]:
    waiting = iter(tasks)
    room = _WAITING_TASKS * sum(client.nthreads().values())
    first = [client.submit(run_task, task, pure=False) for task in islice(waiting, room)]
    running = dask.as_completed(first, loop=client.loop)
    for future in running:
        try:
            result: list[RunResult] = future.result()
        except (dask.KilledWorker, CancelledError) as error:
            raise ChildError(
                f"the Dask cluster lost its workers ({error}); the finished runs are kept: run the same command again"
            ) from error
        task = next(waiting, None)
        if task is not None:
            running.add(client.submit(run_task, task, pure=False))
        yield result


def _check_code(client: Any, address: str) -> None:
    """Ask each worker for its code. One that has none of it answers with an error."""
    codes: dict[str, Any] = client.run(code_hash, on_error="return")
    if not codes:
        raise _wrong_input(address, "its scheduler has no workers; start some: python -m dask worker ADDRESS")
    for worker, code in sorted(codes.items()):
        if isinstance(code, BaseException):
            raise _wrong_input(
                address, f"its worker {worker} must run in the lab's folder, with its environment: {code}"
            )
        if code != code_hash():
            raise _wrong_input(address, f"its worker {worker} has other code of the lab; bring all to the same version")


def _wrong_input(address: str, message: str) -> WrongInputError:
    return WrongInputError([{"field": "dask", "value": address, "detail": f"dask: got {address!r:.80}; {message}"}])
