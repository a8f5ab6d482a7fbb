"""Thousands of calls at once on an event loop, and real threads over the locked breaker."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest

from bench.locked import LockedBreaker
from client import breakers
from client.breakers.interface import Intervention, Permit, Refusal, Transition
from client.breakers.settings import breaker_settings
from client.core import Client
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendFailedError
from client.pipeline.order import CallSettings
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, HALF_OPEN, OPEN, SUCCESS
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from client.breakers.interface import Breaker, State
    from client.events import TransitionEvent

CROWD = 2000
OPENING: list[dict[str, Any]] = [
    {"policy": "consecutive", "fail_max": 5},
    {"policy": "count_window", "min_calls": 20, "failure_rate": 0.5},
    {"policy": "time_window", "min_calls": 20, "failure_rate": 0.5},
]
EACH = pytest.mark.parametrize("policy", OPENING, ids=[each["policy"] for each in OPENING])


class Crowd:
    """A client whose upstream keeps every call until the test says how all of them end."""

    def __init__(self, **breaker: Any) -> None:
        self.now = 0.0
        self.reached: list[str] = []
        self.story: list[tuple[State, State]] = []
        self.fails = False
        self.end = asyncio.Event()
        settings = CallSettings(breaker=breaker_settings(reset_timeout=10, **breaker))
        self.client = Client(settings, self.upstream, [self], lambda: self.now)

    async def upstream(self, call: Call) -> Answer:
        self.reached.append(call.request_id)
        await self.end.wait()
        if self.fails:
            raise BackendFailedError(500)
        return Answer(200, b"{}")

    def on_call(self, call: Call) -> None:
        """Take no notice."""

    def on_transition(self, event: TransitionEvent) -> None:
        self.story.append((event.before, event.after))

    async def come(self, name: str, count: int = CROWD) -> list[asyncio.Task[tuple[Call, Answer]]]:
        """Let so many callers come at once, and wait until each is under way or refused."""
        tasks = [asyncio.create_task(self.client.call(f"{name} {number}")) for number in range(count)]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks

    async def ended(self, tasks: list[asyncio.Task[tuple[Call, Answer]]], *, fails: bool = False) -> list[str]:
        """End all calls that are under way; return the outcomes of `tasks`."""
        self.fails = fails
        self.end.set()
        outcomes = [call.outcome.value for call, _ in await asyncio.gather(*tasks)]
        self.end = asyncio.Event()
        return outcomes

    @property
    def details(self) -> dict[str, Any]:
        return self.client.breaker.details(self.now)


@EACH
def test_a_crowd_trips_once_and_probes_as_many_as_it_may(policy: dict[str, Any]) -> None:
    """Thousands of failures at once are one trip; of as many callers after it three reach the backend, and close it."""

    async def main() -> tuple[Any, ...]:
        crowd = Crowd(**policy, max_probes=3, success_threshold=3)
        failed = await crowd.ended(await crowd.come("first"), fails=True)
        late = crowd.details["late_results"]
        crowd.now = 10.0
        crowd.reached.clear()
        second = await crowd.come("second")
        probing = list(crowd.reached), crowd.details["probes_out"]
        outcomes = await crowd.ended(second)
        return set(failed), late, probing, outcomes.count("ok"), outcomes.count("fast_fail"), crowd.story, crowd.details

    failed, late, probing, ok, refused, story, details = run_virtual(main())

    assert (failed, late) == ({"error"}, CROWD - policy.get("fail_max", 20))
    assert probing == (["second 0", "second 1", "second 2"], 3)
    assert (ok, refused) == (3, CROWD - 3)
    assert story == [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]
    assert details["probes_out"] == 0


@EACH
def test_a_crowd_that_comes_back_late_changes_nothing(policy: dict[str, Any]) -> None:
    """1,000 calls of the closed time are cancelled in the middle of half-open; 1,000 fail after it has closed."""

    async def main() -> tuple[Any, ...]:
        crowd = Crowd(**policy)
        early, later = await crowd.come("early", 1000), await crowd.come("later", 1000)
        early_end, crowd.end = crowd.end, asyncio.Event()
        crowd.client.force(OPEN, Intervention.OPENED, 10)
        crowd.now = 10.0
        probe = await crowd.come("probe", 1)
        before = crowd.client.breaker.since, crowd.client.breaker.fail_count, len(crowd.story)
        for task in early:
            task.cancel()
        await asyncio.gather(*early, return_exceptions=True)
        in_half_open = crowd.client.breaker.since, crowd.client.breaker.fail_count, len(crowd.story)
        await crowd.ended(probe)
        crowd.fails = True
        early_end.set()
        await asyncio.gather(*later)
        return before == in_half_open, crowd.story, crowd.client.breaker.fail_count, crowd.details["late_results"]

    assert run_virtual(main()) == (True, [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)], 0, 2000)


@EACH
def test_half_of_a_crowd_that_hangs_up_gives_every_permit_back(policy: dict[str, Any]) -> None:
    """Of 1,000 probes every second one is cancelled: their places are free, and the others close it."""

    async def main() -> tuple[Any, ...]:
        crowd = Crowd(**policy, max_probes=1000, success_threshold=1000)
        crowd.client.force(OPEN, Intervention.OPENED, 10)
        crowd.now = 10.0
        tasks = await crowd.come("probe", 2000)
        full = crowd.details["probes_out"]
        probes = [task for task in tasks if not task.done()]
        for task in probes[::2]:
            task.cancel()
        await asyncio.gather(*probes[::2], return_exceptions=True)
        free = crowd.details["probes_out"]
        again = await crowd.come("again", 2000)
        full_again = crowd.details["probes_out"]
        outcomes = await crowd.ended([task for task in probes + again if not task.cancelled()])
        return full, free, full_again, outcomes.count("ok"), crowd.story, crowd.client.in_flight, crowd.details

    full, free, full_again, ok, story, in_flight, details = run_virtual(main())

    assert (full, free, full_again, ok, in_flight, details["probes_out"]) == (1000, 500, 1000, 1000, 0, 0)
    assert story == [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]


THREADS, ROUNDS = 32, 40


@EACH
def test_threads_share_a_locked_breaker(policy: dict[str, Any]) -> None:
    """32 threads trip it once, then probe: never more than three at once, and every permit comes back."""
    transitions: list[Transition] = []
    settings = breaker_settings(reset_timeout=10, max_probes=3, success_threshold=1_000_000, **policy)
    breaker = LockedBreaker(breakers.build(settings, 0.0, transitions.append))
    start = threading.Barrier(THREADS, timeout=10)
    counting = threading.Lock()
    out, most, answers = 0, 0, []

    def hammer() -> None:
        nonlocal out, most
        start.wait()
        for _ in range(ROUNDS):
            answer = breaker.admit(0.0)
            answers.append(answer)
            if isinstance(answer, Permit):
                breaker.report(answer, FAILURE, 0.0)
        start.wait()
        for _ in range(ROUNDS):
            answer = breaker.admit(10.0)
            answers.append(answer)
            if isinstance(answer, Permit):
                with counting:
                    out += 1
                    most = max(most, out)
                with counting:
                    out -= 1
                breaker.report(answer, SUCCESS, 10.0)

    threads = [threading.Thread(target=hammer) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    permits = [each for each in answers if isinstance(each, Permit)]
    details = breaker.details(10.0)
    assert [(each.before, each.after) for each in transitions] == [(CLOSED, OPEN), (OPEN, HALF_OPEN)]
    assert (len(answers), most <= 3, details["probes_out"]) == (2 * THREADS * ROUNDS, True, 0)
    in_closed, probes = ([each for each in permits if each.state is state] for state in (CLOSED, HALF_OPEN))
    assert (len(in_closed), len(probes)) == (
        policy.get("fail_max", 20) + details["late_results"],
        details["probe_successes"],
    )


def test_the_locked_breaker_hands_everything_on() -> None:
    """Answers, results with the backend's wish, force and details: those of the breaker within."""
    settings = breaker_settings(fail_max=1, honour_retry_after=True, open_max_s=60)
    breaker = LockedBreaker(breakers.build(settings, 0.0, lambda _: None))
    permit = breaker.admit(0.0)
    assert isinstance(permit, Permit)
    breaker.report(permit, FAILURE, 0.0, 45.0)
    seen = breaker.state, breaker.admit(1.0), breaker.details(1.0)["retry_after_s"]
    breaker.force(CLOSED, 1.0, Intervention.OPENED)

    assert (seen, breaker.state) == ((OPEN, Refusal(OPEN, "open", 44.0, 0.0), 44.0), CLOSED)


class Standing:
    """A breaker in each of whose steps a thread stands until the test lets it go."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()

    def step(self, *_: Any) -> Any:
        self.entered.set()
        self.go_on.wait(10)

    admit = report = force = details = step


class WatchedLock:
    """A lock that remembers whether each who came found it taken."""

    def __init__(self) -> None:
        self.lock, self.come = threading.Lock(), threading.Semaphore(0)
        self.found_taken: list[bool] = []

    def __enter__(self) -> None:
        self.found_taken.append(self.lock.locked())
        self.come.release()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


STEPS: dict[str, tuple[Any, ...]] = {
    "admit": (0.0,),
    "report": (Permit(CLOSED, 0, 0.0), SUCCESS, 0.0),
    "force": (OPEN, 0.0, Intervention.OPENED),
    "details": (0.0,),
}


@pytest.mark.parametrize(("first", "second"), list(pairwise([*STEPS, "admit"])))
def test_no_step_begins_while_another_thread_is_in_one(first: str, second: str) -> None:
    """One thread stands still within a step: whoever would take another one waits at the lock."""
    inside = Standing()
    breaker, lock = LockedBreaker(cast("Breaker", inside)), WatchedLock()
    breaker._lock = cast("threading.Lock", lock)
    threads = [
        threading.Thread(target=getattr(breaker, name), args=STEPS[name], daemon=True) for name in (first, second)
    ]
    threads[0].start()
    inside.entered.wait(10)
    threads[1].start()
    came = [lock.come.acquire(timeout=1) for _ in threads]
    inside.go_on.set()
    for thread in threads:
        thread.join()

    assert (came, lock.found_taken) == ([True, True], [False, True])
