"""The questions: what is asked, why, and the answer without a trap. How it is measured stands beside, by subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.conformance import concurrency, counting, reporting
from bench.conformance.ways import in_counting_ways

if TYPE_CHECKING:
    from bench.conformance.ways import Asking


@dataclass(frozen=True)
class Question:
    """`asked` is the sentence, `why` says why it matters, `good` is the answer without a trap."""

    id: str
    asked: str
    why: str
    good: str
    ask: Asking


QUESTIONS = (
    Question(
        "async-failure",
        "Does a failing `async def` count?",
        "A breaker that takes the creation of a coroutine for the call never sees it fail, and never opens.",
        "yes, in every way of calling",
        counting.async_failure,
    ),
    Question(
        "lock",
        "Is a lock held across the call?",
        "With a lock around the call itself, a service can make only one slow call at a time.",
        "no",
        concurrency.lock,
    ),
    Question(
        "half-open-probes",
        f"How many of {concurrency.CALLERS} calls at once get through in half-open?",
        "A backend that is just recovering gets one call, or the calls of everybody at the same moment.",
        "a bounded number, at least 1",
        in_counting_ways(concurrency.probes),
    ),
    Question(
        "late-failure",
        "Does a late failure extend the open time?",
        "Slow calls that began before the trip and fail after it would keep the breaker open, timeout after timeout.",
        "no",
        in_counting_ways(concurrency.late_failure),
    ),
    Question(
        "ignored-error",
        "What does an ignored error count as?",
        "If a caller's own mistake counts as a success, a few bad requests among failures keep the breaker closed.",
        "nothing",
        in_counting_ways(counting.ignored_error),
    ),
    Question(
        "cancellation",
        "What does a cancelled call count as?",
        "A user who hangs up says nothing about the backend: neither that it fails nor that it works.",
        "nothing",
        in_counting_ways(counting.cancellation),
    ),
    Question(
        "tripping-call",
        "Does the call that trips look like a refusal?",
        "The call did reach the backend; a caller that takes it for a refusal may repeat a call that had an effect.",
        "no",
        in_counting_ways(counting.tripping_call),
    ),
    Question(
        "refusal-told",
        "Does a listener see each refusal?",
        "Refusals that no listener sees cannot be counted, and the breaker's effect stays invisible.",
        "yes",
        in_counting_ways(reporting.refusals_reported),
    ),
    Question(
        "wall-clock",
        "Does a jump of the wall clock matter?",
        "Wall clocks are set, by hand or by NTP; an open time measured on one ends early or lasts too long.",
        "no",
        in_counting_ways(reporting.wall_clock),
    ),
    Question(
        "retry-after",
        "Can the caller learn when to retry?",
        "A caller who knows when to come back can say so to its own callers, and need not poll.",
        "the time that is left, at most 1 s too much, in every time zone",
        in_counting_ways(reporting.retry_after),
    ),
)
