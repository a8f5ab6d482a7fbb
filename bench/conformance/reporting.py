"""Questions on what is reported, and by which clock: refusals, the time until a retry, the end of the open time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.conformance.finding import Finding, NoAnswerError, TrapJudgement, merge_findings, safe, trap
from bench.conformance.subject import passing

if TYPE_CHECKING:
    from bench.conformance.subject import Subject

REFUSALS = 5
HOUR_S = 3600.0


async def refusals_reported(subject: Subject) -> Finding:
    """Compare what a listener hears of refused calls with what it hears of the others."""
    working = subject.make_fresh_copy()
    await working.attempt(passing())
    ordinary = set(working.peer.events)  # what a listener hears of calls that come through
    refusals: list[set[str]] = []
    calls = 0
    while len(refusals) < REFUSALS:
        if calls > subject.settings.fail_max + REFUSALS * subject.kind.chances:
            raise NoAnswerError(f"it gives {len(refusals)} refusals, too few to ask")
        if calls == subject.settings.fail_max:
            subject.clocks.advance(subject.kind.acts_after_s)
        calls += 1
        before, reached = len(subject.peer.events), subject.reached
        await subject.fail()
        reported = set(subject.peer.events[before:])
        if subject.reached == reached:
            refusals.append(reported)
        else:
            ordinary |= reported
    reported_each = [reported - ordinary for reported in refusals]
    if all(reported_each):
        return safe(f"yes, by {', '.join(f'`{name}`' for name in sorted(set.union(*reported_each)))}")
    return (
        Finding(TrapJudgement.PARTLY, f"{sum(map(bool, reported_each))} of {REFUSALS}")
        if any(reported_each)
        else trap("no")
    )


async def wall_clock(subject: Subject) -> Finding:
    """Set the wall clock, forward and back, during the open time."""
    await subject.make_fresh_copy().recover()
    found = []
    forward, back = subject.make_fresh_copy(), subject
    await forward.trip()
    forward.clocks.jump(HOUR_S)
    if not await forward.refuses():
        found.append("an hour forward ends the open time at once")
    await back.trip()
    back.clocks.jump(-HOUR_S)
    back.wait(1.2)
    if await back.refuses():
        found.append("an hour back makes it longer")
    return trap(f"yes, {' and '.join(found)}") if found else safe("no")


async def retry_after(subject: Subject) -> Finding:
    """Ask for the time in the middle of the open time, in three time zones."""
    found = {}
    for zone_h in (0, 2, -5):
        subject.clocks.zone_h = zone_h
        found[f"UTC{zone_h:+d}" if zone_h else "UTC"] = await _reported_time(subject.make_fresh_copy())
    return merge_findings(found)


async def _reported_time(subject: Subject) -> Finding:
    await subject.trip()
    subject.wait(0.37)
    left_s = 0.63 * subject.settings.reset_timeout_s
    refusal = await subject.refusal()
    if refusal is None:
        raise NoAnswerError("it lets a call through during its open time")
    try:
        reported_s = subject.peer.retry_after_s(refusal)
    except Exception as error:  # noqa: BLE001 - whatever it is, who asks for the time gets it
        return trap(f"asking raises {type(error).__name__}")
    if reported_s is None:
        return trap("no")
    text = f"{reported_s:,.1f} s, with {left_s:,.1f} s left"
    # As whole seconds, rounded up, HTTP's Retry-After would tell it.
    return safe(text) if left_s - 0.1 <= reported_s <= left_s + 1 else trap(text)
