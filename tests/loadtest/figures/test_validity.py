"""Which runs can be believed: each check passes a sound run, and one defect fails one check."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from loadtest.figures.validity import CLAIMED, check_claims, check_run, comparable_arms
from loadtest.records.comparison import ComparedArm, Comparison, PairedFigure
from loadtest.records.manifest import Manifest
from loadtest.records.measured import Measured
from loadtest.records.rows import ArmRecord, Row, Sample, StateChange
from loadtest.records.summary import Check
from loadtest.scenario import files
from loadtest.scenario.model import Arm

if TYPE_CHECKING:
    from collections.abc import Callable

SCENARIO = files.parse(
    """
name = "mine"
title = "Mine"
baseline = "without"
[[load]]
requests = 3
rate_per_s = 1
[arms.without]
breaker = { policy = "off" }
[arms.with]
""",
    "",
)
OK = Row("with", 1, 1, 0.0, 0.0, 0.5, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")
FAILED = replace(OK, id=2, intended_s=1.0, sent_s=1.0, outcome="error", status=502)
REFUSED = replace(
    OK, id=3, intended_s=2.0, sent_s=2.001, outcome="fast_fail", status=503, state="open", backend_calls=0
)
CHANGE = StateChange("with", 1, 1.5, "closed", "open", "fail_max reached", 1)
SAMPLES = [
    Sample("with", 1, 0.5, "closed", 1, 0),
    Sample("with", 1, 1.75, "open", 2, 0),
    Sample("with", 1, 2.0, "open", 2, 0),
    Sample("with", 1, 2.25, "open", 2, 0),
]
ENDED = {"ok": 1, "error": 1}
RECORD = ArmRecord("with", 1, 3, 3.0, "w", 3, {**ENDED, "fast_fail": 1}, 2, 0.0, 2, ENDED, 1.0, 1, 1, 0)


MANIFEST = Manifest.model_validate(
    {
        "schema": 1,
        "complete": True,
        "scenario": "mine",
        "scenario_text": "",
        "scenario_sha256": "",
        "engine": "live",
        "arms": ["without", "with"],
        "seeds": [1],
        "weather": {"without/1": "w", "with/1": "w"},
        "started": "2026-01-02T12:00:00+00:00",
        "versions": {"python": "3", "pybreaker": "1", "locust": "2"},
        "git_revision": None,
        "host": {"system": "", "machine": "", "cores": 2},
        "settings": {},
    }
)


class Run:
    """A run of two arms, sound until a test spoils it."""

    def __init__(self) -> None:
        self.manifest = MANIFEST
        self.rows = [OK, FAILED, REFUSED]
        self.changes = [CHANGE]
        self.samples = list(SAMPLES)
        self.record = RECORD

    def note(self, **values: Any) -> None:
        """Set entries of the manifest."""
        self.manifest = self.manifest.model_copy(update=values)

    def checks(self) -> list[Check]:
        without = Measured(
            "without",
            [replace(OK, arm="without"), replace(FAILED, arm="without"), replace(FAILED, arm="without", id=3)],
            [],
            [],
            [
                replace(
                    RECORD,
                    arm="without",
                    client_outcomes={"ok": 1, "error": 2},
                    client_backend_calls=3,
                    backend_received=3,
                    backend_outcomes={"ok": 1, "error": 2},
                    transitions_seen=0,
                    transitions_made=0,
                )
            ],
        )
        guarded = Measured("with", self.rows, self.changes, self.samples, [self.record])
        return check_run(SCENARIO, self.manifest, [without, guarded])

    def failed(self) -> list[Check]:
        return [check for check in self.checks() if not check.ok]


def test_a_sound_run_passes_every_check() -> None:
    """Each check is there for each arm, with its figures, and none is left out."""
    late = "99 % sent within 1.0 ms, the latest 1.0 ms; allowed 250 ms"
    foreign = "0 changes of settings, breaker or faults that were not the run's own"
    assert Run().checks() == [
        Check("the run is complete", ok=True, detail="2 of 2 arms x seeds ran to their end"),
        Check("without: every request has one outcome", ok=True, detail="planned 3, rows 3, counted by the client 3"),
        Check(
            "without: every outcome is the same in all books",
            ok=True,
            detail="rows and client agree; backend received 3 and ended 3",
        ),
        Check("without: client and backend count the same calls", ok=True, detail="rows 3, client 3, backend 3"),
        Check("without: every transition was recorded", ok=True, detail="recorded 0, made 0"),
        Check("without: nobody else changed anything", ok=True, detail=foreign),
        Check(
            "without: both services answered all the time",
            ok=True,
            detail="longest time without a sample 0.00 s; allowed 1.5 s",
        ),
        Check("without: every request was answered by the client", ok=True, detail="0 without an answer"),
        Check(
            "without: no backend calls while open",
            ok=True,
            detail="0 backend calls by refused requests; backend's counter moved by 0 over 0 intervals",
        ),
        Check(
            "without: the load kept to its schedule",
            ok=True,
            detail="99 % sent within 0.0 ms, the latest 0.0 ms; allowed 250 ms",
        ),
        Check("with: every request has one outcome", ok=True, detail="planned 3, rows 3, counted by the client 3"),
        Check(
            "with: every outcome is the same in all books",
            ok=True,
            detail="rows and client agree; backend received 2 and ended 2",
        ),
        Check("with: client and backend count the same calls", ok=True, detail="rows 2, client 2, backend 2"),
        Check("with: every transition was recorded", ok=True, detail="recorded 1, made 1"),
        Check("with: nobody else changed anything", ok=True, detail=foreign),
        Check(
            "with: both services answered all the time",
            ok=True,
            detail="longest time without a sample 1.25 s; allowed 1.5 s",
        ),
        Check("with: every request was answered by the client", ok=True, detail="0 without an answer"),
        Check(
            "with: no backend calls while open",
            ok=True,
            detail="0 backend calls by refused requests; backend's counter moved by 0 over 2 intervals",
        ),
        Check("with: the load kept to its schedule", ok=True, detail=late),
        Check("all compared arms met the same weather", ok=True, detail="1 seed(s), 2 arm(s)"),
        Check(
            "an arm differs from `without`",
            ok=True,
            detail="requests with another outcome or another breaker state: with: 1 of 3 requests",
        ),
    ]


def lose_a_row(run: Run) -> None:
    del run.rows[2]


def count_a_row_twice(run: Run) -> None:
    run.rows.append(REFUSED)


def miss_a_request_in_the_client(run: Run) -> None:
    run.record = replace(RECORD, client_requests=2)


def count_one_more_in_the_backend(run: Run) -> None:
    run.record = replace(RECORD, backend_received=3, backend_outcomes={"ok": 2, "error": 1})


def end_one_less_in_the_backend(run: Run) -> None:
    run.record = replace(RECORD, backend_outcomes={"ok": 1})


def call_an_error_a_success_in_the_client(run: Run) -> None:
    run.record = replace(RECORD, client_outcomes={"ok": 2, "fast_fail": 1})


def count_one_more_in_the_client(run: Run) -> None:
    run.record = replace(RECORD, client_backend_calls=3)


def call_while_refused(run: Run) -> None:
    run.rows[2] = replace(REFUSED, backend_calls=1)
    ended = {"ok": 2, "error": 1}
    run.record = replace(RECORD, client_backend_calls=3, backend_received=3, backend_outcomes=ended)


def move_the_counter_while_open(run: Run) -> None:
    run.samples[3] = replace(SAMPLES[3], backend_received=4)


def leave_a_request_unanswered(run: Run) -> None:
    run.rows[1] = replace(FAILED, status=0)


def miss_a_transition(run: Run) -> None:
    run.record = replace(RECORD, transitions_made=2)


def send_too_late(run: Run) -> None:
    run.rows = [replace(row, sent_s=row.intended_s + 0.2502) for row in run.rows]


def change_the_weather(run: Run) -> None:
    run.record = replace(RECORD, weather="other")


def meddle(run: Run) -> None:
    run.record = replace(RECORD, foreign_changes=2)


def stand_still(run: Run) -> None:
    run.samples[3] = replace(SAMPLES[3], at_s=3.51)


def interrupt(run: Run) -> None:
    run.note(complete=False)


def end_without_another_seed(run: Run) -> None:
    run.note(seeds=[1, 2], weather={**run.manifest.weather, "without/2": "x", "with/2": "x"})


@pytest.mark.parametrize(
    ("spoil", "name", "detail"),
    [
        (
            miss_a_request_in_the_client,
            "with: every request has one outcome",
            "planned 3, rows 3, counted by the client 2",
        ),
        (
            count_one_more_in_the_backend,
            "with: client and backend count the same calls",
            "rows 2, client 2, backend 3",
        ),
        (
            count_one_more_in_the_client,
            "with: client and backend count the same calls",
            "rows 2, client 3, backend 2",
        ),
        (
            call_while_refused,
            "with: no backend calls while open",
            "1 backend calls by refused requests; backend's counter moved by 0 over 2 intervals",
        ),
        (
            move_the_counter_while_open,
            "with: no backend calls while open",
            "0 backend calls by refused requests; backend's counter moved by 2 over 2 intervals",
        ),
        (leave_a_request_unanswered, "with: every request was answered by the client", "1 without an answer"),
        (miss_a_transition, "with: every transition was recorded", "recorded 1, made 2"),
        (
            send_too_late,
            "with: the load kept to its schedule",
            "99 % sent within 250.2 ms, the latest 250.2 ms; allowed 250 ms",
        ),
        (
            end_one_less_in_the_backend,
            "with: every outcome is the same in all books",
            "rows and client agree; backend received 2 and ended 1",
        ),
        (
            call_an_error_a_success_in_the_client,
            "with: every outcome is the same in all books",
            "error: rows 1, client 0, ok: rows 1, client 2; backend received 2 and ended 2",
        ),
        (
            meddle,
            "with: nobody else changed anything",
            "2 changes of settings, breaker or faults that were not the run's own",
        ),
        (
            stand_still,
            "with: both services answered all the time",
            "longest time without a sample 1.51 s; allowed 1.5 s",
        ),
        (change_the_weather, "all compared arms met the same weather", "differs in with/1"),
        (interrupt, "the run is complete", "2 of 2 arms x seeds ran to their end"),
        (end_without_another_seed, "the run is complete", "2 of 4 arms x seeds ran to their end"),
    ],
)
def test_a_defect_fails_exactly_its_check(spoil: Callable[[Run], None], name: str, detail: str) -> None:
    """The name tells which check, the detail by how much."""
    run = Run()
    spoil(run)

    assert run.failed() == [Check(name, ok=False, detail=detail)]


@pytest.mark.parametrize(("spoil", "rows", "refused"), [(lose_a_row, 2, 0), (count_a_row_twice, 4, 2)])
def test_a_row_too_few_or_too_many_fails_both_counts(spoil: Callable[[Run], None], rows: int, refused: int) -> None:
    """That of the requests and that of their outcomes; no other check."""
    run = Run()
    spoil(run)

    books = f"fast_fail: rows {refused}, client 1; backend received 2 and ended 2"
    assert run.failed() == [
        Check(
            "with: every request has one outcome",
            ok=False,
            detail=f"planned 3, rows {rows}, counted by the client 3",
        ),
        Check("with: every outcome is the same in all books", ok=False, detail=books),
    ]


def test_arms_that_never_differ_say_nothing() -> None:
    """A breaker that never acted, or the same settings twice: there is nothing to compare."""
    run = Run()
    run.rows = [OK, FAILED, replace(FAILED, id=3)]

    found = next(check for check in run.checks() if "differs" in check.name)

    assert (found.ok, found.detail) == (
        False,
        "requests with another outcome or another breaker state: with: 0 of 3 requests",
    )


def test_one_arm_of_several_that_never_differs_is_named() -> None:
    """That another arm acted says nothing of this one."""
    run = Run()
    three = SCENARIO.model_copy(update={"arms": {**SCENARIO.arms, "idle": SCENARIO.arms["with"]}})
    names = ["without", "with", "idle"]
    run.note(arms=names, weather={f"{arm}/1": "w" for arm in names})
    acted = replace(OK, outcome="fast_fail")
    arms = [Measured("without", [OK], [], [], []), Measured("with", [replace(acted, arm="with")], [], [], [])]
    arms.append(Measured("idle", [replace(OK, arm="idle")], [], [], []))

    found = next(check for check in check_run(three, run.manifest, arms) if "differs" in check.name)

    assert found.ok
    assert found.caution == "no request differs from `without`, so the run says nothing about: `idle`"


def test_arms_that_refused_nothing_for_a_known_reason_are_no_fault_of_the_run() -> None:
    """Calls failed, too few for the breaker: the run holds, and says why on top. Without a failure it does not hold."""
    run = Run()
    failed = replace(OK, outcome="error", status=502)
    arms = [Measured(name, [replace(failed, arm=name)] * 3, [], [], []) for name in ("without", "with")]

    checks = check_run(SCENARIO, run.manifest, arms)

    why = "at most 3 failures in a row, fail_max 5"
    assert next(check for check in checks if check.name == "an arm differs from `without`").ok
    assert [check for check in checks if "is known why" in check.name] == [
        Check(
            "with: it is known why nothing was refused",
            ok=True,
            detail=why,
            caution=f"`with` refused nothing though calls failed or were slow: {why}",
        )
    ]
    sound = [Measured(name, [replace(OK, arm=name)] * 3, [], [], []) for name in ("without", "with")]
    assert not next(check for check in check_run(SCENARIO, run.manifest, sound) if "differs" in check.name).ok


def test_an_arm_that_only_tries_a_policy_need_not_differ() -> None:
    """A shadow is there to change nothing."""
    run = Run()
    shadow = SCENARIO.model_copy(
        update={"arms": {**SCENARIO.arms, "with": Arm.model_validate({"breaker": {"policy": "shadow"}})}}
    )
    arms = [Measured(name, run.rows, [], [], []) for name in ("without", "with")]

    assert not any("differs" in check.name for check in check_run(shadow, run.manifest, arms))


def compared(*figures: tuple[float, list[float] | None]) -> Comparison:
    nothing = dict.fromkeys((each.name for each in fields(ComparedArm)), PairedFigure(None, None, None, None, None))
    pairs = (PairedFigure(1.0, 1.0, difference, None, interval) for difference, interval in figures)
    return Comparison("without", {"with": ComparedArm(**{**nothing, **dict(zip(CLAIMED, pairs, strict=True))})})


def test_few_runs_are_told_for_what_they_are() -> None:
    """They hold for themselves, whatever they say."""
    one = check_claims(compared(*[(1.0, None)] * 4), 1)[0]

    assert (one.ok, one.detail) == (True, "1 run of each arm, no intervals; from 2 runs on there are some")
    assert one.caution.startswith("this comparison holds only for this one run; ")


def test_a_difference_that_may_be_chance_says_how_many_runs_would_tell() -> None:
    """An interval narrows with the root of their number: one twice as wide as its mean needs four times the runs."""
    clear, half = (1.0, [0.5, 1.5]), (0.5, [-0.5, 1.5])

    found = check_claims(compared(clear, half, (0.0, [-0.03, 0.03]), (1e-9, [-1.0, 1.0])), 10)[0]

    assert (found.ok, found.detail) == (True, "10 runs of each arm; 1 differences are clear, 2 may be chance")
    assert found.caution == (
        "too few runs to tell a difference: mean_response_s of `with` (about 40 runs would, if the "
        "difference is as large as measured), backend_calls of `with` (if any number would)"
    )
    assert check_claims(compared(*[clear] * 4), 10)[0].caution == ""
    assert check_claims(None, 1) == []


def test_a_counter_may_move_while_the_state_changes() -> None:
    """A probe between two samples that both show open is a call that the breaker permitted."""
    run = Run()
    run.samples[3] = replace(SAMPLES[3], backend_received=3)
    run.changes += [replace(CHANGE, at_s=2.1, after="half-open"), replace(CHANGE, at_s=2.2, before="half-open")]

    assert run.failed() == []


def test_a_little_late_is_a_word_and_no_failure() -> None:
    """A busy machine sends some requests late; the run is still the one that was asked for, and says so."""
    run = Run()
    run.rows[1] = replace(run.rows[1], sent_s=run.rows[1].intended_s + 0.0623)

    late = next(check for check in run.checks() if check.name == "with: the load kept to its schedule")

    assert run.failed() == []
    assert late.caution == (
        "the machine was busy: 1 of 3 requests of `with` were sent more than 50 ms late, the latest 62 ms"
    )
    assert [check.caution for check in Run().checks() if "schedule" in check.name] == ["", ""]


def test_virtual_time_is_never_late() -> None:
    """Only a live run is asked whether its load kept to its schedule; the same rows fail there."""
    run = Run()
    send_too_late(run)
    run.note(engine="virtual")

    assert run.failed() == []
    assert not any("schedule" in check.name for check in run.checks())


def test_an_arm_with_a_weather_of_its_own_is_not_compared() -> None:
    """Planned so, that is no defect; the check says which arms were left out, and the baseline comes first."""
    run = Run()
    run.note(arms=["own", "with", "without"], weather={**run.manifest.weather, "own/1": "other"})

    checks = check_run(SCENARIO, run.manifest, [Measured("own", [], [], [], []), Measured("without", [], [], [], [])])

    said = "0 seed(s), 2 arm(s); not compared, having load or faults of their own: own"
    assert checks[-1] == Check("all compared arms met the same weather", ok=True, detail=said)
    assert comparable_arms(run.manifest, "without") == ["without", "with"]
    assert comparable_arms(run.manifest, "left out") == []


def test_arms_with_different_weather_are_compared_by_nobody() -> None:
    """Without a baseline every arm may meet its own weather."""
    alone = SCENARIO.model_copy(update={"baseline": None})
    manifest = MANIFEST.model_copy(update={"weather": {"without/1": "a", "with/1": "b"}})

    checks = check_run(alone, manifest, [Measured("without", [], [], [], []), Measured("with", [], [], [], [])])

    assert not any("weather" in check.name for check in checks)


def test_what_was_cut_off_has_no_books_to_compare() -> None:
    """Rows of a seed without a record belong to no count; they must still be answered, and quiet while open."""
    run = Run()
    weather = {**run.manifest.weather, "without/2": "x", "with/2": "x"}
    run.note(complete=False, seeds=[1, 2], weather=weather)
    run.rows += [replace(OK, seed=2), replace(OK, seed=2, id=2, intended_s=1.0, sent_s=1.0, status=0)]
    run.changes += [replace(CHANGE, seed=2)]

    assert run.failed() == [
        Check("the run is complete", ok=False, detail="2 of 4 arms x seeds ran to their end"),
        Check("with: every request was answered by the client", ok=False, detail="1 without an answer"),
    ]


def test_an_arm_that_never_ended_is_not_asked_for_its_books() -> None:
    """Where nothing was counted at the end, there is nothing to hold the rows against."""
    arms = [Measured("without", [replace(OK, arm="without")], [], [], []), Measured("with", [], [], [], [])]

    assert [(check.name, check.ok) for check in check_run(SCENARIO, Run().manifest, arms)] == [
        ("the run is complete", False),
        ("without: every request was answered by the client", True),
        ("without: no backend calls while open", True),
        ("without: the load kept to its schedule", True),
        ("with: every request was answered by the client", True),
        ("with: no backend calls while open", True),
        ("with: the load kept to its schedule", True),
        ("all compared arms met the same weather", True),
    ]


@pytest.mark.parametrize(
    ("values", "stood", "late"),
    [
        ({"longest_stall_s": 0.1}, None, None),
        ({"longest_stall_s": 1.15}, "1.15", "0"),
        ({"longest_stall_s": 0.06, "late_deadlines": 3}, "0.06", "3"),
    ],
)
def test_a_client_that_stood_still_is_told(values: dict[str, Any], stood: str | None, late: str | None) -> None:
    """A caution; a short stall is only a figure, and a run without one has no such check."""
    run = Run()
    run.record = replace(run.record, **values)

    [found] = [check for check in run.checks() if "own stall" in check.name]
    assert (found.name, found.ok) == ("with: the client did not take its own stall for a failure", True)
    assert found.caution == (
        f"the client's own process stood still in `with`, for {stood} s at the longest: {late} timeouts are its own "
        "doing, and do not count against the backend"
        if stood
        else ""
    )


@pytest.mark.parametrize(
    ("lag_s", "outcome", "duration_s", "ok"),
    [
        (1.15, "timeout", 3.01, False),
        (0.2, "timeout", 3.01, True),
        (1.15, "error", 3.01, True),
        (1.15, "timeout", 4.0, True),
        (0.0, "timeout", 3.01, True),
    ],
    ids=["on timeouts in a stall", "hardly late", "on errors", "late and neutral", "no stall"],
)
def test_a_run_fails_where_a_breaker_opened_on_a_stall(
    lag_s: float,
    outcome: str,
    duration_s: float,
    ok: bool,
) -> None:
    """Only by timeouts that counted: those that fired late are neutral."""
    run = Run()
    run.record = replace(run.record, longest_stall_s=1.15)
    run.changes = [replace(CHANGE, loop_lag_s=lag_s)]
    run.rows[1] = replace(FAILED, outcome=outcome, sent_s=CHANGE.at_s - duration_s, duration_s=duration_s)

    assert [check.ok for check in run.checks() if "own stall" in check.name] == [ok]
