"""Run a scenario on the virtual clock: the same files as a live run writes, in a fraction of the time.

There are no samples: they are how a live run watches two services from outside, and here there is nothing to watch.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from loadtest import interruption
from loadtest.processes import cores, spread
from loadtest.rows import write
from loadtest.virtual.simulate import simulate_into

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from loadtest.narrator import Narrator
    from loadtest.rows import ArmRecord, StateChange
    from loadtest.run_folder import RunFolder
    from loadtest.scenario import Scenario

    Told = tuple[Sequence[StateChange], ArmRecord]

# From here on it takes less time to start processes than they save; and of a long run no process keeps the rows.
WORTH_SPREADING = 20_000
_LONG_RUN = 50_000


class _Batch(NamedTuple):
    """Some runs, each an arm and a seed, that a process does in one go."""

    scenario: Scenario
    runs: tuple[tuple[str, int], ...]


def run_on_virtual_time(folder: RunFolder, narrator: Narrator, jobs: int | None = None) -> None:
    """Fill the run folder, seed by seed and arm by arm. Many runs are shared out over `jobs` processes (all cores)."""
    scenario, manifest = folder.scenario(), folder.manifest()
    runs = [(arm, seed) for seed in manifest["seeds"] for arm in manifest["arms"]]
    settings = {
        f"{arm}/{seed}": {
            "client": scenario.arms[arm].call(seed).model_dump(mode="json"),
            "backend": scenario.plan_of(arm, seed).model_dump(mode="json"),
        }
        for arm, seed in runs
    }
    longest = max(requests_of(scenario, arm) for arm in manifest["arms"])
    many = sum(requests_of(scenario, arm) for arm, _ in runs) >= WORTH_SPREADING and longest <= _LONG_RUN
    with ExitStack() as stack:
        rows, changes, records = (
            stack.enter_context(path.open("a", encoding="utf-8"))
            for path in (folder.requests, folder.transitions, folder.arms)
        )
        stack.enter_context(narrator)
        told = _spread(scenario, runs, rows, jobs or cores()) if many else _one_by_one(scenario, runs, rows)
        for moved, record in told:
            for change in moved:
                write(changes, change)
            write(records, record)
            narrator.look()
            interruption.check()
    folder.update_manifest(settings=settings)


def requests_of(scenario: Scenario, arm: str) -> int:
    """Count the requests of one run."""
    return sum(segment.requests for segment in scenario.load_of(arm))


def _one_by_one(scenario: Scenario, runs: Sequence[tuple[str, int]], rows: TextIO) -> Iterator[Told]:
    """Write each row as its request ends."""
    for arm, seed in runs:
        yield simulate_into(partial(write, rows), scenario, arm, seed)


def _spread(scenario: Scenario, runs: Sequence[tuple[str, int]], rows: TextIO, jobs: int) -> Iterator[Told]:
    """Write the rows of each run once it has ended, in the order of the runs."""
    size = max(1, WORTH_SPREADING // 4 * len(runs) // sum(requests_of(scenario, arm) for arm, _ in runs))
    batches = (_Batch(scenario, tuple(runs[start : start + size])) for start in range(0, len(runs), size))
    for results in spread(_run, batches, jobs, ordered=True):
        for text, moved, record in results:
            rows.write(text)
            rows.flush()
            yield moved, record


def _run(batch: _Batch) -> list[tuple[str, Sequence[StateChange], ArmRecord]]:
    results: list[tuple[str, Sequence[StateChange], ArmRecord]] = []
    for arm, seed in batch.runs:
        lines = StringIO()
        moved, record = simulate_into(partial(write, lines), batch.scenario, arm, seed)
        results.append((lines.getvalue(), moved, record))
    return results
