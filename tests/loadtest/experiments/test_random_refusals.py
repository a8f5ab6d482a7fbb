"""What refusing as many requests at random would have done: simulated, with queue and timeouts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments import random_refusals
from loadtest.experiments.finish import finish, measure_with_part
from loadtest.experiments.random_refusals import with_yardsticks
from loadtest.figures.finished import measure_run
from loadtest.records import run_folder
from loadtest.records.comparison import Judgement
from loadtest.scenario import files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadtest.records.comparison import RandomYardstick, VerdictCell
    from loadtest.records.run_folder import RunFolder

ROOT = Path(__file__).parents[3]

# A backend that is slow, and a policy that refuses three requests in ten of what it can see: `throttle_k` near 1.
TEXT = """
name = "mine"
title = "Mine"
baseline = "off"
load = [{{ requests = 300, rate_per_s = 24, arrivals = "poisson" }}]
[[faults.phases]]
name = "busy"
profile = {{ latency = {{ distribution = "exponential", mean_s = 0.25 }}{capacity} }}
[arms.off]
breaker = {{ policy = "off" }}
timeout = {{ total_s = 1 }}
[arms.on]
breaker = {{ policy = "{policy}", window_s = 3, throttle_k = 1.05 }}
timeout = {{ total_s = 1 }}
"""
QUEUE = TEXT.format(capacity=", capacity = { workers = 4 }", policy="throttle")
NO_QUEUE = TEXT.format(capacity=", error_rate = 0.2", policy="throttle")
IDLE = TEXT.format(capacity="", policy="shadow")


@pytest.fixture
def cell(tmp_path: Path, new_run: Callable[..., RunFolder]) -> Callable[..., VerdictCell]:
    """`cell(text, seeds)`: what a finished run of the text says of its policy."""

    def measure(text: str, seeds: Sequence[int] = (1, 2, 3, 4, 5, 6)) -> VerdictCell:
        done, _ = measure_with_part(new_run(tmp_path, text, seeds))
        assert done.summary.verdicts is not None
        return done.summary.verdicts.arms["on"]["busy"]

    return measure


def yardstick_of(cell: VerdictCell) -> RandomYardstick:
    assert cell.random_yardstick is not None
    return cell.random_yardstick


def test_the_chosen_requests_are_refused_and_no_other() -> None:
    """At once, before the backend hears of them; the others meet the same weather."""
    scenario = files.parse(NO_QUEUE, "mine.toml")
    plain = {row.id: row for row in simulate(scenario, "off", 1).rows}
    rows = {row.id: row for row in simulate(scenario, "on", 1, refused=frozenset({"3", "7"})).rows}

    assert [number for number, row in rows.items() if row.outcome == "fast_fail"] == [3, 7]
    assert (rows[3].backend_calls, rows[3].duration_s, rows[3].state) == (0, 0.0, "closed")
    assert all(rows[number].outcome == row.outcome for number, row in plain.items() if number not in (3, 7))


def test_with_a_queue_refusing_at_random_saves_more_than_itself(cell: Callable[..., VerdictCell]) -> None:
    """Whoever waits behind a refused request waits less: it loses hardly an answer, or wins some."""
    found = cell(QUEUE)
    yardstick = yardstick_of(found)
    refused = 1 - found.calls.value / found.calls.baseline

    assert 0.15 < refused < 0.5
    assert yardstick.calls_saved.share == pytest.approx(refused, abs=0.01)
    assert yardstick.seconds_saved.share > refused + 0.1
    assert yardstick.lost.share < refused - 0.1
    assert yardstick.seconds_beyond.share > 0.2
    told = (
        f"{100 * refused:.0f} % of the requests refused at random saved {100 * yardstick.seconds_saved.share:.0f} % of "
    )
    told += f"the request-seconds and lost {100 * yardstick.lost.share:.0f} % of the answers"
    assert told in " ".join((ROOT / "docs" / "policies.md").read_text(encoding="utf-8").split())
    assert yardstick.seconds_lead.share == pytest.approx(
        found.seconds_beyond.share - yardstick.seconds_beyond.share, abs=1e-9
    )


def test_a_policy_that_is_no_better_than_that_has_saved_nothing(
    cell: Callable[..., VerdictCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the old rule, a refusal saving nothing but itself, this one made a gain."""
    found = cell(QUEUE)
    monkeypatch.setattr("loadtest.experiments.finish.with_yardsticks", lambda done: done)
    before = cell(QUEUE)

    assert before.seconds_beyond == found.seconds_beyond
    assert before.seconds_beyond.share > 0.1 > yardstick_of(found).seconds_lead.share
    assert before.verdict in (Judgement.HELPED, Judgement.TRADE_UP)
    assert found.verdict != before.verdict
    assert before.random_yardstick is None


def test_without_a_queue_it_saves_one_for_one(cell: Callable[..., VerdictCell]) -> None:
    """A share of the requests is that share of the answers, of the seconds and of the calls."""
    yardstick = yardstick_of(cell(NO_QUEUE))

    assert yardstick.calls_saved.share > 0.1
    assert yardstick.seconds_saved.share == pytest.approx(yardstick.calls_saved.share, abs=0.04)
    assert yardstick.lost.share == pytest.approx(yardstick.calls_saved.share, abs=0.04)
    assert yardstick.seconds_beyond.share == pytest.approx(0, abs=0.05)


def test_the_same_run_has_the_same_yardstick(cell: Callable[..., VerdictCell]) -> None:
    """Its draws are seeded."""
    assert cell(QUEUE) == cell(QUEUE)


@pytest.mark.parametrize(("seeds", "runs"), [((1,), 5), ((1, 2), 6), (range(1, 8), 7)])
def test_a_few_runs_are_enough(cell: Callable[..., VerdictCell], seeds: Sequence[int], runs: int) -> None:
    """Of one seed several draws; from five seeds on, one of each."""
    assert yardstick_of(cell(QUEUE, tuple(seeds))).runs == runs


def test_a_report_simulates_only_so_many_requests(
    cell: Callable[..., VerdictCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer seeds where runs are long, the others being held against their mean; none where one run is too long."""
    monkeypatch.setattr(random_refusals, "_REQUESTS", 1800)
    assert yardstick_of(cell(QUEUE)).runs == 3
    monkeypatch.setattr(random_refusals, "_MOST_REQUESTS", 299)
    assert cell(QUEUE).random_yardstick is None


def test_who_refuses_nothing_is_held_against_nothing(cell: Callable[..., VerdictCell]) -> None:
    """A shadow, for one."""
    assert cell(IDLE).random_yardstick is None


def test_a_live_run_is_held_against_a_simulated_baseline(tmp_path: Path, fill: Callable[..., None]) -> None:
    """Both sides of the yardstick are virtual; here the live rows are, too, so it is the same."""
    found = []
    for engine in ("live", "virtual"):
        scenario = files.parse(QUEUE, "mine.toml")
        folder = run_folder.create(tmp_path / engine, scenario, QUEUE, engine, ["off", "on"], [1])  # type: ignore[arg-type]
        fill(folder)
        folder.update_manifest(complete=True)
        done, _ = measure_with_part(folder)
        assert done.summary.verdicts is not None
        found.append(yardstick_of(done.summary.verdicts.arms["on"]["overall"]))

    assert found[0] == found[1]


def test_a_run_that_was_cut_off_has_none(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """Nothing is simulated beside half a run."""
    done = measure_run(new_run(tmp_path, QUEUE, complete=False))

    assert with_yardsticks(done) is done


@pytest.mark.usefixtures("no_pictures")
def test_the_report_tells_the_rule_and_the_figures(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """How it was simulated and how often; without a yardstick, what was assumed instead."""
    told = {}
    for name, text in {"queue": QUEUE, "idle": IDLE}.items():
        folder = new_run(tmp_path / name, text, (1, 2))
        finish(folder)
        told[name] = (folder.path / "report.md").read_text(encoding="utf-8")

    assert "larger than that of an arm that refuses as many requests at random" in told["queue"]
    assert "the policy's timeout and other settings: 6 runs for each policy." in told["queue"]
    assert "| as many refused at random |" in told["queue"]
    assert "lines across them show what refusing as many requests at random would have lost and saved" in told["queue"]
    assert "It was not simulated here (no policy refused a request" in told["idle"]
    assert "as many refused at random" not in told["idle"]
