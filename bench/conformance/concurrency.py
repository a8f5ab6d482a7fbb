"""Questions on calls at the same time: a lock around them, probes in half-open, and failures that come late."""

from __future__ import annotations

import asyncio
from threading import Barrier, BrokenBarrierError, Thread
from typing import TYPE_CHECKING

from bench.conformance.finding import Finding, merge_findings, safe, trap
from bench.conformance.subject import Subject, passing, settle
from bench.conformance.ways import counting_ways
from bench.peers.peer import DownError, PeerSettings

if TYPE_CHECKING:
    from bench.conformance.clocks import Clocks
    from bench.peers.peer import Peer, ThreadWay

CALLERS = 8
MEETING_S = 1.0  # how long one thread waits for the other inside a call


async def lock(kind: type[Peer], clocks: Clocks) -> Finding:
    """Make two calls at the same time, on threads and as tasks."""
    threads = kind(PeerSettings()).thread_ways()
    found = {f"threads in {way}": _call_from_threads(call) for way, call in threads.items()}
    for way in await counting_ways(kind, clocks):
        found[f"tasks in {way}"] = await _call_from_tasks(Subject(kind, way, clocks))
    finding = merge_findings(found)
    return finding if threads else Finding(finding.judgement, f"{finding.text} (tasks only: {kind.no_threads})")


async def _call_from_tasks(subject: Subject) -> Finding:
    gate = asyncio.Event()
    tasks = [subject.start(passing(gate)) for _ in range(2)]
    await settle()
    together = subject.reached == len(tasks)
    gate.set()
    await asyncio.gather(*tasks)
    return safe("no") if together else trap("yes")


def _call_from_threads(call: ThreadWay) -> Finding:
    barrier = Barrier(2)
    arrivals: list[int] = []
    errors: list[BaseException] = []

    def meet() -> None:
        try:
            arrivals.append(barrier.wait(MEETING_S))
        except BrokenBarrierError:
            return

    def run() -> None:
        try:
            call(meet)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the asking thread
            errors.append(error)

    threads = [Thread(target=run, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return safe("no") if arrivals else trap("yes")


async def probes(subject: Subject) -> Finding:
    """Make many calls at once, once the open time is over."""
    await subject.trip()
    subject.wait(1.2)
    before = subject.reached
    gate = asyncio.Event()
    tasks = [subject.start(passing(gate)) for _ in range(CALLERS)]
    await settle()
    through = subject.reached - before
    gate.set()
    for error in await asyncio.gather(*tasks, return_exceptions=True):
        if error is not None and not isinstance(error, subject.kind.refusal):
            raise error
    text = f"{through} of {CALLERS}"
    return safe(text) if 0 < through < CALLERS else trap(text)


async def late_failure(subject: Subject) -> Finding:
    """Let a call that began in closed fail in the middle of the open time."""
    await subject.make_fresh_copy().recover()
    gate = asyncio.Event()

    async def fail_late() -> None:
        await gate.wait()
        raise DownError("down, and late")

    late = subject.start(fail_late)
    await settle()
    await subject.trip()
    subject.wait(0.6)
    gate.set()
    await asyncio.gather(late, return_exceptions=True)
    subject.wait(0.6)
    return trap("yes") if await subject.refuses() else safe("no")
