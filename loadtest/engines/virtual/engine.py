"""Run a scenario on the virtual clock: the same files as a live run writes, in a fraction of the time.

There are no samples: they are how a live run watches two services from outside, and here there is nothing to watch.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from loadtest.disk.lines import LineFile
from loadtest.engines.virtual.jitter import Jitter
from loadtest.engines.virtual.simulate import simulate_into
from loadtest.records.manifest import EffectiveSettings
from loadtest.records.rows import write
from loadtest.scenario.load.schedule import requests_in
from loadtest.terminal import interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from loadtest.records.rows import ArmRecord, Growing, StateChange
    from loadtest.records.run_folder import RunFolder
    from loadtest.scenario.model import Scenario
    from loadtest.terminal.narrator import Narrator

    Ended = tuple[Sequence[StateChange], ArmRecord]
    Results = list[tuple[str, Sequence[StateChange], ArmRecord]]
    # Does the work of each task, in any process, and yields the results in the order of the tasks.
    Spread = Callable[[Callable[["_Batch"], Results], Iterable["_Batch"]], Iterator[Results]]

# From here on it takes less time to start processes than they save; and of a long run no process keeps the rows.
WORTH_SPREADING = 20_000
_LONG_RUN = 50_000


class _Batch(NamedTuple):
    """Some runs, each an arm and a seed, that a process does in one go."""

    scenario: Scenario
    runs: tuple[tuple[str, int], ...]
    jitter: Jitter | None


def run_on_virtual_time(folder: RunFolder, narrator: Narrator, spread: Spread | None = None) -> None:
    """Fill the run folder, seed by seed and arm by arm; `spread` shares many runs out over processes.

    Raises DiskError.
    """
    scenario, manifest = folder.scenario(), folder.manifest()
    jitter = Jitter(manifest.jitter_s) if manifest.jitter_s else None
    runs = [(arm, seed) for seed in manifest.seeds for arm in manifest.arms]
    settings = {
        f"{arm}/{seed}": EffectiveSettings(
            client=scenario.arms[arm].call_settings(seed).model_dump(mode="json"),
            backend=scenario.plan_of(arm, seed).model_dump(mode="json"),
        )
        for arm, seed in runs
    }
    longest = max(requests_in(scenario.load_of(arm)) for arm in manifest.arms)
    many = sum(requests_in(scenario.load_of(arm)) for arm, _ in runs) >= WORTH_SPREADING and longest <= _LONG_RUN
    with ExitStack() as stack:
        rows, changes, records = (
            stack.enter_context(LineFile(path)) for path in (folder.requests, folder.transitions, folder.arms)
        )
        stack.enter_context(narrator)
        results = (
            _spread_runs(scenario, runs, jitter, rows, spread)
            if many and spread
            else _run_in_turn(scenario, runs, jitter, rows)
        )
        stack.enter_context(closing(results))
        for moved, record in results:
            for change in moved:
                write(changes, change)
            write(records, record)
            narrator.read_news()
            interruption.raise_interruption()
    folder.update_manifest(settings=settings)


def _run_in_turn(
    scenario: Scenario, runs: Sequence[tuple[str, int]], jitter: Jitter | None, rows: Growing
) -> Generator[Ended]:
    """Write each row as its request ends."""
    for arm, seed in runs:
        yield simulate_into(partial(write, rows), scenario, arm, seed, jitter)


def _spread_runs(
    scenario: Scenario, runs: Sequence[tuple[str, int]], jitter: Jitter | None, rows: Growing, spread: Spread
) -> Generator[Ended]:
    """Write the rows of each run once it has ended, in the order of the runs."""
    size = max(1, WORTH_SPREADING // 4 * len(runs) // sum(requests_in(scenario.load_of(arm)) for arm, _ in runs))
    batches = (_Batch(scenario, tuple(runs[start : start + size]), jitter) for start in range(0, len(runs), size))
    for results in spread(_run_batch, batches):
        for text, moved, record in results:
            rows.write(text)
            rows.flush()
            yield moved, record


def _run_batch(batch: _Batch) -> Results:
    results: Results = []
    for arm, seed in batch.runs:
        lines = StringIO()
        moved, record = simulate_into(partial(write, lines), batch.scenario, arm, seed, batch.jitter)
        results.append((lines.getvalue(), moved, record))
    return results
