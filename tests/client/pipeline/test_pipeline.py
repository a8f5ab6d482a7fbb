"""The protected call from end to end, without HTTP, on a virtual clock."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from client.breakers.interface import Intervention, State
from client.breakers.settings import breaker_settings
from client.core import Client
from client.events import TransitionEvent
from client.pipeline import fallback
from client.pipeline.call import Answer, Call, Outcome, Served
from client.pipeline.classification import DEFAULT, outcome_of_error, outcome_of_status, verdict_of_error
from client.pipeline.errors import BackendFailedError, BackendUnreachableError, CallTimeoutError
from client.pipeline.order import CallSettings
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN
MESSAGE = "The service is temporarily unavailable. Please try again."


class Record:
    """A hook that keeps every event."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.transitions: list[TransitionEvent] = []

    def on_call(self, call: Call) -> None:
        self.calls.append(call)

    def on_transition(self, event: TransitionEvent) -> None:
        self.transitions.append(replace(event, cause=str(event.cause)))  # in words, as a test writes it


class Lab:
    """A client over an upstream that answers each call as `script` says, and then always as its last entry.

    An entry is a status, an error to raise, or 'hang'; each takes `work_s` seconds.
    """

    def __init__(self, *script: int | str | Exception, work_s: float = 0.5, **settings: Any) -> None:
        self.script = list(script)
        self.work_s = work_s
        self.received: list[str] = []
        self.events = Record()
        self.client = Client(CallSettings.model_validate(settings), self.upstream, [self.events])

    async def upstream(self, call: Call) -> Answer:
        self.received.append(call.request_id)
        call.attempts += 1
        call.backend_calls += 1
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if entry == "hang":
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(self.work_s)
        if isinstance(entry, Exception):
            raise entry
        assert isinstance(entry, int)
        if entry >= 500:
            raise BackendFailedError(entry)
        return Answer(entry, b"{}")

    async def calls(self, count: int) -> list[str]:
        """Make calls one after the other; the outcome of each."""
        return [(await self.client.call(str(number)))[0].outcome.value for number in range(1, count + 1)]


def play(script: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await script()

    return run_virtual(main())


# What the upstream does; then status, outcome, served with fallback; then served without.
ENDINGS: list[tuple[int | str | Exception, int, Outcome, Served, Served]] = [
    (200, 200, Outcome.OK, Served.FRESH, Served.FRESH),
    (302, 302, Outcome.OK, Served.FRESH, Served.FRESH),
    (404, 404, Outcome.ERROR, Served.NOTHING, Served.NOTHING),
    (500, 502, Outcome.ERROR, Served.FALLBACK, Served.NOTHING),
    (503, 502, Outcome.ERROR, Served.FALLBACK, Served.NOTHING),
    (BackendUnreachableError("ConnectError"), 502, Outcome.ERROR, Served.FALLBACK, Served.NOTHING),
    ("hang", 504, Outcome.TIMEOUT, Served.FALLBACK, Served.NOTHING),
    ("refused", 503, Outcome.FAST_FAIL, Served.FALLBACK, Served.NOTHING),
]


@pytest.mark.parametrize("enabled", [True, False], ids=["with fallback", "without"])
@pytest.mark.parametrize(
    ("entry", "status", "outcome", "with_fallback", "without"),
    ENDINGS,
    ids=["ok", "redirect", "4xx", "500", "503", "unreachable", "timeout", "refused"],
)
def test_every_ending_has_its_status_outcome_and_served(
    entry: int | str | Exception,
    status: int,
    outcome: Outcome,
    with_fallback: Served,
    without: Served,
    *,
    enabled: bool,
) -> None:
    """The table of what a caller gets."""

    async def script() -> tuple[int, Outcome, Served]:
        lab = Lab(entry, fallback={"enabled": enabled})
        if entry == "refused":
            lab.client.force(OPEN, Intervention.OPENED)
        call, answer = await lab.client.call("1")
        return answer.status, call.outcome, call.served

    assert play(script) == (status, outcome, with_fallback if enabled else without)


@pytest.mark.parametrize(
    ("entry", "detail", "outcome"),
    [
        (500, "the backend answered 500", "error"),
        (BackendUnreachableError("ConnectError"), "the backend cannot be reached (ConnectError)", "error"),
        ("hang", "the backend did not answer within 3 s", "timeout"),
    ],
    ids=["500", "unreachable", "timeout"],
)
def test_a_fallback_says_what_it_is_and_why(entry: int | str | Exception, detail: str, outcome: str) -> None:
    """The substitute is never taken for an answer."""

    async def script() -> Answer:
        return (await Lab(entry).client.call("1"))[1]

    answer = play(script)

    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": {502: "Bad Gateway", 504: "Gateway Timeout"}[answer.status],
        "status": answer.status,
        "detail": detail,
        "outcome": outcome,
        "message": MESSAGE,
        "served": "fallback",
    }
    assert (answer.content_type, answer.headers) == (b"application/problem+json", ())


def test_a_refusal_says_why_since_when_and_when_to_come_back() -> None:
    """Open for 4 of 30 s: the wall-clock time of opening, and what is left."""

    async def script() -> Answer:
        lab = Lab(500, breaker={"fail_max": 1})
        await lab.calls(1)
        await asyncio.sleep(4)
        return (await lab.client.call("2"))[1]

    answer = play(script)

    body = json.loads(answer.body)
    since = datetime.fromisoformat(body.pop("since"))
    assert abs(datetime.now(UTC) - timedelta(seconds=4) - since) < timedelta(seconds=2)
    assert body == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "refused by the breaker: open",
        "outcome": "fast_fail",
        "retry_after_s": 26.0,
        "message": MESSAGE,
        "served": "fallback",
    }
    assert answer.headers == ((b"retry-after", b"26"),)


def test_without_fallback_a_refusal_is_a_bare_problem() -> None:
    """The same facts, no message, and the content type of a problem."""

    async def script() -> Answer:
        lab = Lab(200, fallback={"enabled": False})
        lab.client.force(OPEN, Intervention.OPENED, 30)
        return (await lab.client.call("1"))[1]

    answer = play(script)

    body = json.loads(answer.body)
    body.pop("since")
    assert (answer.content_type, body) == (
        b"application/problem+json",
        {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": "refused by the breaker: open",
            "outcome": "fast_fail",
            "retry_after_s": 30.0,
        },
    )


@pytest.mark.parametrize(("waited_s", "header"), [(0, b"30"), (0.001, b"30"), (1, b"29"), (28.5, b"2"), (29.999, b"1")])
def test_retry_after_is_whole_seconds_rounded_up(waited_s: float, header: bytes) -> None:
    """Who waits as long as it says finds the breaker ready; never 0, which would mean at once."""

    async def script() -> tuple[tuple[bytes, bytes], ...]:
        lab = Lab(200)
        lab.client.force(OPEN, Intervention.OPENED, 30)
        await asyncio.sleep(waited_s)
        return (await lab.client.call("1"))[1].headers

    assert play(script) == ((b"retry-after", header),)


def test_a_refusal_in_half_open_asks_to_come_back_in_a_second() -> None:
    """Nobody knows when the probe will be back."""

    async def script() -> Answer:
        lab = Lab(200, breaker={"reset_timeout": 5})
        lab.client.force(OPEN, Intervention.OPENED, 5)
        await asyncio.sleep(5)
        probe = asyncio.create_task(lab.client.call("1"))
        await asyncio.sleep(0.1)
        answer = (await lab.client.call("2"))[1]
        await probe
        return answer

    answer = play(script)

    assert json.loads(answer.body)["detail"] == "refused by the breaker: all probes are out"
    assert answer.headers == ((b"retry-after", b"1"),)


def test_the_documents_sequence_request_by_request() -> None:
    """S F F S F F F F F, then refusals that never reach the backend; every call is an event, also the refused."""

    async def script() -> Lab:
        lab = Lab(*(200 if letter == "S" else 500 for letter in "SFFSFFFFF"), work_s=0.0)
        await lab.calls(12)
        return lab

    lab = play(script)

    assert [(each.state, each.outcome, each.fail_count, each.backend_calls) for each in lab.events.calls] == [
        (CLOSED, Outcome.OK, 0, 1),
        (CLOSED, Outcome.ERROR, 1, 1),
        (CLOSED, Outcome.ERROR, 2, 1),
        (CLOSED, Outcome.OK, 0, 1),
        (CLOSED, Outcome.ERROR, 1, 1),
        (CLOSED, Outcome.ERROR, 2, 1),
        (CLOSED, Outcome.ERROR, 3, 1),
        (CLOSED, Outcome.ERROR, 4, 1),
        (CLOSED, Outcome.ERROR, 5, 1),
        (OPEN, Outcome.FAST_FAIL, 5, 0),
        (OPEN, Outcome.FAST_FAIL, 5, 0),
        (OPEN, Outcome.FAST_FAIL, 5, 0),
    ]
    assert lab.received == [str(number) for number in range(1, 10)]
    assert lab.events.transitions == [TransitionEvent(0.0, 1, CLOSED, OPEN, "fail_max reached", 5)]


def test_a_hook_is_told_everything_about_a_call() -> None:
    """All fields of a call that failed after half a second and of one that was refused, in the order of the class."""

    async def script() -> list[Call]:
        lab = Lab(500, breaker={"fail_max": 1})
        await asyncio.sleep(10)
        await lab.calls(2)
        return lab.events.calls

    assert [astuple(call) for call in play(script)] == [
        ("1", 10.5, 0.5, 502, CLOSED, 1, 1, 1, Outcome.ERROR, Served.FALLBACK, None),
        ("2", 10.5, 0.0, 503, OPEN, 1, 0, 0, Outcome.FAST_FAIL, Served.FALLBACK, "open"),
    ]


def test_4xx_is_neutral() -> None:
    """The caller's own mistakes neither trip the breaker nor hide a streak of failures."""

    async def script() -> list[str]:
        lab = Lab(404, 404, 500, 404, 500, 200, breaker={"fail_max": 2})
        return await lab.calls(6)

    assert play(script) == ["error"] * 5 + ["fast_fail"]


@pytest.mark.parametrize(
    "entry", [500, BackendUnreachableError("ConnectError"), "hang"], ids=["5xx", "unreachable", "timeout"]
)
def test_each_kind_of_failure_trips(entry: int | str | Exception) -> None:
    """5xx, no connection and no answer in time all count."""

    async def script() -> str:
        lab = Lab(entry, breaker={"fail_max": 2})
        return (await lab.calls(3))[2]

    assert play(script) == "fast_fail"


def test_the_timeout_ends_the_call_at_its_time() -> None:
    """One second, not more; the upstream is cancelled."""

    async def script() -> tuple[float, Outcome]:
        lab = Lab("hang", timeout={"total_s": 1})
        call, _ = await lab.client.call("1")
        return asyncio.get_running_loop().time(), call.outcome

    assert play(script) == (1.0, Outcome.TIMEOUT)


def test_without_a_timeout_the_call_waits() -> None:
    """`total_s: null` means for ever."""

    async def script() -> tuple[float, Outcome]:
        lab = Lab(200, work_s=10_000, timeout={"total_s": None})
        call, _ = await lab.client.call("1")
        return asyncio.get_running_loop().time(), call.outcome

    assert play(script) == (10_000.0, Outcome.OK)


def test_a_cancelled_call_is_counted_and_says_nothing_of_the_backend() -> None:
    """The caller hung up after a second: one event 'cancelled', no failure, nobody in flight."""

    async def script() -> tuple[list[Call], int, int]:
        lab = Lab("hang", breaker={"fail_max": 1})
        task = asyncio.create_task(lab.client.call("1"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return lab.events.calls, lab.client.in_flight, lab.client.breaker.fail_count

    assert play(script) == (
        [Call("1", at=1.0, duration_s=1.0, attempts=1, backend_calls=1, outcome=Outcome.CANCELLED)],
        0,
        0,
    )


def test_a_cancelled_probe_gives_its_permit_back() -> None:
    """The next caller may probe, and half-open is not stuck."""

    async def script() -> tuple[list[Outcome], list[tuple[State, str]]]:
        lab = Lab("hang", 200, breaker={"reset_timeout": 5})
        lab.client.force(OPEN, Intervention.OPENED, 5)
        await asyncio.sleep(5)
        probe = asyncio.create_task(lab.client.call("1"))
        await asyncio.sleep(1)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        await lab.client.call("2")
        return [each.outcome for each in lab.events.calls], [
            (each.after, each.cause) for each in lab.events.transitions
        ]

    assert play(script) == (
        [Outcome.CANCELLED, Outcome.OK],
        [(OPEN, "open by hand"), (HALF_OPEN, "reset_timeout elapsed"), (CLOSED, "probe succeeded")],
    )


def test_new_settings_hold_for_new_calls_and_spare_those_under_way() -> None:
    """A call under way keeps its timeout, and so does the breaker, which its failure trips."""

    async def script() -> tuple[float, Outcome, int, list[TransitionEvent]]:
        lab = Lab("hang", 200, timeout={"total_s": 5}, breaker={"fail_max": 1})
        task = asyncio.create_task(lab.client.call("1"))
        await asyncio.sleep(1)
        lab.client.reconfigure(CallSettings.model_validate({"timeout": {"total_s": 1}, "breaker": {"fail_max": 1}}))
        call, _ = await task
        ended = asyncio.get_running_loop().time()
        return ended, call.outcome, lab.client.breaker.fail_count, lab.events.transitions

    tripped = TransitionEvent(5.0, 1, CLOSED, OPEN, "fail_max reached", 1)
    assert play(script) == (5.0, Outcome.TIMEOUT, 1, [tripped])


@pytest.mark.parametrize("entry", [200, 500])
def test_a_result_goes_to_the_breaker_that_let_the_call_through(entry: int) -> None:
    """Another kind of policy takes nothing over: it neither counts the result nor takes it for a late one."""

    async def script() -> tuple[dict[str, int], int]:
        lab = Lab(entry, breaker={"policy": "throttle"})
        task = asyncio.create_task(lab.client.call("1"))
        await asyncio.sleep(0.1)
        lab.client.reconfigure(CallSettings.model_validate({"breaker": {"policy": "count_window"}}))
        await task
        snapshot = lab.client.snapshot()
        return snapshot["window"], snapshot["late_results"]

    assert play(script) == ({"calls": 0, "failures": 0, "slow": 0}, 0)


def test_a_refusal_has_the_cause_that_the_policy_gives() -> None:
    """Forced open, all probes out, a share: the event tells which of them it was."""

    async def script() -> list[str | None]:
        lab = Lab(200, breaker={"policy": "forced_open"})
        await lab.calls(1)
        lab.client.reconfigure(CallSettings.model_validate({"breaker": {"reset_timeout": 5}}))
        lab.client.force(OPEN, Intervention.OPENED, 5)
        await asyncio.sleep(5)
        await asyncio.gather(lab.client.call("2"), lab.client.call("3"))
        return [call.refused for call in lab.events.calls]

    assert play(script) == ["forced open", "all probes are out", None]


def test_a_policy_without_the_state_closes_an_open_breaker_and_says_so() -> None:
    """The transitions stay a chain, numbered on."""

    async def script() -> tuple[list[str], list[TransitionEvent]]:
        lab = Lab(500, 200, breaker={"fail_max": 1})
        outcomes = await lab.calls(2)
        lab.client.reconfigure(CallSettings.model_validate({"breaker": {"policy": "off"}}))
        return outcomes + await lab.calls(1), lab.events.transitions

    assert play(script) == (
        ["error", "fast_fail", "ok"],
        [
            TransitionEvent(0.5, 1, CLOSED, OPEN, "fail_max reached", 1),
            TransitionEvent(0.5, 2, OPEN, CLOSED, "settings changed", 0),
        ],
    )


def test_a_call_of_the_old_breaker_that_ends_after_a_change_tells_no_transition() -> None:
    """The old breaker may trip on it, but no longer guards: nobody hears of a state that is not in force."""

    async def script() -> tuple[State, list[TransitionEvent]]:
        lab = Lab(500, breaker={"fail_max": 1})
        task = asyncio.create_task(lab.client.call("1"))
        await asyncio.sleep(0.1)
        lab.client.reconfigure(CallSettings(), fresh=True)
        await task
        return lab.client.breaker.state, lab.events.transitions

    assert play(script) == (CLOSED, [])


def test_the_snapshot_shows_everything() -> None:
    """A breaker that has been open for 4 s, with a call under way from before."""

    async def script() -> dict[str, Any]:
        lab = Lab("hang", 500, breaker={"fail_max": 1}, timeout={"total_s": None})
        task = asyncio.create_task(lab.client.call("1"))
        await asyncio.sleep(0)
        await lab.client.call("2")
        await asyncio.sleep(4)
        snapshot = lab.client.snapshot()
        task.cancel()
        return snapshot

    assert play(script) == {
        **CallSettings(breaker=breaker_settings(fail_max=1)).model_dump()["breaker"],
        "state": "open",
        "fail_count": 1,
        "in_state_s": 4.0,
        "now_s": 4.5,
        "in_flight": 1,
        "transition_count": 1,
        "held_open": False,
        "next_call_probes": False,
        "diagnosis": None,
        "retry_after_s": 26.0,
        "open_for_s": 30.0,
        "probes_out": 0,
        "probe_successes": 0,
        "late_results": 0,
        "let_through": 0.0,
    }


def test_the_breaker_does_not_make_calls_wait_for_each_other() -> None:
    """A hundred calls of half a second at once take half a second."""

    async def script() -> float:
        lab = Lab(200)
        await asyncio.gather(*(lab.client.call(str(number)) for number in range(100)))
        return asyncio.get_running_loop().time()

    assert play(script) == 0.5


def test_the_classification_is_one_table() -> None:
    """Statuses and errors to verdicts and outcomes, bounds included."""
    statuses = (99, 200, 299, 300, 399, 400, 499, 500, 599, 600)
    assert [(DEFAULT.verdict_of_status(status).value, outcome_of_status(status).value) for status in statuses] == [
        ("failure", "error"),
        *[("success", "ok")] * 2,
        *[("neutral", "ok")] * 2,
        *[("neutral", "error")] * 2,
        *[("failure", "error")] * 3,
    ]
    errors = [
        BackendFailedError(500),
        BackendUnreachableError("x"),
        CallTimeoutError(1),
        asyncio.CancelledError(),
        KeyError(),
    ]
    assert [(verdict_of_error(error).value, outcome_of_error(error).value) for error in errors] == [
        ("failure", "error"),
        ("failure", "error"),
        ("failure", "timeout"),
        ("neutral", "error"),
        ("neutral", "error"),
    ]


def test_a_defect_below_the_pipeline_counts_as_an_error() -> None:
    """An exception that nobody expected is the lab's own: it passes through, and is not taken for a cancellation."""

    async def main() -> list[tuple[Outcome, Served, int]]:
        lab = Lab(RuntimeError("a defect"))
        with pytest.raises(RuntimeError, match="a defect"):
            await lab.client.call("1")
        assert lab.client.breaker.fail_count == 0
        return [(event.outcome, event.served, event.status) for event in lab.events.calls]

    assert run_virtual(main()) == [(Outcome.ERROR, Served.NOTHING, 0)]


def test_a_failed_call_leaves_nothing_for_the_garbage_collector() -> None:
    """Its frames and its error are gone with it: a client under fire would pause for thousands of them."""
    left: list[weakref.ref[BackendFailedError]] = []

    async def upstream(_: Call) -> Answer:
        error = BackendFailedError(500)
        left.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async def script() -> list[bool]:
        client = Client(CallSettings.model_validate({"breaker": {"fail_max": 1000}}), upstream)
        for number in range(20):
            await client.call(str(number))
        return [reference() is None for reference in left]

    gc.collect()
    gc.disable()
    try:
        assert play(script) == [True] * 20
    finally:
        gc.enable()


def test_of_endlessly_many_failures_only_some_answers_are_kept() -> None:
    """A backend that words each failure differently does not fill the memory, and each answer is its own."""
    errors = [BackendUnreachableError(f"port {number}") for number in range(300)]
    answers = fallback._FailureAnswers(CallSettings().fallback)

    details = [json.loads(answers.answer(error).body)["detail"] for error in errors]

    assert details == [f"the backend cannot be reached (port {number})" for number in range(300)]
    assert len(answers._answers) == 100
