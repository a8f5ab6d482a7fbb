"""The reference document's figures beside the measured ones."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loadtest.commands.app import main
from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.experiment_1.document import PRINTED
from loadtest.experiments.experiment_1.document import compare as compare_experiment_1
from loadtest.experiments.experiment_2.document import compare as compare_experiment_2
from loadtest.figures.document import check_figures, tolerance_of
from loadtest.records.summary import DocumentFigure
from loadtest.report.all_runs import find_runs
from loadtest.scenario import files
from tests.loadtest.made_figures import arm_summary, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row
    from loadtest.records.run_folder import RunFolder
    from loadtest.records.summary import ArmSummary


@pytest.fixture(scope="module")
def replay() -> Measured:
    found, _ = files.read("experiment-1")
    return simulate(found, "replay", found.seed)


def with_row(arm: Measured, number: int, **values: Any) -> Measured:
    """Return the arm with one request changed."""
    return replace(arm, rows=[replace(row, **values) if row.id == number else row for row in arm.rows])


def outside(arm: Measured) -> list[str]:
    return [figure.name for figure in compare_experiment_1([arm]) if not figure.within]


def lines_outside(arm: Measured) -> list[str]:
    return [name for name in outside(arm) if name.startswith("trace")]


def test_the_replay_is_the_documents_experiment_1(replay: Measured) -> None:
    """All 16 lines of the printed trace and every observation; the values are the document's, to the letter."""
    found = compare_experiment_1([replay])

    assert [(each.name, each.value, each.unit) for each in found] == [
        ("trace, request 1", "SUCCESS, closed", ""),
        ("trace, request 2", "FAILED, closed, 1 failure", ""),
        ("trace, request 3", "FAILED, closed, 2 failures", ""),
        ("trace, request 4", "SUCCESS, closed, 0 failures", ""),
        ("trace, request 5", "FAILED, closed, 1 failure", ""),
        ("trace, request 6", "FAILED, closed, 2 failures", ""),
        ("trace, request 7", "FAILED, closed, 3 failures", ""),
        ("trace, request 8", "FAILED, closed, 4 failures", ""),
        ("trace, request 9", "FAILED, closed, 5 failures", ""),
        ("trace, request 10", "announced, open", ""),
        ("trace, request 11", "FAST-FAIL, open", ""),
        ("trace, request 12", "FAST-FAIL, open", ""),
        ("trace, request 13", "FAST-FAIL, open", ""),
        ("trace, request 14", "SUCCESS, half-open", ""),
        ("trace, request 15", "announced, closed", ""),
        ("trace, request 16", "SUCCESS, closed", ""),
        ("requests in all", 20, "requests"),
        ("backend calls while open", 0, "calls"),
        ("fast-fail, median", 0.002, "s"),
        ("normal call, median", 0.5, "s"),
        ("wait from opening to the probe", 30.0, "s"),
        ("probes that close it", 1, "probe"),
    ]
    assert [(each.measured, each.within) for each in found[:16]] == [(each.value, True) for each in found[:16]]
    assert [round(float(each.measured or 0), 6) for each in found[16:]] == [20, 0, 0, 0.5, 30.7, 1]
    assert outside(replay) == []


def test_without_the_replay_there_is_nothing_to_hold_against(replay: Measured) -> None:
    """The other arm alone says nothing about the trace."""
    assert compare_experiment_1([replace(replay, arm="independent-30")]) == []
    assert compare_experiment_1([]) == []


@pytest.mark.parametrize("number", PRINTED)
def test_another_state_puts_the_line_outside(replay: Measured, number: int) -> None:
    """Each of the 16 lines is held against the state that it prints or announces."""
    state = "open" if PRINTED[number][1] != "open" else "closed"

    assert lines_outside(with_row(replay, number, state=state)) == [f"trace, request {number}"]


@pytest.mark.parametrize("number", [number for number, (result, _, _) in PRINTED.items() if result])
def test_another_outcome_puts_the_line_outside(replay: Measured, number: int) -> None:
    """Wherever the document prints a result."""
    outcome = "error" if PRINTED[number][0] != "FAILED" else "ok"

    assert lines_outside(with_row(replay, number, outcome=outcome)) == [f"trace, request {number}"]
    assert lines_outside(with_row(replay, number, outcome="rejected")) == [f"trace, request {number}"]


@pytest.mark.parametrize("number", [number for number, (_, _, count) in PRINTED.items() if count is not None])
def test_another_count_puts_the_line_outside(replay: Measured, number: int) -> None:
    """Wherever the document prints a failure count."""
    assert lines_outside(with_row(replay, number, fail_count=7)) == [f"trace, request {number}"]


@pytest.mark.parametrize("number", [1, 10, 16])
def test_a_missing_request_puts_its_line_outside(replay: Measured, number: int) -> None:
    """A run that was cut off has nothing to show for it."""
    cut = replace(replay, rows=[row for row in replay.rows if row.id != number])
    found = next(each for each in compare_experiment_1([cut]) if each.name == f"trace, request {number}")

    assert (found.measured, found.within) == (None, False)
    assert "requests in all" in outside(cut)


def change_rows(change: Callable[[Row], dict[str, Any]]) -> Callable[[Measured], Measured]:
    return lambda arm: replace(arm, rows=[replace(row, **change(row)) for row in arm.rows])


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda arm: with_row(arm, 12, backend_calls=1), "backend calls while open"),
        (change_rows(lambda row: {"duration_s": 0.0021} if row.outcome == "fast_fail" else {}), "fast-fail, median"),
        (change_rows(lambda row: {"duration_s": 0.551} if row.outcome != "fast_fail" else {}), "normal call, median"),
        (change_rows(lambda row: {"duration_s": 0.449} if row.outcome != "fast_fail" else {}), "normal call, median"),
        (
            lambda arm: replace(arm, changes=[arm.changes[0], replace(arm.changes[1], at_s=36.8), arm.changes[2]]),
            "wait from opening to the probe",
        ),
        (lambda arm: replace(arm, changes=[]), "wait from opening to the probe"),
    ],
)
def test_an_observation_that_is_off_is_outside(
    replay: Measured, spoil: Callable[[Measured], Measured], name: str
) -> None:
    """A call while open, a slow refusal, a normal call more than 10 % off, a probe before 30 s or none at all."""
    assert outside(spoil(replay)) == [name]


@pytest.mark.parametrize(("fast", "normal"), [(0.002, 0.55), (0.0, 0.45)])
def test_an_observation_at_its_tolerance_is_within(replay: Measured, fast: float, normal: float) -> None:
    """At most 2 ms for a refusal, 10 % either way for a normal call."""
    spoil = change_rows(lambda row: {"duration_s": fast if row.outcome == "fast_fail" else normal})

    assert outside(spoil(replay)) == []


def arms(**changes: Any) -> dict[str, ArmSummary]:
    """Return the document's own Experiment 2 as summaries; a change is named `<arm>__<figure>`."""
    found: dict[str, dict[str, Any]] = {
        "without": {
            "requests": 100,
            "success_rate": 0.42,
            "mean_response_s": 1.8,
            "timeout_rate": 0.18,
            "outcomes": outcomes(error=40),
            "in_flight_s": 180.0,
        },
        "with": {
            "requests": 100,
            "backend_success_rate": 0.45,
            "fast_fail_rate": 0.35,
            "mean_response_s": 0.6,
            "timeout_rate": 0.0,
            "in_flight_s": 72.0,
        },
    }
    for name, value in changes.items():
        arm, _, figure = name.removesuffix("_").partition("__")
        found[arm.removeprefix("_")][figure] = value
    return {arm: arm_summary(**figures) for arm, figures in found.items()}


def test_the_documents_own_table_deviates_by_nothing() -> None:
    """Every figure of Experiment 2, with its unit and tolerance."""
    found = compare_experiment_2(arms())

    assert [replace(each, deviation=round(each.deviation or 0, 9)) for each in found] == [
        DocumentFigure("without: total requests", 100, 100, "requests", "exact", 0, within=True),
        DocumentFigure("without: success rate", 42, 42.0, "%", "3 points", 0, within=True),
        DocumentFigure("without: average response time", 1.8, 1.8, "s", "10 %", 0, within=True),
        DocumentFigure("without: timeout rate", 18, 18.0, "%", "3 points", 0, within=True),
        DocumentFigure("without: failed requests", 40, 40.0, "%", "3 points", 0, within=True),
        DocumentFigure("with: total requests", 100, 100, "requests", "exact", 0, within=True),
        DocumentFigure("with: success rate of actual backend calls", 45, 45.0, "%", "3 points", 0, within=True),
        DocumentFigure("with: fast-fail rate", 35, 35.0, "%", "3 points", 0, within=True),
        DocumentFigure("with: average response time", 0.6, 0.6, "s", "10 %", 0, within=True),
        DocumentFigure("with: timeout rate", 0, 0.0, "%", "3 points", 0, within=True),
        DocumentFigure("resource utilization, lower by", 60, 60.0, "%", "3 points", 0, within=True),
    ]


@pytest.mark.parametrize(
    ("change", "value", "name", "deviation", "within"),
    [
        ("without__requests", 101, "without: total requests", 1, False),
        ("without__success_rate", 0.45, "without: success rate", 3, True),
        ("without__success_rate", 0.4501, "without: success rate", 3.01, False),
        ("without__success_rate", 0.39, "without: success rate", -3, True),
        ("without__success_rate", 0.3899, "without: success rate", -3.01, False),
        ("without__mean_response_s", 1.98, "without: average response time", 0.18, True),
        ("without__mean_response_s", 1.981, "without: average response time", 0.181, False),
        ("without__mean_response_s", 1.62, "without: average response time", -0.18, True),
        ("without__mean_response_s", 1.619, "without: average response time", -0.181, False),
        ("without__timeout_rate", 0.21, "without: timeout rate", 3, True),
        ("without__timeout_rate", 0.22, "without: timeout rate", 4, False),
        ("without__outcomes", outcomes(error=43), "without: failed requests", 3, True),
        ("without__outcomes", outcomes(error=36), "without: failed requests", -4, False),
        ("with__requests", 99, "with: total requests", -1, False),
        ("with__backend_success_rate", 0.48, "with: success rate of actual backend calls", 3, True),
        ("with__backend_success_rate", 0.41, "with: success rate of actual backend calls", -4, False),
        ("with__fast_fail_rate", 0.32, "with: fast-fail rate", -3, True),
        ("with__fast_fail_rate", 0.39, "with: fast-fail rate", 4, False),
        ("with__mean_response_s", 0.66, "with: average response time", 0.06, True),
        ("with__mean_response_s", 0.661, "with: average response time", 0.061, False),
        ("with__timeout_rate", 0.03, "with: timeout rate", 3, True),
        ("with__timeout_rate", 0.04, "with: timeout rate", 4, False),
        ("with__in_flight_s", 77.4, "resource utilization, lower by", -3, True),
        ("with__in_flight_s", 66.0, "resource utilization, lower by", 3.333, False),
    ],
)
def test_a_figure_is_within_up_to_its_tolerance(
    change: str, value: Any, name: str, deviation: float, within: bool
) -> None:
    """3 points for shares, 10 % for times, nothing for counts; and no other figure is touched."""
    figures = {each.name: each for each in compare_experiment_2(arms(**{change: value}))}

    assert round(figures[name].deviation or 0, 3) == deviation
    assert [each.name for each in figures.values() if not each.within] == ([] if within else [name])


def test_a_figure_that_is_not_there_is_outside() -> None:
    """An arm of which nothing was measured meets no figure."""
    found = compare_experiment_2({"without": arm_summary(), "with": arm_summary()})

    assert [(each.measured, each.within) for each in found] == [
        (0 if "total" in each.name else None, False) for each in found
    ]


@pytest.mark.parametrize("names", [["without"], ["with"], []])
def test_experiment_2_needs_both_arms(names: list[str]) -> None:
    """One arm alone is no comparison."""
    assert compare_experiment_2({name: arms()[name] for name in names}) == []


def test_the_tolerance_is_in_the_figures_own_unit() -> None:
    """10 % of a time; 3 of anything else."""
    assert (tolerance_of(1.8, "s"), tolerance_of(42, "%"), tolerance_of(100, "requests")) == (pytest.approx(0.18), 3, 3)


def slow_refusals(arm: Measured) -> Measured:
    """Return the arm with refusals of 2.3 ms, as a busy machine gives them."""
    return change_rows(lambda row: {"duration_s": 0.0023} if row.outcome == "fast_fail" else {})(arm)


def test_a_missed_figure_fails_the_pinned_seed_and_is_told_of_others(replay: Measured) -> None:
    """Without a figure there is no check."""
    met, missed = compare_experiment_1([replay]), compare_experiment_1([slow_refusals(replay)])

    assert [(check.ok, check.caution) for pinned in (True, False) for check in check_figures(met, pinned=pinned)] == [
        (True, ""),
        (True, ""),
    ]
    [pinned], [other] = (check_figures(missed, pinned=each) for each in (True, False))
    assert (pinned.ok, pinned.caution) == (False, "")
    assert pinned.detail == "21 of 22 within; outside: fast-fail, median: 0.0023 s instead of 0.002 s"
    assert (other.ok, other.detail) == (True, pinned.detail)
    assert other.caution.startswith("1 of the document's 22 figures are outside their tolerance")
    assert check_figures([], pinned=True) == []


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    ("seed", "complete", "verdict", "code", "word"),
    [
        (1, True, "not as expected", 1, "1 of the document's 22 figures are outside: fast-fail, median."),
        (2, True, "holds", 0, ""),
        (1, False, "incomplete", 1, ""),
    ],
)
def test_headline_index_and_exit_code_go_by_one_rule(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new_run: Callable[..., RunFolder],
    seed: int,
    complete: bool,
    verdict: str,
    code: int,
    word: str,
) -> None:
    """Experiment 1 with refusals of 2.3 ms; what was cut off is held to nothing but its completeness."""
    folder = new_run(tmp_path, files.read("experiment-1")[1], seeds=[seed], complete=complete)
    kept = [json.loads(line) for line in folder.requests.read_text(encoding="utf-8").splitlines()]
    slow = [{**each, "duration_s": 0.0023} if each["outcome"] == "fast_fail" else each for each in kept]
    folder.requests.write_text("".join(f"{json.dumps(each)}\n" for each in slow), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["loadtest", "report", str(folder.path)])

    with pytest.raises(SystemExit) as ended:
        main()

    [run] = find_runs(tmp_path).runs
    assert (run.verdict, ended.value.code) == (verdict, code)
    assert run.headline.endswith(word)
    assert ("document's 22 figures" in run.headline) == bool(word)
    report = (folder.path / "report.md").read_text(encoding="utf-8")
    assert ("> **Not as expected.**" in report) == bool(word)
    assert ("only the scenario's own seed has to meet them" in report) == (seed == 2)
