"""The questions, asked of a toy breaker that has each trap or lacks it; and a question that goes wrong."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, ClassVar

import pytest

from bench import peers
from bench.conformance import asking, concurrency
from bench.conformance.asking import ask_library, ask_question
from bench.conformance.finding import Finding, TrapJudgement, safe, trap
from bench.conformance.questions import QUESTIONS, Question
from bench.peers.peer import Peer, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.conformance.clocks import Clocks
    from bench.peers.peer import ThreadWay, Way, Work

BY_ID = {question.id: question for question in QUESTIONS}


class RefusedError(Exception):
    """The toy's refusal."""


class Toy(Peer):
    """A breaker with the traps that it is made with, and no others."""

    distribution = "toy"
    modules = (__name__,)
    settings_text = "as asked"
    refusal = RefusedError
    traps: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: PeerSettings) -> None:
        super().__init__(settings)
        self.failures = self.probes = 0
        self.opened_at: float | None = None
        self.lock = Lock() if "lock" in self.traps else nullcontext()

    def now(self) -> float:
        return time.time() if "wall-clock" in self.traps else time.monotonic()

    def left_s(self) -> float:
        return 0.0 if self.opened_at is None else self.opened_at + self.settings.reset_timeout_s - self.now()

    def ways(self) -> Mapping[str, Way]:
        return {"`call`": self.call}

    def thread_ways(self) -> Mapping[str, ThreadWay]:
        return {"`call`": self.call_in_thread}

    def call_in_thread(self, work: Callable[[], None]) -> None:
        with self.lock:
            work()

    async def call(self, work: Work) -> None:
        probe = self.admit()
        try:
            if "async-failure" not in self.traps:
                await work()
        except BaseException as error:
            self.count(self.weigh(error), probe=probe)
            if self.opened_at is not None and "tripping-call" in self.traps:
                raise RefusedError from error
            raise
        self.count("success", probe=probe)
        if "async-failure" in self.traps:
            await work()

    def admit(self) -> bool:
        if self.opened_at is None:
            return False
        if self.left_s() > 0 or (self.probes and "half-open-probes" not in self.traps):
            if "refusal-told" not in self.traps:
                self.events.append("refused")
            raise RefusedError
        self.probes += 1
        return True

    def weigh(self, error: BaseException) -> str:
        if isinstance(error, asyncio.CancelledError):
            return next((each for each in ("failure", "success") if f"cancellation: {each}" in self.traps), "nothing")
        if isinstance(error, self.settings.ignored):
            return next((each for each in ("failure", "success") if f"ignored-error: {each}" in self.traps), "nothing")
        return "failure"

    def count(self, ending: str, *, probe: bool) -> None:
        if self.opened_at is not None and not probe:
            if ending == "failure" and "late-failure" in self.traps:
                self.opened_at = self.now()
        elif ending == "success":
            self.failures, self.opened_at = 0, None
        elif ending == "failure":
            self.failures += 1
            if self.failures >= self.settings.fail_max:
                self.opened_at = self.now()

    def retry_after_s(self, refusal: BaseException) -> float | None:  # noqa: ARG002
        if "retry-after: none" in self.traps:
            return None
        if "retry-after: local" in self.traps:
            return self.left_s() + (datetime.now() - datetime.now(UTC).replace(tzinfo=None)).total_seconds()  # noqa: DTZ005
        if "retry-after: raises" in self.traps:
            raise TypeError
        return self.left_s()


def toy(*traps: str, **attributes: object) -> type[Toy]:
    return type("Toy", (Toy,), {"traps": frozenset(traps), **attributes})


@pytest.fixture(autouse=True)
def _meet_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "MEETING_S", 0.2)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("async-failure", "yes"),
        ("lock", "no"),
        ("half-open-probes", "1 of 8"),
        ("late-failure", "no"),
        ("ignored-error", "nothing"),
        ("cancellation", "nothing"),
        ("tripping-call", "no, it ends with its own error"),
        ("refusal-told", "yes, by `refused`"),
        ("wall-clock", "no"),
        ("retry-after", "6.3 s, with 6.3 s left"),
    ],
)
def test_a_breaker_without_the_trap_is_safe(question: str, answer: str) -> None:
    """Each question, asked of a breaker that does it right."""
    assert ask_question(BY_ID[question], toy()) == safe(answer)


def test_the_safe_answers_cover_every_question() -> None:
    """A question that nobody can answer well would not be seen otherwise."""
    assert {ask_question(question, toy()).judgement for question in QUESTIONS} == {TrapJudgement.SAFE}


@pytest.mark.parametrize(
    ("question", "having", "answer"),
    [
        ("async-failure", "async-failure", trap("no")),
        (
            "lock",
            "lock",
            Finding(TrapJudgement.PARTLY, "tasks in `call`: no; threads in `call`: yes"),
        ),
        ("half-open-probes", "half-open-probes", trap("8 of 8")),
        ("late-failure", "late-failure", trap("yes")),
        ("ignored-error", "ignored-error: success", trap("a success (it resets the streak)")),
        ("ignored-error", "ignored-error: failure", trap("a failure")),
        ("cancellation", "cancellation: failure", trap("a failure")),
        ("cancellation", "cancellation: success", trap("a success (it resets the streak)")),
        ("tripping-call", "tripping-call", trap("yes, `RefusedError`")),
        ("refusal-told", "refusal-told", trap("no")),
        (
            "wall-clock",
            "wall-clock",
            trap("yes, an hour forward ends the open time at once and an hour back makes it longer"),
        ),
        ("retry-after", "retry-after: none", trap("no")),
        ("retry-after", "retry-after: raises", trap("asking raises TypeError")),
        (
            "retry-after",
            "retry-after: local",
            Finding(
                TrapJudgement.PARTLY,
                "UTC: 6.3 s, with 6.3 s left; UTC+2: 7,206.3 s, with 6.3 s left; UTC-5: -17,993.7 s, with 6.3 s left",
            ),
        ),
    ],
)
def test_a_breaker_with_the_trap_is_caught(question: str, having: str, answer: Finding) -> None:
    """The same questions, asked of a breaker with just that trap."""
    assert ask_question(BY_ID[question], toy(having)) == answer


@pytest.mark.parametrize(
    "question", [each for each in QUESTIONS if each.id != "async-failure"], ids=lambda each: each.id
)
def test_what_never_counts_is_asked_nothing_more(question: Question) -> None:
    """Without failures there is no open state to ask about; that is no answer, and no safe one."""
    found = ask_question(question, toy("async-failure"))

    assert found == Finding(TrapJudgement.NO_ANSWER, "in no way of calling does a failure count")


def test_ways_that_differ_are_told_apart() -> None:
    """One way counts, one does not, one raises: the answer names each; what follows is asked of the one that counts."""

    class Three(Toy):
        def ways(self) -> Mapping[str, Way]:
            return {"`blind`": self.blind, "`broken`": self.broken, "`call`": self.call}

        async def blind(self, work: Work) -> None:
            await work()

        async def broken(self, work: Work) -> None:  # noqa: ARG002
            raise NameError("gen")

    assert [ask_question(BY_ID[name], Three) for name in ("async-failure", "half-open-probes")] == [
        Finding(TrapJudgement.PARTLY, "`call`: yes; `blind`: no; `broken`: raises NameError"),
        safe("1 of 8"),
    ]


def test_tasks_that_wait_for_each_other_are_seen() -> None:
    """A lock across an await, found by what goes on and not by time; and a library that threads cannot call."""

    class OneAtATime(Toy):
        no_threads = "it knows only coroutines"

        def __init__(self, settings: PeerSettings) -> None:
            super().__init__(settings)
            self.turn = asyncio.Lock()

        async def call(self, work: Work) -> None:
            async with self.turn:
                await super().call(work)

        def thread_ways(self) -> Mapping[str, ThreadWay]:
            return {}

    assert ask_question(BY_ID["lock"], OneAtATime) == trap("yes (tasks only: it knows only coroutines)")


def test_a_breaker_whose_clock_cannot_be_moved_gets_no_answer() -> None:
    """Nothing follows from a refusal that would have come anyway."""
    found = ask_question(BY_ID["wall-clock"], toy(modules=("elsewhere",)))

    assert found == Finding(TrapJudgement.NO_ANSWER, "it still refuses after its open time, whatever else happens")


def test_what_is_not_askable_is_not_asked() -> None:
    """The adapter's reason is the answer, and nothing is run."""

    async def never(kind: type[Peer], clocks: Clocks) -> Finding:  # noqa: ARG001
        raise AssertionError

    question = Question("lock", "?", "!", "no", never)

    assert ask_question(question, toy(not_askable={"lock": "it has none"})) == Finding(
        TrapJudgement.NOT_ASKABLE, "it has none"
    )


def test_a_question_that_raises_is_an_error_in_one_line() -> None:
    """Type and text, on one line, and no place of a file."""

    async def breaks(kind: type[Peer], clocks: Clocks) -> Finding:  # noqa: ARG001
        raise ImportError("cannot import\nname 'x' from 'y' (/some/where/y.py)")

    found = ask_question(Question("lock", "?", "!", "no", breaks), toy())

    assert found == Finding(TrapJudgement.ERROR, "ImportError: cannot import name 'x' from 'y'")


def test_a_refusal_of_another_kind_is_an_error_and_no_answer() -> None:
    """An adapter that names the wrong exception must not make a breaker look as if it let calls through."""
    found = ask_question(BY_ID["late-failure"], toy(refusal=KeyError))

    assert found == Finding(TrapJudgement.ERROR, "RefusedError")


def test_a_coroutine_that_hangs_is_given_up() -> None:
    """It is cancelled at the limit."""

    async def hangs(kind: type[Peer], clocks: Clocks) -> Finding:  # noqa: ARG001
        await asyncio.Event().wait()
        return safe("never")

    found = ask_question(Question("lock", "?", "!", "no", hangs), toy(), limit_s=0.02)

    assert found == Finding(TrapJudgement.NO_ANSWER, "no answer within 0.02 s")


def test_a_thread_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the event loop itself is stuck the run goes on, and the library has its clocks back."""
    monkeypatch.setattr(asking, "_GRACE_S", 0.02)
    released, clock = Event(), time

    async def hangs(kind: type[Peer], clocks: Clocks) -> Finding:  # noqa: ARG001
        released.wait(5)
        return safe("too late")

    found = ask_question(Question("lock", "?", "!", "no", hangs), toy(), limit_s=0.02)
    released.set()

    assert (found, time is clock) == (Finding(TrapJudgement.NO_ANSWER, "no answer within 0.02 s"), True)


def test_a_timeout_of_the_librarys_own_is_an_error() -> None:
    """It is not taken for the limit."""

    async def times_out(kind: type[Peer], clocks: Clocks) -> Finding:  # noqa: ARG001
        raise TimeoutError("its own")

    assert ask_question(Question("lock", "?", "!", "no", times_out), toy()) == Finding(
        TrapJudgement.ERROR, "TimeoutError: its own"
    )


def test_a_missing_library_is_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so under every question, and the run goes on."""
    monkeypatch.delitem(sys.modules, "bench.peers.stock_aiobreaker", raising=False)
    monkeypatch.setitem(sys.modules, "aiobreaker", None)

    column = ask_library("aiobreaker", QUESTIONS)

    assert (column.version, set(column.findings.values()), list(column.findings)) == (
        "not installed",
        {Finding(TrapJudgement.NOT_INSTALLED, "`aiobreaker` is missing")},
        list(BY_ID),
    )


def test_a_library_that_cannot_be_imported_is_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of it, say, which no longer has what the adapter needs."""

    def load(name: str) -> type[Peer]:  # noqa: ARG001
        raise ImportError("cannot import name 'Breaker'")

    monkeypatch.setattr(peers, "load", load)

    column = ask_library("hyx", QUESTIONS[:1])

    assert column.findings == {
        "async-failure": Finding(TrapJudgement.ERROR, "ImportError: cannot import name 'Breaker'")
    }
