"""Scenarios in which requests wait for each other: several live runs, and many virtual ones with as much jitter."""

from __future__ import annotations

from hashlib import sha256
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from inputs.wrong_input import WrongInputError
from loadtest.engines.live.engine import run_live
from loadtest.engines.virtual.jitter import Jitter
from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.finished import measure_run
from loadtest.records import run_folder
from loadtest.records.news import News
from loadtest.scenario import files
from loadtest.studies.agreement.ranges import (
    LiveRuns,
    RunOutline,
    compare_ranges,
    measure_lateness,
    outline_run,
    share_alike,
    share_of_pairs,
    summarize_lateness,
)
from loadtest.studies.many_runs.processes import cores, spread
from loadtest.terminal.narrator import Narrator
from loadtest.terminal.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.figures.finished import FinishedRun
    from loadtest.records.run_folder import RunFolder
    from loadtest.scenario.model import Scenario
    from loadtest.studies.agreement.ranges import RangeAgreement

_SCENARIOS = Path(__file__).with_name("scenarios")
# Virtual runs that a process makes in one go.
_AT_ONCE = 10


class _Streams(NamedTuple):
    """Some virtual runs of a scenario: without jitter, or one for each stream of it."""

    scenario: Scenario
    arms: tuple[str, ...]
    seed: int
    jitters: tuple[Jitter | None, ...]


def overload_scenarios() -> list[str]:
    """Names of the scenarios that are kept with this study."""
    return sorted(path.stem for path in _SCENARIOS.glob("*.toml"))


def read_overload(name: str) -> tuple[Scenario, str]:
    """Return one of these scenarios, and its text."""
    return files.read(str(_SCENARIOS / f"{name}.toml"))


def run_overload(name: str, root: Path, run: str) -> RunFolder:
    """Run one of these scenarios on real services, without a report. Raises ChildError.

    `run`: which one this is, for the line on the terminal.
    """
    scenario, text = read_overload(name)
    folder = run_folder.create(root, scenario, text, "live", list(scenario.arms), [scenario.seed])
    quiet = Narrator(
        Console(quiet=True), scenario, list(scenario.arms), [scenario.seed], News(folder), virtual=False, quiet=True
    )
    seconds = sum(
        segment.pause_s + segment.requests / segment.rate_per_s
        for arm in scenario.arms
        for segment in scenario.load_of(arm)
    )
    Console(stderr=True, highlight=False).print(f"{name}: {run}, about {seconds + len(scenario.arms):.0f} s")
    run_live(folder, None, quiet)
    folder.update_manifest(complete=folder.has_ended())
    return folder


def measure_live(folders: Sequence[RunFolder]) -> LiveRuns:
    """Return what is kept of live runs of one scenario and seed. Raises WrongInputError for any others."""
    manifests = [folder.manifest() for folder in folders]
    for folder, manifest in zip(folders, manifests, strict=True):
        if manifest.engine != "live":
            raise WrongInputError(
                [{"field": "live", "value": str(folder.path), "detail": f"live: {folder.path} is no live run"}]
            )
        folder.check_rows()
    if len({(each.scenario_sha256, *each.seeds, *each.arms) for each in manifests}) > 1 or len(manifests[0].seeds) > 1:
        places = ", ".join(str(folder.path) for folder in folders)
        detail = f"live: got {places}; allowed: runs of the same scenario, arms and seed, one seed each"
        raise WrongInputError([{"field": "live", "value": places, "detail": detail}])
    seed = manifests[0].seeds[0]
    runs = [measure_run(folder) for folder in folders]
    outlines = [outline_run(run.arms) for run in runs]
    [on_time] = _run_streams(_Streams(runs[0].scenario, tuple(manifests[0].arms), seed, (None,)))
    late = list(chain.from_iterable(measure_lateness(run.arms) for run in runs))
    return LiveRuns(
        seed=seed,
        scenario_sha256=manifests[0].scenario_sha256,
        figures=[each.figures for each in outlines],
        lateness_s=summarize_lateness(late),
        same_as_virtual={
            arm: fmean(share_alike(each.outcomes[arm], on_time.outcomes[arm]) for each in outlines)
            for arm in manifests[0].arms
        },
        same_as_each_other={arm: share_of_pairs(arm, outlines) for arm in manifests[0].arms},
        broken=[f"run {number}: {each}" for number, run in enumerate(runs, 1) for each in _broken_checks(run)],
    )


def _broken_checks(run: FinishedRun) -> list[str]:
    return [f"{check.name}: {check.detail}" for check in run.failed_checks]


def judge_live(name: str, live: LiveRuns, streams: int, jitter_s: float | None = None) -> RangeAgreement:
    """Hold live runs against virtual runs of the same seed, on all cores.

    `jitter_s`: by default the time within which 99 % of the live requests were sent. Raises WrongInputError where the
    scenario is no longer the one that was run.
    """
    scenario, text = read_overload(name)
    if sha256(text.encode()).hexdigest() != live.scenario_sha256:
        detail = f"{name}: the live runs are of another scenario than the one that is kept now"
        raise WrongInputError([{"field": "live", "value": name, "detail": detail}])
    most_s = live.lateness_s[2] if jitter_s is None else jitter_s
    jitters = [Jitter(most_s, stream) for stream in range(streams)]
    arms = tuple(live.figures[0])
    tasks = (
        _Streams(scenario, arms, live.seed, tuple(jitters[start : start + _AT_ONCE]))
        for start in range(0, streams, _AT_ONCE)
    )
    found: list[RunOutline] = []
    with progress(f"{name}, virtual runs", streams) as on_progress:
        for some in spread(_run_streams, tasks, cores(), ordered=True):
            found += some
            on_progress(len(found))
    return compare_ranges(live, most_s, found)


def _run_streams(task: _Streams) -> list[RunOutline]:
    return [
        outline_run([simulate(task.scenario, arm, task.seed, jitter) for arm in task.arms]) for jitter in task.jitters
    ]
