"""The shipped scenario `policies`, on virtual time and shortened: each policy through it, and what is said of it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.finish import finish
from loadtest.figures.summary import fold
from loadtest.report import theme
from loadtest.report.balance import balance
from loadtest.report.headline import headline
from loadtest.report.part import ReportPart
from loadtest.scenario import files
from loadtest.scenario.arm_figures import FalsePositives
from loadtest.scenario.phases import disturbances, groups, spans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadtest.figures.finished import FinishedRun
    from loadtest.records.measured import Measured
    from loadtest.records.run_folder import RunFolder

WHOLE, TEXT = files.read("policies")
# To the quiet time after the outage.
SHORT = TEXT.replace("requests = 840", "requests = 420")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, new_run: Callable[..., RunFolder]) -> tuple[RunFolder, FinishedRun]:
    """Run the shortened scenario; its report is without pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadtest.report.render._write_charts", lambda *_: None)
        folder = new_run(tmp_path_factory.mktemp("results"), SHORT)
        return folder, finish(folder)


@pytest.fixture
def arms(done: tuple[RunFolder, FinishedRun]) -> dict[str, Measured]:
    """Return every arm of the shortened scenario."""
    return {arm.arm: arm for arm in done[1].arms}


def test_the_scenario_has_every_policy_and_four_disturbances() -> None:
    """Each is named, and followed by quiet time; all arms have one timeout."""
    names = groups(spans(WHOLE.plan_of("off", 1)))

    assert disturbances(names) == ["error-spike", "outage", "slow", "flapping"]
    assert {f"after-{name}" for name in disturbances(names)} < set(names)
    assert {arm.breaker.policy for arm in WHOLE.arms.values()} == {
        *("consecutive", "count_window", "time_window", "throttle", "adaptive", "shadow", "forced_open", "off")
    }
    assert {arm.timeout.total_s for arm in WHOLE.arms.values()} == {1.0}
    assert [name for name, arm in WHOLE.arms.items() if not arm.decides] == ["off", "shadow", "forced-open"]
    assert [name for name, arm in WHOLE.arms.items() if not arm.guarded] == ["off", "shadow"]


def test_every_check_of_a_run_fits_every_policy(done: tuple[RunFolder, FinishedRun]) -> None:
    """Those that refuse a share of the calls while closed, and the one that is open from the start, too."""
    assert done[1].failures == []
    assert len(done[1].summary.validity) == 4 + 6 * len(WHOLE.arms)


def test_refusals_stand_in_the_state_that_they_were_made_in(arms: dict[str, Measured]) -> None:
    """Throttle and adaptive never open; a forced-open breaker was never anything else; a shadow refuses nothing."""
    states = {name: sorted({row.state for row in arm.rows if row.outcome == "fast_fail"}) for name, arm in arms.items()}

    assert states == {
        "off": [],
        "consecutive": ["half-open", "open"],
        "count-window": ["half-open", "open"],
        "time-window": ["half-open", "open"],
        "throttle": ["closed"],
        "adaptive": ["closed"],
        "shadow": [],
        "forced-open": ["open"],
    }
    assert all(row.backend_calls == 0 for arm in arms.values() for row in arm.rows if row.outcome == "fast_fail")


def test_a_breaker_that_is_open_from_the_start_was_never_closed(arms: dict[str, Measured]) -> None:
    """There is no transition to tell it from; the rows do. It did not trip either."""
    found = fold(arms["forced-open"])

    assert found.time_in_state_s == {"closed": 0.0, "open": arms["forced-open"].duration_s(1), "half-open": 0.0}
    assert (found.trips, found.false_positives.trips) == (0, 0)
    assert fold(arms["throttle"]).time_in_state_s["closed"] == arms["throttle"].duration_s(1)


def test_a_share_refused_is_a_false_positive_where_the_backend_was_well(arms: dict[str, Measured]) -> None:
    """Whatever the breaker's state."""
    found = fold(arms["adaptive"], spans(WHOLE.plan_of("adaptive", 1)))

    wrong = [row for row in arms["adaptive"].rows if row.outcome == "fast_fail" and row.would_have == "ok"]
    assert found.false_positives == FalsePositives(fast_fails=len(wrong), trips=0)
    assert sum(each.false_positives.fast_fails for each in found.phases.values()) == len(wrong) > 0


def test_a_shadow_changes_nothing_and_reports(arms: dict[str, Measured]) -> None:
    """Request by request as without a breaker; what it would have refused is in the summary."""
    ends = {name: [(row.id, row.outcome, row.duration_s) for row in arms[name].rows] for name in ("off", "shadow")}
    would = fold(arms["shadow"]).shadow

    assert would is not None
    assert ends["shadow"] == ends["off"]
    assert 0 <= would.of_which_succeeded <= would.would_refuse <= 420
    assert would.would_refuse > 0
    assert fold(arms["off"]).shadow is None


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_fifth_of_errors_does_not_stop_the_adaptive_policy(seed: int) -> None:
    """Its claim, seed by seed: it refuses about as much as fails, not four calls in five."""
    spike = files.parse(TEXT.replace("requests = 840", "requests = 190"), "")
    found = fold(simulate(spike, "adaptive", seed), spans(spike.plan_of("adaptive", seed)))

    assert found.phases["error-spike"].requests > 80
    assert 0 < found.phases["error-spike"].fast_fail_rate < 0.35


def test_the_report_says_who_helped_and_who_harmed(done: tuple[RunFolder, FinishedRun]) -> None:
    """In the first two sentences; policies that are fixed do not compete."""
    assert headline(done[1], ReportPart()) == (
        "In this one run, of 5 policies compared with `off`, `time-window` helped most: overall, 45 % of the "
        "request-seconds and 15 % of the backend calls saved, 4 of 298 answers lost (a trade, more saved than lost in "
        "`outage`). `throttle` harmed most: in `outage` and after it, 53 % of the request-seconds and 70 % of the "
        "backend calls saved, 75 of 76 answers lost."
    )


def test_the_report_has_a_verdict_for_each_policy_and_disturbance(done: tuple[RunFolder, FinishedRun]) -> None:
    """Words, the rule, the figures, and the two arms whose verdict is known."""
    lines = (done[0].path / "report.md").read_text(encoding="utf-8").splitlines()

    for line in (
        "| policy | error-spike | outage | overall |",
        "| `throttle` | unclear | **harmed** | a trade, more saved than lost |",
        "| `adaptive` | **harmed** | a trade, more saved than lost | a trade, more saved than lost |",
        (
            "| outage | `consecutive` | a trade, more saved than lost | 0 to 0 | 76 to 68 (-8) | 76 to 68 (-8) | "
            "110 to 30 (-73 %) | "
            "178 to 91 (-49 %) |"
        ),
        (
            "- A check of the rule: `shadow`, whatever the weather, has to come out overall as 'no difference'; "
            "one run cannot tell."
        ),
        "- A check of the rule: `forced-open`, whatever the weather, has to come out overall as 'harmed'; it does.",
        (
            "- `shadow` tried `time_window` without refusing anything: it would have refused 63 of 420 calls, 4 of "
            "which succeeded."
        ),
    ):
        assert line in lines
    assert any(line.startswith("**One run is an anecdote**") for line in lines)


def test_the_verdicts_are_in_the_summary(done: tuple[RunFolder, FinishedRun]) -> None:
    """Beside the comparison, with the names that scripts rely on."""
    summary = json.loads((done[0].path / "summary.json").read_text(encoding="utf-8"))

    assert list(summary)[5:8] == ["arms", "comparison", "verdicts"]
    assert list(summary["verdicts"]) == ["baseline", "runs", "arms"]
    assert list(summary["verdicts"]["arms"]["shadow"]) == ["error-spike", "outage", "overall"]
    assert {name: arm["overall"]["verdict"] for name, arm in summary["verdicts"]["arms"].items()} == {
        "consecutive": "a trade, more saved than lost",
        "count-window": "a trade, more saved than lost",
        "time-window": "helped",
        "throttle": "a trade, more saved than lost",
        "adaptive": "a trade, more saved than lost",
        "shadow": "unclear",
        "forced-open": "harmed",
    }


PLAIN = """
name = "mine"
title = "Mine"
baseline = "without"
load = [{ requests = 40, rate_per_s = 2 }]
[[faults.phases]]
duration_s = 5
[[faults.phases]]
name = "errors"
duration_s = 10
profile = { error_rate = 1, latency = { mean_s = 0.4 } }
[[faults.phases]]
[arms.without.breaker]
policy = "off"
[arms.with.breaker]
fail_max = 3
reset_timeout = 1
"""


@pytest.mark.usefixtures("no_pictures")
def test_any_scenario_with_a_baseline_and_a_named_phase_is_judged(
    tmp_path: Path, new_run: Callable[..., RunFolder]
) -> None:
    """Also over several seeds, with intervals; the words stand in the picture, too."""
    folder = new_run(tmp_path, PLAIN, seeds=range(1, 6))

    finished = finish(folder)

    lines = (folder.path / "report.md").read_text(encoding="utf-8").splitlines()
    assert headline(finished, ReportPart()) == (
        "`with` helped most: overall, 60 % of the request-seconds and 30 % of the backend calls saved, no answer lost "
        "(helped in `errors`). None harmed in any disturbance."
    )
    assert (
        "| errors | `with` | helped | 0 to 0 | 10 to 10 | 10 to 10 | 8 to 3 (-60 %) | 30 to 18 (-40 %) | "
        "answers -3 to +3; seconds +57 to +63; calls +37 to +43 |"
    ) in lines
    assert not any("anecdote" in line for line in lines)
    assert (folder.path / "charts" / "balance.svg").exists()
    drawn = io.StringIO()
    with theme.style():  # which writes text as text
        balance(finished.summary.verdicts).savefig(drawn, format="svg")
    assert all(f">{word}<" in drawn.getvalue() for word in ("with", "errors", "overall", "helped"))


def test_an_arm_that_was_not_measured_is_not_judged(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """A run that was ended after its first arm has a report without verdicts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadtest.report.render._write_charts", lambda *_: None)
        finished = finish(new_run(tmp_path, PLAIN, only=["without"], complete=False))

    assert finished.summary.verdicts is None
