"""Virtual time: requests per second against SimPy, a thousand seeds, memory of a long run, a sweep on two processes."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.by_hand import QueueModel, QueueSimulation
from bench.ratio import Ratio
from loadtest.engines.virtual.simulate import simulate_into
from loadtest.records.rows import write
from loadtest.scenario import files
from loadtest.scenario.model import Scenario
from loadtest.studies.many_runs import workers
from loadtest.studies.sweep.grid import parse_grid
from loadtest.studies.sweep.plan import make_plan
from loadtest.studies.sweep.tasks import tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest.records.rows import Row

REQUESTS = 20_000
LONG_RUN = 10_000_000
MODEL = QueueModel(
    requests=REQUESTS,
    rate_per_s=60.0,
    workers=10,
    mean_s=0.1,
    spread_s=0.05,
    error_rate=0.1,
    timeout_s=1.0,
    fail_max=5,
    reset_timeout=5.0,
)
SEEDS = "1-1000"


def scenario_of(model: QueueModel) -> Scenario:
    """Return the same model as a scenario with one arm, `with`."""
    return Scenario.model_validate(
        {
            "name": "bench",
            "title": "Breaker, timeout and a backend with few workers",
            "load": [{"requests": model.requests, "rate_per_s": model.rate_per_s, "arrivals": "poisson"}],
            "faults": {
                "error_rate": model.error_rate,
                "latency": {"distribution": "lognormal", "mean_s": model.mean_s, "spread_s": model.spread_s},
                "capacity": {"workers": model.workers},
            },
            "arms": {
                "with": {
                    "timeout": {"total_s": model.timeout_s},
                    "breaker": {"fail_max": model.fail_max, "reset_timeout": model.reset_timeout},
                }
            },
        }
    )


def measure(repeats: int, say: Callable[[str], None]) -> tuple[list[Ratio], list[str]]:
    """Return the ratios of virtual time, and notes on them."""
    ratios, notes = [], []
    say("virtual requests, against SimPy")
    try:
        ratios += _requests(repeats)
    except ImportError:
        notes.append("SimPy is not installed, and virtual time was not held against it.")
    say("experiment-2 with a thousand seeds")
    ratios.append(_thousand_seeds(repeats))
    say("a sweep with one process and with two")
    ratios.append(_sweep(repeats))
    say(f"a run of {LONG_RUN:,} requests (3 to 4 minutes)")
    ratios.append(_long_run())
    return ratios, notes


def _requests(repeats: int) -> list[Ratio]:
    found = scenario_of(MODEL)
    sides: dict[str, Callable[[], Any]] = {
        "own": lambda: simulate_into(_drop_row, found, "with", 1),
        "by hand": lambda: QueueSimulation(MODEL).run(),
        "lean": lambda: QueueSimulation(MODEL, lean=True).run(),
    }
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for repeat in range(repeats + 1):
        for side, run in sides.items():
            began = time.process_time()
            run()
            if repeat:  # the first warms up
                rates[side].append(REQUESTS / (time.process_time() - began))
    own = tuple(rates["own"])
    what = "virtual requests on one core: breaker, timeout, limited workers"
    return [
        Ratio(
            what,
            "the same model, weather and rows by hand in SimPy",
            "req/s",
            own,
            tuple(rates["by hand"]),
            at_least=1.0,
            above=50_000,
        ),
        Ratio(what, "SimPy with draws of its own, counts alone", "req/s", own, tuple(rates["lean"])),
    ]


def _drop_row(_: Row) -> None:
    """Keep no row."""


def _thousand_seeds(repeats: int) -> Ratio:
    """Time the whole command, start and report included: on all cores, and on one."""
    times: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(min(repeats, 3)):
        for cores, measured in times.items():
            with TemporaryDirectory() as out:
                command = [sys.executable, "-m", "loadtest", "run", "experiment-2", "--engine", "virtual"]
                pinned = ["taskset", "-c", "0"] if cores else []
                began = time.perf_counter()
                subprocess.run(  # exit code 1: bounds that hold for the pinned seed do not hold for all
                    [*pinned, *command, "--seeds", SEEDS, "--out", out, "--quiet"], capture_output=True, check=False
                )
                measured.append(time.perf_counter() - began)
                if not list(Path(out).glob("experiment-2/*/report.html")):
                    raise RuntimeError("the run left no report")
    return Ratio(
        "`run experiment-2 --engine virtual`, 1,000 seeds x 2 arms, with its report, on two cores",
        "on one core",
        "s",
        tuple(times[0]),
        tuple(times[1]),
        below=15.0,
    )


def _sweep(repeats: int) -> Ratio:
    found, _ = files.read("policies")
    grid = parse_grid(["breaker.min_calls=5,10,20,40", "breaker.window_calls=10,20,40,80"])
    plan = make_plan(found, "count-window", grid, list(range(1, 21)))
    rates: dict[int, list[float]] = {1: [], 2: []}
    for repeat in range(repeats + 1):
        for jobs, measured in rates.items():
            with workers.local(jobs) as crew:
                began = time.perf_counter()
                runs = sum(len(results) for results in crew(tasks(plan)))
                if repeat:  # the first starts the processes
                    measured.append(runs / (time.perf_counter() - began))
    return Ratio("a sweep on two processes", "on one", "runs/s", tuple(rates[2]), tuple(rates[1]), at_least=1.7)


def _long_run() -> Ratio:
    """Run it in a process of its own, whose peak memory is what a run of a thousandth of its length is held against."""
    peaks = []
    for requests in (LONG_RUN, LONG_RUN // 1000):
        done = subprocess.run(
            [sys.executable, "-m", "bench.virtual", str(requests)], capture_output=True, text=True, check=True
        )
        peaks.append(float(done.stdout))
    return Ratio(
        f"peak memory of one virtual run of {LONG_RUN:,} requests, each row written to a file",
        f"of one of {LONG_RUN // 1000:,}",
        "MiB",
        (peaks[0],),
        (peaks[1],),
        below=400.0,
    )


def long_run(requests: int) -> float:
    """Write the rows of one run to a file as they come; return this process's peak memory in MiB."""
    with TemporaryDirectory() as folder, (Path(folder) / "requests.jsonl").open("w", encoding="utf-8") as rows:
        written = 0

        def write_row(row: Row) -> None:
            nonlocal written
            written += 1
            write(rows, row)
            if written % 100_000 == 0:  # 3 GB that nobody is going to read
                rows.seek(0)
                rows.truncate()

        simulate_into(write_row, scenario_of(MODEL._replace(requests=requests)), "with", 1)
        if written != requests:
            raise RuntimeError(f"{written} rows of {requests}")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.stdout.write(f"{long_run(int(sys.argv[1]))}\n")
