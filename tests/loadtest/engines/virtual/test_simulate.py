"""The client's and the backend's own code on a clock that jumps."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.faults import draw
from backend.weather import WeatherKey
from loadtest.engines.virtual.simulate import simulate
from loadtest.engines.would_have import would_have
from loadtest.experiments import distribution
from loadtest.experiments.experiment_2 import search
from loadtest.experiments.experiment_2.document import compare as compare_experiment_2
from loadtest.experiments.many_seeds import SeedDistribution, ShareOfRuns
from loadtest.figures.summary import fold
from loadtest.records.rows import StateChange
from loadtest.records.shapes import as_json
from loadtest.scenario import files
from virtual_clock.loop import VirtualLoop, run_virtual
from virtual_clock.strand import Strand

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path

    from loadtest.scenario.model import Scenario

# A busy backend: more load than its two workers can do, so that callers wait and time out.
BUSY = """
name = "mine"
title = "Mine"
baseline = "without"
[[load]]
requests = 100
arrivals = "poisson"
rate_per_s = 3.4
[faults]
error_rate = 0.49
latency = { distribution = "lognormal", mean_s = 0.5, spread_s = 0.5 }
capacity = { workers = 2 }
[arms.without.breaker]
policy = "off"
[arms.with]
"""


def test_the_clock_jumps_over_a_wait() -> None:
    """A day of sleep takes no time, and the loop's clock shows it."""

    async def day() -> list[float]:
        loop = asyncio.get_running_loop()
        seen = [loop.time()]
        await asyncio.sleep(86_400)
        seen.append(loop.time())
        return seen

    began = time.perf_counter()

    assert run_virtual(day()) == [0.0, 86_400.0]
    assert time.perf_counter() - began < 60


def test_timers_fire_in_the_order_of_their_times() -> None:
    """Sleeps side by side end when each is due; the whole takes as long as the longest."""
    order: list[tuple[str, float]] = []

    async def wait(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        order.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(wait("c", 3.0), wait("a", 1.0), wait("b", 2.0), wait("none", 0))

    run_virtual(main())

    assert order == [("none", 0.0), ("a", 1.0), ("b", 2.0), ("c", 3.0)]


def test_a_cancelled_sleep_takes_no_time() -> None:
    """A timeout ends at its own time, and the sleep that it cancelled does not move the clock later."""

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        seen = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):
                await asyncio.sleep(1000)
        seen.append(loop.time())
        task = loop.create_task(asyncio.sleep(500))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        seen.append(loop.time())
        await asyncio.sleep(1)
        return [*seen, loop.time()]

    assert run_virtual(main()) == [2.5, 3.5, 4.5]


def test_waiting_for_what_can_never_come_is_reported() -> None:
    """On a real clock this would hang for ever."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="deadlock in virtual time: nothing is ready and no timer is set"):
        run_virtual(main())


def test_an_error_passes_through() -> None:
    """What the program raises is what the caller gets."""

    async def main() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_virtual(main())


def test_each_loop_begins_at_zero() -> None:
    """Runs do not see each other's time."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(asyncio.sleep(5))
        assert loop.time() == 5.0
    finally:
        loop.close()

    async def now() -> float:
        return asyncio.get_running_loop().time()

    assert run_virtual(now()) == 0.0


Step = tuple[str, float]


async def follow(steps: list[Step], name: int, log: list[tuple[int, str, float]]) -> None:
    """Sleep, wait for what never comes, or wait in vain until a timeout; log each end."""
    loop = asyncio.get_running_loop()
    for kind, seconds in steps:
        said = kind
        try:
            if kind == "sleep":
                await (loop.sleep(seconds) if isinstance(loop, VirtualLoop) else asyncio.sleep(seconds))
            elif kind == "until":
                async with asyncio.timeout(seconds):
                    await loop.create_future()
            else:
                async with asyncio.timeout(seconds / 2):
                    await loop.sleep(seconds)  # type: ignore[attr-defined]
        except TimeoutError:
            said += " timed out"
        except asyncio.CancelledError:
            log.append((name, "cancelled", loop.time()))
            if kind == "sleep":
                raise
        log.append((name, said, loop.time()))


steps_of_some = st.lists(
    st.lists(st.tuples(st.sampled_from(("sleep", "until", "cut")), st.sampled_from((0.5, 0.7, 1.3, 2.9))), max_size=4),
    min_size=1,
    max_size=4,
)


@given(steps_of_some, st.sampled_from((None, 0.25, 0.6, 1.9)))
@settings(max_examples=60, deadline=None)
def test_a_strand_does_what_a_task_does(programs: list[list[Step]], cancel_at: float | None) -> None:
    """Sleeps, futures, timeouts and a cancellation from outside: the same log, at the same times."""

    async def run(start: Callable[[VirtualLoop, Coroutine[Any, Any, None]], Any]) -> list[tuple[int, str, float]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        log: list[tuple[int, str, float]] = []

        async def swallow(work: Coroutine[Any, Any, None]) -> None:
            with suppress(asyncio.CancelledError):
                await work

        started = [start(loop, swallow(follow(steps, name, log))) for name, steps in enumerate(programs)]
        if cancel_at is not None:
            await asyncio.sleep(cancel_at)
            started[0].cancel()
        await asyncio.sleep(30)
        return sorted(log, key=lambda entry: (entry[2], entry[0]))

    def strand(loop: VirtualLoop, work: Coroutine[Any, Any, None]) -> Strand:
        made = Strand(loop, work)
        made.start()
        return made

    assert run_virtual(run(strand)) == run_virtual(run(VirtualLoop.create_task))


def test_a_strand_that_is_cancelled_as_it_wakes_is_cancelled_once() -> None:
    """Its future is done, its turn has not come: the cancellation waits for the next step, as with a task."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        turn, log = loop.create_future(), []

        async def wait() -> None:
            try:
                await turn
            except asyncio.CancelledError:
                log.append("cancelled")
            await loop.sleep(1)
            log.append("went on")

        waiting = Strand(loop, wait())
        waiting.start()
        await asyncio.sleep(0.5)
        turn.set_result(None)
        waiting.cancel()
        await asyncio.sleep(5)
        return log

    assert run_virtual(main()) == ["cancelled", "went on"]


async def yields(log: list[float]) -> None:
    """Give others a turn, as a retry without a pause does."""
    await asyncio.sleep(0)
    log.append(asyncio.get_running_loop().time())


async def cancels_itself(log: list[float]) -> None:
    """Be cancelled in its own turn: the next wait ends at once, of whichever kind it is."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    assert isinstance(loop, VirtualLoop)
    waits: list[Callable[[], Awaitable[object]]] = [lambda: asyncio.sleep(3), lambda: loop.sleep(3), loop.create_future]
    for wait in waits:
        task.cancel()
        try:
            await wait()
        except asyncio.CancelledError:
            log.append(loop.time() + task.uncancel())


async def groups(log: list[float]) -> None:
    """Have a group cancelled by the failure of one of its tasks."""

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.sleep(5))
    except ExceptionGroup:
        log.append(asyncio.get_running_loop().time())


async def is_late_by_nothing(log: list[float]) -> None:
    """Be cancelled at the very moment at which a timer comes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)

    async def sleep() -> None:
        await loop.sleep(1)

    try:
        await asyncio.wait_for(sleep(), 1)
    except TimeoutError:
        log.append(loop.time())


@pytest.mark.parametrize("work", [yields, cancels_itself, groups, is_late_by_nothing])
def test_a_strand_is_cancelled_and_grouped_as_a_task_is(
    work: Callable[[list[float]], Coroutine[Any, Any, None]],
) -> None:
    """Whatever part of asyncio the client's pipeline may come to use."""

    async def run(*, strand: bool) -> list[float]:
        loop, log = asyncio.get_running_loop(), list[float]()
        assert isinstance(loop, VirtualLoop)
        if strand:
            made = Strand(loop, work(log))
            assert not made.done()
            made.start()
        else:
            made = loop.create_task(work(log))
        await asyncio.sleep(10)
        assert made.done()
        return log

    told = run_virtual(run(strand=True))
    assert told
    assert told == run_virtual(run(strand=False))


def test_ctrl_c_ends_a_run(request: pytest.FixtureRequest) -> None:
    """The runner of asyncio takes the signal where nobody else does."""

    async def main() -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(1)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with pytest.raises(KeyboardInterrupt):
        run_virtual(main())


def test_a_sleep_that_a_strand_gave_up_does_not_move_the_clock() -> None:
    """Its timer is still there, and passed over."""
    loop = VirtualLoop()

    async def main() -> None:
        async def sleep() -> None:
            with suppress(asyncio.CancelledError):
                await loop.sleep(1000)

        sleeper = Strand(loop, sleep())
        sleeper.start()
        await asyncio.sleep(1)
        sleeper.cancel()
        await loop.create_future()

    with (
        asyncio.Runner(loop_factory=lambda: loop) as runner,
        pytest.raises(RuntimeError, match="deadlock"),
    ):
        runner.run(main())
    assert loop.time() == 1.0


def test_what_a_strand_raises_ends_the_run() -> None:
    """Nobody awaits it, so nobody else would see it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)

        async def break_down() -> None:
            await loop.sleep(1)
            raise ZeroDivisionError

        Strand(loop, break_down()).start()
        await asyncio.sleep(5)

    with pytest.raises(ZeroDivisionError):
        run_virtual(main())


def test_the_replay_makes_the_documents_transitions() -> None:
    """Open at the fifth failure, half-open at the first request 30 s later, closed by its success."""
    found, _ = files.read("experiment-1")

    arm = simulate(found, "replay", 1)

    assert [replace(each, at_s=round(each.at_s, 9)) for each in arm.changes] == [
        StateChange("replay", 1, 6.9, "closed", "open", "fail_max reached", 5),
        StateChange("replay", 1, 37.6, "open", "half-open", "reset_timeout elapsed", 5),
        StateChange("replay", 1, 38.1, "half-open", "closed", "probe succeeded", 0),
    ]
    assert json.loads(json.dumps(arm.records[0].client_outcomes)) == {"ok": 9, "error": 7, "fast_fail": 4}
    assert (arm.records[0].backend_received, arm.records[0].backend_busy_s) == (16, 8.0)


@pytest.mark.parametrize("arm", ["without", "with"])
def test_the_same_seed_gives_the_same_rows(arm: str) -> None:
    """To the last bit; another seed gives others."""
    found = files.parse(BUSY, "")

    assert simulate(found, arm, 7) == simulate(found, arm, 7)
    assert simulate(found, arm, 7).rows != simulate(found, arm, 8).rows


@pytest.mark.parametrize("arm", ["without", "with"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_call_is_lost_on_virtual_time(arm: str, seed: int) -> None:
    """Every arrival has one row and one outcome, and client and backend count the same calls."""
    measured = simulate(files.parse(BUSY, ""), arm, seed)
    record = measured.records[0]

    assert [row.id for row in measured.rows] == list(range(1, 101))
    assert record.client_outcomes == dict(Counter(row.outcome for row in measured.rows))
    assert (record.planned, record.client_requests) == (100, 100)
    calls = sum(row.backend_calls for row in measured.rows)
    assert record.client_backend_calls == record.backend_received == calls == sum(record.backend_outcomes.values())
    assert all(row.backend_calls == (row.outcome != "fast_fail") for row in measured.rows)
    assert record.transitions_seen == record.transitions_made == len(measured.changes)
    assert max(row.duration_s for row in measured.rows) <= 3.0 + 1e-9  # the client's timeout


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_arm_meets_the_same_weather(seed: int) -> None:
    """Same arrivals, same hash, and what the backend would have answered is the same request by request."""
    found = files.parse(BUSY, "")
    without, guarded = (simulate(found, arm, seed) for arm in ("without", "with"))

    assert without.records[0].weather == guarded.records[0].weather
    assert [(row.intended_s, row.sent_s, row.would_have) for row in without.rows] == [
        (row.intended_s, row.sent_s, row.would_have) for row in guarded.rows
    ]


def test_without_a_breaker_and_with_one_that_never_trips_is_the_same_run() -> None:
    """The breaker itself costs nothing on virtual time: only its refusals make a difference."""
    found = files.parse(BUSY + "[arms.with.breaker]\nfail_max = 1000000\n", "")
    without, guarded = (simulate(found, arm, 3) for arm in ("without", "with"))

    assert [replace(row, arm="", fail_count=0) for row in guarded.rows] == [
        replace(row, arm="", fail_count=0) for row in without.rows
    ]


HINDSIGHT = """
name = "mine"
title = "Mine"
[[load]]
requests = 60
rate_per_s = 2
[arms.without]
timeout = {{ total_s = 1 }}
breaker = {{ policy = "off" }}
{faults}
"""


@pytest.mark.parametrize(
    "faults",
    [
        "[faults]\nerror_rate = 0.4\nlatency = { distribution = 'exponential', mean_s = 0.7 }",
        "[faults]\nhang_rate = 0.3\nreset_rate = 0.3\nlatency = { distribution = 'exponential', mean_s = 0.7 }",
        "[faults]\nunreachable = true",
        "[faults]\nbursts = { rate = 0.4, mean_length = 4 }",
        "[faults]\nexact_ratio = { failures = 3, of = 10 }",
        "[faults]\nsequence = 'SFFSFFFFF'",
        (
            "[[faults.phases]]\nduration_s = 10\nprofile = { error_rate = 1 }\n"
            "[[faults.phases]]\nduration_s = 10\nprofile = { latency = { mean_s = 2 } }\n[[faults.phases]]"
        ),
    ],
)
def test_hindsight_is_what_happens_when_every_call_is_let_through(faults: str) -> None:
    """Without a breaker and without a queue, what the backend would have answered is what it did answer."""
    rows = simulate(files.parse(HINDSIGHT.format(faults=faults), ""), "without", 5).rows

    assert [row.would_have for row in rows] == [row.outcome for row in rows]


def test_without_a_timeout_only_a_hang_never_answers() -> None:
    """However long an answer takes, it comes."""
    found = files.parse(HINDSIGHT.format(faults="[faults]\nhang_rate = 0.3\nlatency.mean_s = 9"), "")
    plan = found.plan_of("without", 5)

    fates = [would_have(plan, number, 0.0, None) for number in range(1, 61)]

    drawn = [draw(plan.profile_at(0), WeatherKey(5, str(number), number)).kind for number in range(1, 61)]
    assert {"ok", "hang"} == set(drawn)
    assert fates == ["timeout" if kind == "hang" else "ok" for kind in drawn]


@settings(max_examples=25)
@given(st.integers(1, 10**9))
def test_a_refusal_takes_no_time_and_no_call(seed: int) -> None:
    """On any seed, a fast-fail is answered at once with a fallback, and the breaker was not closed."""
    for row in simulate(SHORT, "with", seed).rows:
        if row.outcome == "fast_fail":
            assert (row.duration_s, row.backend_calls, row.attempts, row.status) == (0.0, 0, 0, 503)
            assert row.served == "fallback"
            assert row.state in ("open", "half-open")


SHORT = files.parse(BUSY.replace("requests = 100", "requests = 25"), "")


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_searchs_estimate_is_the_simulation(seed: int) -> None:
    """The queue by hand, which only discards draws, gives what client and backend give for the arm `without`."""
    found = files.parse(BUSY, "")
    arm = fold(simulate(found, "without", seed))

    ok, timeouts, mean_s = search.estimate_baseline(found, seed)

    assert (ok, timeouts) == (arm.outcomes["ok"], arm.outcomes["timeout"])
    assert mean_s == pytest.approx(arm.mean_response_s, abs=1e-9)


def test_a_drawn_setting_is_a_scenario_with_a_score() -> None:
    """What the search draws is valid and reproducible; its score is the worst deviation in tolerances."""
    base, _ = files.read("experiment-2")
    drawn, settings = search.draw_settings(search.random.Random(3), base)

    assert search.apply_settings(base, settings) == drawn
    assert drawn.load[0].rate_per_s == settings["rate_per_s"]
    assert {arm.timeout.total_s for arm in drawn.arms.values()} == {settings["timeout_s"]}
    figures, arms = search.measure_seed(drawn, 1)
    assert figures == compare_experiment_2({arm.arm: fold(arm) for arm in arms})
    assert (search.worst_deviation(figures) <= 1) == all(figure.within for figure in figures)


def keep(root: Path, monkeypatch: pytest.MonkeyPatch, found: Scenario, seeds: str) -> SeedDistribution:
    """Put a measured distribution where the shipped one of that name would be."""
    kept = distribution.measure_distribution(found, seeds)
    (root / f"{found.name}.json").write_text(json.dumps(as_json(kept)), encoding="utf-8")
    monkeypatch.setattr(distribution, "_file", lambda name: root / f"{name}.json")
    return kept


def test_a_distribution_has_every_figure_for_every_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is known again for the same scenario, whatever its texts, its seed and how that was chosen."""
    found = files.parse(BUSY, "").model_copy(update={"document": "experiment-2"})

    kept = keep(tmp_path, monkeypatch, found, "1-6")

    figures = [
        compare_experiment_2({arm: fold(simulate(found, arm, seed)) for arm in found.arms}) for seed in range(1, 7)
    ]
    assert kept.figures == {
        each.name: [round(float(run[place].measured or 0), 3) for run in figures]
        for place, each in enumerate(figures[0])
    }
    assert (kept.seeds, kept.runs, kept.never_tripped) == ("1-6", 6, {"with": 0})
    assert kept.share_tripped["with"] == ShareOfRuns(1.0, [pytest.approx(0.5407, abs=1e-4), 1.0])
    assert distribution.read_distribution(found) == kept
    assert (
        distribution.read_distribution(found.model_copy(update={"seed": 9, "title": "Other", "pinned": "by hand"}))
        == kept
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate_per_s = 3.4", "rate_per_s = 3.5"),
        ("error_rate = 0.49", "error_rate = 0.5"),
        ("workers = 2", "workers = 3"),
        ("[arms.with]", "[arms.with]\nbreaker.fail_max = 4"),
        ('name = "mine"', 'name = "other"'),
    ],
)
def test_a_distribution_of_other_conditions_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    """A report must not show how another scenario's figures fall."""
    keep(tmp_path, monkeypatch, files.parse(BUSY, ""), "1")

    assert distribution.read_distribution(files.parse(BUSY.replace(old, new), "")) is None


def test_a_run_that_never_trips_is_counted() -> None:
    """With a breaker that cannot trip, all three are."""
    found = files.parse(BUSY + "[arms.with.breaker]\nfail_max = 1000000\n", "")

    assert distribution.measure_distribution(found, "1-3").never_tripped == {"with": 3}


def test_the_arms_are_paired_seed_by_seed() -> None:
    """Means of both, their difference, and its interval; the time of a process that is not there is left out."""
    found = files.parse(BUSY, "")
    runs = {arm: [fold(simulate(found, arm, seed)) for seed in range(1, 7)] for arm in found.arms}

    paired = distribution.measure_distribution(found, "1-6").paired["with"]

    before, after = (float(np.mean([run.mean_response_s for run in runs[arm]])) for arm in ("without", "with"))
    assert paired["mean_response_s"].difference == pytest.approx(after - before)
    low, high = paired["mean_response_s"].interval or (0.0, 0.0)
    assert low < after - before < high < 0
    assert "client_cpu_s" not in paired


def test_independent_failures_have_what_the_trace_has_of_each() -> None:
    """Counted for each seed, beside the document's; the replay is not drawn, so it is not in it."""
    found, _ = files.read("experiment-1")

    kept = distribution.measure_distribution(found, "1-3")

    runs = [fold(simulate(found, "independent-30", seed)) for seed in (1, 2, 3)]
    assert kept.figures["failed calls"] == [run.outcomes["error"] for run in runs]
    assert kept.figures["backend calls"] == [run.backend_calls for run in runs]
    assert kept.never_tripped["replay"] == 0
    assert kept.paired == {}
