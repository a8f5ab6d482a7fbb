"""Questions, and their answers: exact against simulated, mistakes by name, words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from inputs.check import check
from inputs.wrong_input import WrongInputError
from loadtest.probability import simulation
from loadtest.probability.answer import TripAnswer, TripFigure, answer_question
from loadtest.probability.question import TripQuestion
from loadtest.probability.simulation import SimulatedTrip, simulate
from loadtest.probability.table import answer_text
from loadtest.terminal import progress as line
from loadtest.terminal.progress import progress

WINDOW: dict[str, Any] = {"policy": "count_window", "window_calls": 10, "min_calls": 6}
RARE: dict[str, Any] = {"policy": "time_window", "rate": 5, "runs": 100, "error_rate": 0.1}
LEAST_BURST = "burst_length: got 1.2; allowed at error_rate 0.3: a number >= 1.42857, the mean run of chance failures"
FIGURES = "trips", "calls", "tenth", "half", "most", "recovers", "cycle"


def figures(found: TripAnswer) -> list[TripFigure]:
    return [getattr(found.figures, name) for name in FIGURES]


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "_CALLS", 20_000)


@pytest.mark.parametrize(
    "asked",
    [
        {"fail_max": 3},
        {"fail_max": 3, "burst_length": 4, "success_threshold": 2},
        WINDOW,
        {**WINDOW, "burst_length": 3, "rate": 0.1},
    ],
)
@pytest.mark.usefixtures("short_runs")
def test_every_exact_figure_is_in_the_interval_of_its_simulation(asked: dict[str, Any]) -> None:
    """The lab's own breakers on drawn outcomes, 400 runs with a fixed seed."""
    exact = answer_question(TripQuestion(**asked, requests=60))
    simulated = answer_question(TripQuestion(**asked, requests=60, simulate=True, runs=400, seed=5))

    assert [figure.interval for figure in figures(exact)] == [None] * len(FIGURES)
    for name, one, other in zip(FIGURES, figures(exact), figures(simulated), strict=True):
        low, high = other.interval or (math.nan, math.nan)
        assert low <= one.value <= (high or math.inf), (name, one, other)
    assert (simulated.runs, simulated.given_up) == (400, 0)


@pytest.mark.usefixtures("short_runs")
def test_a_window_that_is_too_large_is_exact_while_it_fills() -> None:
    """Each figure says which it is; what is exact lies in the interval of a simulation of the whole."""
    asked: dict[str, Any] = {"policy": "count_window", "error_rate": 0.45, "requests": 90, "runs": 200}
    found, simulated = (answer_question(TripQuestion(**asked, simulate=each)) for each in (False, True))

    assert [figure.interval is None for figure in figures(found)] == [True, False, True, True, False, True, True]
    assert found.figures.calls == simulated.figures.calls
    for one, other in zip(figures(found), figures(simulated), strict=True):
        low, high = other.interval or (math.nan, math.nan)
        assert low <= one.value <= (high or math.inf)


@pytest.mark.usefixtures("short_runs")
def test_a_time_window_that_holds_every_call_is_a_count_window() -> None:
    """Its simulation against the exact chance of the other one; and when every call fails it trips at once."""
    shared: dict[str, Any] = {"min_calls": 10, "requests": 40, "failure_rate": 0.5, "error_rate": 0.45}
    exact = answer_question(TripQuestion(**shared, policy="count_window", window_calls=40, runs=100)).figures.trips
    asked: dict[str, Any] = {**shared, "policy": "time_window", "rate": 10, "window_s": 100, "runs": 200}
    found = answer_question(TripQuestion(**asked)).figures.trips

    assert exact.interval is None
    assert found.interval is not None
    assert found.interval[0] <= exact.value <= (found.interval[1] or 0)
    assert answer_question(TripQuestion(**{**asked, "error_rate": 1})).figures.calls == TripFigure(10.0, (10.0, 10.0))


@pytest.mark.usefixtures("short_runs")
def test_a_simulation_is_that_of_its_seed() -> None:
    """The same again, another one otherwise; and whoever watches learns of each run."""
    told: list[int] = []
    asked = {**WINDOW, "runs": 100, "simulate": True}

    assert simulate(TripQuestion(**asked, seed=1), told.append) == simulate(TripQuestion(**asked, seed=1))
    assert simulate(TripQuestion(**asked, seed=1)) != simulate(TripQuestion(**asked, seed=2))
    assert told == list(range(1, 101))


@pytest.mark.usefixtures("short_runs")
def test_a_trip_that_is_too_rare_leaves_no_mean_but_a_bound() -> None:
    """More than half of the runs give up: what they came to is a lower end, and the value is not known."""
    found = answer_question(TripQuestion(fail_max=20, simulate=True, runs=100))

    assert found.given_up == 100
    assert [each.value for each in figures(found)[:1]] == [0.0]
    assert [math.isnan(each.value) for each in figures(found)[1:6]] == [True] * 5
    assert [each.interval for each in figures(found)[1:5]] == [(200.0, None)] * 4
    assert found.as_json()["mean_calls_to_trip"] == {"value": None, "how": "simulated", "low": 200.0, "high": None}


def test_the_last_few_runs_go_on_until_they_have_tripped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where few have not tripped in the time for all, the mean is worth the wait."""
    monkeypatch.setattr(simulation, "_CALLS", 2_000)
    runs = simulate(TripQuestion(fail_max=1, requests=1, error_rate=0.05, simulate=True, runs=100))

    assert all(isinstance(run, SimulatedTrip) and run.trip == run.calls for run in runs)
    assert max(run.calls for run in runs) > 20


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"policy": "off"}, "policy: got 'off'; allowed: consecutive, count_window, time_window"),
        ({"fail_max": "x"}, "fail_max: got 'x'; allowed: a whole number >= 1 and <= 10000"),
        ({"burst_length": 0.5}, "burst_length: got 0.5; allowed: a number >= 1 and <= 1000"),
        (
            {"burst_length": 1.2},
            LEAST_BURST,
        ),
        (
            {"burst_length": 2, "error_rate": 1},
            "error_rate: got 1; allowed with burst_length 2: a number < 1, else no burst ever ends",
        ),
        (
            {"policy": "count_window", "fail_max": 3},
            "fail_max: got 3; the policy 'count_window' does not read it, only: consecutive",
        ),
        (
            {"min_calls": 3},
            "min_calls: got 3; the policy 'consecutive' does not read it, only: count_window, time_window",
        ),
        (
            {"policy": "count_window", "window_calls": 10},
            "min_calls: got 20; allowed: a number <= window_calls = 10",
        ),
        ({"policy": "time_window"}, "rate: missing; the policy 'time_window' needs it, requests per second"),
        (
            {"policy": "time_window", "rate": 1},
            "min_calls: got 20; allowed at rate 1 and window_s 10: a number <= 11, which is all that it ever holds",
        ),
        (
            {"simulate": True, "requests": 1_000_000},
            "requests: got 1000000; allowed in a simulation of 2000 runs: a number <= 50000",
        ),
        ({"rate": 0}, "rate: got 0; allowed: a number >= 1e-06 and <= 1000000"),
        ({"runs": 10}, "runs: got 10; allowed: a whole number >= 100 and <= 1000000"),
    ],
)
def test_a_question_that_cannot_be_meant_is_named(asked: dict[str, Any], said: str) -> None:
    """Field, value, and what is allowed."""
    with pytest.raises(WrongInputError) as wrong:
        check(asked, TripQuestion)

    assert str(wrong.value) == said


@pytest.mark.parametrize(
    ("asked", "refused", "latest", "shortest"),
    [
        ({}, 4, 15, 10),
        ({"rate": 1 / 6}, 4, 15, 10),
        ({"rate": 10, "reset_timeout": 0.3, "success_threshold": 2}, 2, 16, 9),
        ({"rate": 0.01}, 0, 0, 6),
        ({"rate": 1}, 29, 0, 35),
        ({"policy": "count_window", "requests": 40}, 4, 35, 25),
    ],
)
def test_what_meets_an_open_breaker_follows_from_rate_and_time(
    asked: dict[str, Any], refused: int, latest: int, shortest: int
) -> None:
    """A request that comes exactly when the time is over is the probe."""
    question = TripQuestion(**asked)

    assert (question.refused, question.latest_trip, question.shortest_cycle) == (refused, latest, shortest)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"error_rate": 0}, "with a chance of 0 % (exact); it never trips (exact).\n"),
        ({"fail_max": 9999}, "the first trip is too far away for a number (exact).\n"),
        ({"burst_length": 5}, "If 30 % of the calls fail in bursts of 5 on average, a breaker that opens after 5 con"),
        (WINDOW, "a breaker that opens at 50 % failures in the last 10 calls (6 calls at least) trips within 20 call"),
        ({"rate": 0.01}, "calls take no time. It cannot happen: none comes while the breaker is open."),
        ({"rate": 1}, "calls take no time. It cannot happen: it takes at least 35 requests."),
        ({"success_threshold": 3}, "are refused, and the first 3 probes succeed and close it; calls take no time."),
        (RARE, "last 10 s (20 calls at least) trips within 20 calls with a chance of 0 % (simulated); the first trip"),
        (RARE, "the first trip takes more than 200 calls on average (simulated).\n"),
        (RARE, "Simulated: 100 runs of the lab's own breaker, seed 1; 100 of them ended without a trip.\n"),
        (RARE, "Whole cycle: of 20 requests at 5/s one trips the breaker, 149 that come in the next 30 s are refused"),
    ],
)
@pytest.mark.usefixtures("short_runs")
def test_an_answer_says_what_was_asked_and_what_cannot_be(asked: dict[str, Any], said: str) -> None:
    """In sentences, each with its source."""
    assert said in answer_text(answer_question(TripQuestion(**asked)))


@pytest.mark.parametrize(("tty", "after_s", "seen"), [("1", 0.0, True), ("1", 60.0, False), ("0", 0.0, False)])
def test_progress_shows_where_someone_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tty: str, after_s: float, *, seen: bool
) -> None:
    """On a terminal, and only once it takes longer than a second."""
    monkeypatch.setenv("TTY_COMPATIBLE", tty)
    monkeypatch.setattr(line, "_SHOWN_AFTER_S", after_s)

    with progress("runs", 3) as on_progress:
        for done in (1, 2, 3):
            on_progress(done)

    out, err = capsys.readouterr()
    assert out == ""
    assert ("runs" in err) is seen


@pytest.mark.usefixtures("short_runs")
def test_without_a_refusal_there_is_no_whole_cycle() -> None:
    """The next request comes when the time is over: the breaker trips and closes again, and nobody has noticed."""
    asked: dict[str, Any] = {"fail_max": 1, "error_rate": 0.5, "rate": 0.01, "runs": 100}
    exact, simulated = (answer_question(TripQuestion(**asked, simulate=each)).figures.cycle for each in (False, True))

    assert exact == TripFigure(0.0)
    assert (simulated.value, simulated.interval and simulated.interval[0]) == (0.0, 0.0)
