"""The real libraries, where they are installed: what is known of them is what the questions find."""

from __future__ import annotations

import pytest

from bench import peers
from bench.conformance import concurrency
from bench.conformance.asking import ask_library
from bench.conformance.finding import MEASURED, Finding, TrapJudgement, safe, trap
from bench.conformance.questions import QUESTIONS

# A later Python may deprecate what a library of today uses; that is not the lab's.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SAFE = {
    "async-failure": safe("yes"),
    "lock": safe("no"),
    "half-open-probes": safe("1 of 8"),
    "late-failure": safe("no"),
    "ignored-error": safe("nothing"),
    "cancellation": safe("nothing"),
    "tripping-call": safe("no, it ends with its own error"),
    "refusal-told": safe("yes, by `on_call: fast_fail`"),
    "wall-clock": safe("no"),
    "retry-after": safe("6.3 s, with 6.3 s left"),
}


@pytest.fixture(autouse=True)
def _meet_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "MEETING_S", 0.2)


def _installed(name: str) -> None:
    try:
        peers.load(name)
    except peers.NotInstalledError as missing:
        pytest.skip(f"{missing} is not installed: the compared libraries are a group of their own")


def test_pybreaker_has_the_traps_that_were_measured_before_the_start() -> None:
    """DESIGN.md, section 6, fact by fact; `.call_async()` depends on Tornado and is left out."""
    _installed("pybreaker")

    found = dict(ask_library("pybreaker", QUESTIONS).findings)
    counting = found.pop("async-failure")

    assert (counting.judgement, counting.text.split(";")[:2]) == (
        TrapJudgement.PARTLY,
        ["`with calling()`: yes", " `@breaker`, `.call()`: no"],
    )
    assert found == {
        "lock": Finding(
            TrapJudgement.PARTLY,
            "threads in `with calling()`, tasks in `with calling()`: no; "
            "threads in `@breaker`, threads in `.call()`: yes",
        ),
        "half-open-probes": trap("8 of 8"),
        "late-failure": trap("yes"),
        "ignored-error": trap("a success (it resets the streak)"),
        "cancellation": trap("a failure"),
        "tripping-call": trap("yes, `CircuitBreakerError`"),
        "refusal-told": trap("no"),
        "wall-clock": trap("yes, an hour forward ends the open time at once and an hour back makes it longer"),
        "retry-after": trap("no"),
    }


@pytest.mark.parametrize("name", ["lab-consecutive", "lab-count_window", "lab-time_window"])
def test_the_labs_policies_that_open_have_none(name: str) -> None:
    """Each of the ten, word for word."""
    assert ask_library(name, QUESTIONS).findings == SAFE


@pytest.mark.parametrize("name", ["lab-throttle", "lab-adaptive"])
def test_the_labs_policies_that_never_open_have_none_where_they_can_be_asked(name: str) -> None:
    """Four of the ten; the others have a reason."""
    answers = ask_library(name, QUESTIONS).findings

    assert {each: answer for each, answer in answers.items() if answer.judgement in MEASURED} == {
        **{each: SAFE[each] for each in ("async-failure", "lock", "refusal-told")},
        "cancellation": safe("not a failure"),
    }
    assert {answer.judgement for answer in answers.values()} == {TrapJudgement.SAFE, TrapJudgement.NOT_ASKABLE}


@pytest.mark.parametrize("name", ["aiobreaker", "purgatory", "circuitbreaker", "hyx", "interlock-cb"])
def test_the_others_answer_every_question(name: str) -> None:
    """No question breaks on a library, and a second asking finds the same."""
    _installed(name)

    first, second = ask_library(name, QUESTIONS), ask_library(name, QUESTIONS)

    assert {answer.judgement for answer in first.findings.values()} <= MEASURED
    assert first == second
