"""The box on top of a report, the latency table, and what a quick refusal must not do to either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadtest.experiments.finish import finish
from loadtest.figures.finished import measure_run
from loadtest.report import charts
from loadtest.report.numbers import short_time
from loadtest.report.part import ReportPart
from loadtest.report.render import pictures_of
from loadtest.report.tables import latency_rows
from loadtest.report.under_test import under_test_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine"
about = "My words."
baseline = "without"
[[load]]
requests = 1200
rate_per_s = 20
[[load]]
requests = 5
rate_per_s = 0.5
arrivals = "poisson"
pause_s = 2
[[faults.phases]]
duration_s = 5
profile = { latency = { distribution = "lognormal", mean_s = 0.1, spread_s = 0.05 }, capacity = { workers = 10 } }
[[faults.phases]]
name = "storm"
duration_s = 3
profile = { error_rate = 0.25, hang_rate = 0.5, retry_after_s = 3 }
[[faults.phases]]
profile = { latency = { distribution = "lognormal", mean_s = 0.1, spread_s = 0.05 }, capacity = { workers = 10 } }
[arms.without]
timeout = { total_s = 1 }
breaker = { policy = "off" }
[arms.with]
timeout = { total_s = 1 }
breaker = { fail_max = 3, reset_timeout = 1 }
[arms.patient]
timeout = { total_s = 1 }
breaker = { fail_max = 4, reset_timeout = 1 }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, new_run: Callable[..., RunFolder]) -> RunFolder:
    return new_run(tmp_path_factory.mktemp("results"), TEXT)


def test_load_faults_and_what_tells_the_arms_apart(folder: RunFolder) -> None:
    """Phases that are alike share a row; what all arms have alike stands once; of a breaker, what its policy reads."""
    rows = {each["what"]: each["text"] for each in under_test_rows(measure_run(folder))}

    quiet = "lognormal latency of 0.1 s (spread 0.05 s), 10 workers"
    assert rows.pop("arm `with`").startswith("policy consecutive, reset_timeout 1, ")
    assert "fail_max 4" in rows.pop("arm `patient`")
    assert rows == {
        "load": "1,200 requests, 20/s, constant arrivals; after 2 s: 5 requests, 0.5/s, poisson arrivals",
        "faults, between": f"0 to 5 s, from 8 s: {quiet}",
        "faults, `storm`": "5 to 8 s: 25 % errors, 50 % hangs, retry_after_s 3",
        "every arm": "timeout.total_s 1",
        "arm `without`": "policy off",
    }


def test_what_all_arms_have_alike_is_told_even_at_its_default(
    tmp_path: Path, new_run: Callable[..., RunFolder]
) -> None:
    """Who reads the report of two arms that differ only in their weather still sees the breaker."""
    text = TEXT.replace("fail_max = 4", "fail_max = 3").replace(
        'breaker = { policy = "off" }',
        'breaker = { fail_max = 3, reset_timeout = 1 }\nclassification = { neutral_status = ["404", "418"] }',
    )
    rows = {each["what"]: each["text"] for each in under_test_rows(measure_run(new_run(tmp_path, text)))}

    assert rows["every arm"] == "policy consecutive, reset_timeout 1, fail_max 3, timeout.total_s 1"
    assert rows["arm `with`"] == "as the others"
    assert rows["arm `without`"] == "classification.neutral_status 404/418"


@pytest.mark.parametrize(
    ("changed", "rows"),
    [
        (
            {"[arms.patient]": "[arms.patient]\nload = [{ requests = 3, rate_per_s = 1 }]"},
            {"its own load, `patient`": "3 req"},
        ),
        (
            {"[arms.patient]": "[arms.patient]\nfaults = { sequence = 'SF' }"},
            {"its own faults, `patient`": "sequence SF"},
        ),
        (
            {"[arms.patient]": f"[arms.patient]\nfaults = {{ sequence = '{'SF' * 40}' }}"},
            {"its own faults, `patient`": f"sequence {'SF' * 20}... (80 characters)"},
        ),
        ({"fail_max = 4": "fail_max = 3"}, {"arm `with`": "policy consecutive", "arm `patient`": "policy consecutive"}),
    ],
    ids=["load", "faults", "long", "alike"],
)
def test_an_arm_of_its_own_says_so(
    tmp_path: Path, new_run: Callable[..., RunFolder], changed: dict[str, str], rows: dict[str, str]
) -> None:
    """Its own load or faults; long values are cut."""
    text = TEXT
    for before, after in changed.items():
        text = text.replace(before, after)

    found = {each["what"]: each["text"] for each in under_test_rows(measure_run(new_run(tmp_path, text)))}

    for what, said in rows.items():
        assert found[what].startswith(said)


@pytest.mark.usefixtures("no_pictures")
def test_the_box_stands_on_top(folder: RunFolder) -> None:
    """Above the scenario's own words and any section."""
    finish(folder)

    report = (folder.path / "report.md").read_text(encoding="utf-8")
    assert report.index("| under test | settings |") < report.index("\nMy words.\n") < report.index("\n## ")
    assert "| arm | outcome | requests | median | 90 % | 95 % | 99 % | longest |" in report
    assert "median latency |" not in report  # over all outcomes


def test_latency_is_told_by_outcome_the_successful_requests_first(folder: RunFolder) -> None:
    """Nothing is mixed with the refusals, which take no time."""
    done = measure_run(folder)
    rows = [each for each in latency_rows(done) if each["arm"] == "`with`"]
    figures = done.summary.arms["with"]

    assert rows[0]["outcome"] == "ok"
    assert {each["outcome"] for each in rows} == set(figures.latency_s) - {"all"} > {"ok", "fast_fail"}
    assert rows[0]["p90"] == short_time(figures.latency_s["ok"].p90 or 0)
    assert next(iter(figures.latency_s)) == "ok"


def test_a_refusal_lifts_no_curve_of_latency(folder: RunFolder) -> None:
    """Each line ends at the share of requests that succeeded."""
    done = measure_run(folder)

    [axis] = charts.latency(done.arms).axes

    ends = [float(line.get_ydata()[-1]) for line in axis.lines]
    assert ends == pytest.approx([arm.success_rate for arm in done.summary.arms.values()])


@pytest.mark.parametrize("draw", [charts.timeline, charts.in_flight])
def test_phases_are_shaded_and_named(folder: RunFolder, draw: Callable[..., object]) -> None:
    """In each panel of each picture over time."""
    done = measure_run(folder)
    figure = dict(pictures_of(done, ReportPart()))[draw.__name__]  # type: ignore[attr-defined]

    assert [[each.get_text() for each in axis.texts if each.get_style() == "italic"] for axis in figure.axes] == [
        ["storm"]
    ] * 3
    for axis in figure.axes:
        grey = [each for each in axis.patches if each.get_alpha() == 0.08]
        assert [(each.get_x(), each.get_width()) for each in grey] == [(5, 3)]


def test_a_tenth_of_a_second_is_written_as_one() -> None:
    """Not as 1e+02 ms."""
    assert [short_time(value) for value in (0.0994, 0.0996, 0.1, 0.00123)] == ["99 ms", "0.10 s", "0.10 s", "1.2 ms"]
