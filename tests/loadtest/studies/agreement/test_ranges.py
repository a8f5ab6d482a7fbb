"""Live runs against the range of virtual ones, where requests wait for each other."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from inputs.wrong_input import WrongInputError
from loadtest.engines.virtual.jitter import Jitter
from loadtest.engines.virtual.simulate import simulate
from loadtest.records import rows, run_folder
from loadtest.scenario import files
from loadtest.studies.agreement import conduct, overload
from loadtest.studies.agreement.conduct import judge_kept, write_agreement
from loadtest.studies.agreement.overload import judge_live, measure_live, overload_scenarios, read_overload
from loadtest.studies.agreement.ranges import (
    FIGURES,
    LiveRuns,
    RunOutline,
    compare_ranges,
    lies_outside,
    share_alike,
    share_of_pairs,
)
from loadtest.studies.agreement.words import scope_text
from loadtest.studies.references.recheck import recheck_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.records.run_folder import RunFolder
    from loadtest.studies.agreement.ranges import RangeAgreement

ROOT = Path(__file__).parents[4]
LIVE = LiveRuns(1, "", [], [0.001, 0.002, 0.003, 0.004], {"with": 0.9}, {"with": 0.8}, [])


def outline(ok: float, mean_s: float = 0.1) -> RunOutline:
    return RunOutline({"with": {"outcomes.ok": ok, "mean_response_s": mean_s, "trips": 0}}, {"with": ("ok", "error")})


def compare(live: Sequence[RunOutline], virtual: Sequence[RunOutline]) -> RangeAgreement:
    return compare_ranges(replace(LIVE, figures=[each.figures for each in live]), 0.003, virtual)


@pytest.fixture(scope="module", autouse=True)
def one_process() -> object:
    """Keep to this process: starting others takes longer than the runs of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overload, "cores", lambda: 1)
        yield


def test_a_value_within_the_range_agrees() -> None:
    """Figure by figure; one that is nothing in every run is left out."""
    found = compare([outline(20), outline(25)], [outline(number) for number in range(10, 40)])

    assert [(each.figure, each.low, each.high, each.live) for each in found.ranges] == [
        ("outcomes.ok", 10, 39, [20, 25]),
        ("mean_response_s", 0.1, 0.1, [0.1, 0.1]),
    ]
    assert (found.checked, found.outside, found.ok) == (4, 0, True)
    assert found.outside_by_chance == pytest.approx(4 * 2 / 31)


@pytest.mark.parametrize(
    ("figure", "value", "outside"),
    [
        ("outcomes.ok", 8, False),
        ("outcomes.ok", 7, True),
        ("outcomes.ok", 23, True),
        ("mean_response_s", 20.01, False),
        ("mean_response_s", 20.02, True),
        ("trips", 9, True),
        ("trips", 10, False),
    ],
)
def test_http_may_move_a_value_a_little(figure: str, value: float, *, outside: bool) -> None:
    """Two requests or calls, ten milliseconds of a time, no trip."""
    assert lies_outside(figure, value, 10, 20) is outside


def test_more_outside_than_chance_allows_differ() -> None:
    """A run far away, where all virtual runs are alike: one figure of four may be outside."""
    found = compare([outline(20), outline(90, 0.5)], [outline(20)] * 200)

    assert (found.outside, found.most_outside, found.ok) == (2, 1, False)


def test_each_figure_may_fall_outside_by_itself() -> None:
    """With a chance of 2 in n + 1: of 75 figures, 3 of them in 99 % of the cases, where n is 200."""
    live = [RunOutline({"with": dict.fromkeys(list(FIGURES)[:5], 5.0)}, {"with": ()})] * 15

    assert compare(live, live[:1] * 200).most_outside == 3


def test_what_chance_allows_is_counted_over_whole_runs() -> None:
    """One of fifty virtual runs is far away in two figures: so may a live one be, and both its figures are outside."""
    virtual = [*[outline(20)] * 49, outline(90, 0.5)]

    assert compare([outline(5, 0.05)], virtual).most_outside == 2
    assert compare([outline(5, 0.05)], virtual).ok
    assert compare([outline(20)] * 5, virtual).most_outside == 2


def test_a_live_run_that_cannot_be_believed_agrees_with_nothing() -> None:
    """However well its figures fit."""
    found = compare([outline(20)], [outline(20)] * 30)

    assert found.ok
    assert not replace(found, live=replace(found.live, broken=["run 1: the run is complete: 1 of 2"])).ok


def test_how_much_is_the_same() -> None:
    """A share of the requests: of all pairs of a few runs, of neighbours among many."""
    runs = [RunOutline({}, {"with": tuple(text)}) for text in ("aab", "aaa", "bbb")]

    assert share_alike("aab", "aaa") == pytest.approx(2 / 3)
    assert share_of_pairs("with", runs) == pytest.approx((2 / 3 + 1 / 3 + 0) / 3)
    assert share_of_pairs("with", runs[:2] * 6) == pytest.approx(2 / 3)
    assert share_of_pairs("with", runs[:1]) == 1.0


@pytest.mark.parametrize("name", overload_scenarios())
def test_the_scenarios_are_short_and_hit_by_jitter(name: str) -> None:
    """At most 20 s live, and the outcome of some request depends on a few milliseconds."""
    scenario, _ = read_overload(name)
    runs = [
        [simulate(scenario, arm, scenario.seed, Jitter(0.01, stream)) for stream in (1, 2)] for arm in scenario.arms
    ]

    assert sum(arm[0].duration_s(scenario.seed) + 2 for arm in runs) <= 20
    assert any([row.outcome for row in one.rows] != [row.outcome for row in other.rows] for one, other in runs)


def test_they_have_a_queue_hangs_and_thirty_in_flight() -> None:
    """As the study is meant to have."""
    plans = {name: read_overload(name)[0].plan_of("with", 1).phases[0].profile for name in overload_scenarios()}
    base = read_overload("in-flight")[0]
    load = base.load_of("with")[0]

    assert list(plans) == ["hangs", "in-flight", "queue"]
    assert plans["hangs"].hang_rate > 0
    assert all(plan.capacity is not None for plan in plans.values())
    assert load.rate_per_s * plans["in-flight"].latency.mean_s == pytest.approx(30)


def live_run(root: Path, name: str, stream: int, text: str | None = None) -> RunFolder:
    """Write what a live run would write, had the machine been as late as the jitter."""
    scenario, kept = read_overload(name)
    if text is not None:
        scenario, kept = files.parse(text, "other.toml"), text
    arms = list(scenario.arms)
    folder = run_folder.create(root, scenario, kept, "live", arms, [scenario.seed])
    with folder.requests.open("w") as requests, folder.arms.open("w") as records, folder.transitions.open("w") as moves:
        for arm in arms:
            run = simulate(scenario, arm, scenario.seed, Jitter(0.004, stream))
            for row in run.rows:
                rows.write(requests, row)
            for change in run.changes:
                rows.write(moves, change)
            for record in run.records:
                rows.write(records, record)
    folder.update_manifest(complete=True)
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> RangeAgreement:
    root = tmp_path_factory.mktemp("results")
    live = measure_live([live_run(root, "queue", 1000 + number) for number in range(3)])
    return judge_live("queue", live, 40)


def test_runs_that_differ_in_their_lateness_alone_agree(found: RangeAgreement) -> None:
    """The jitter is the time within which 99 % were sent; of the requests not all are the same."""
    assert found.ok
    assert found.jitter_s == found.live.lateness_s[2] == pytest.approx(0.004, abs=0.0002)
    assert found.streams == 40
    assert len(found.live.figures) == 3
    assert all(0.7 < share < 1 for share in found.same.values())
    assert all(0.7 < share < 1 for share in found.live.same_as_virtual.values())
    assert {each.figure for each in found.ranges if each.arm == "with"} >= {"trips", "time_in_state_s.open"}


def test_an_engine_that_is_different_is_found(tmp_path: Path) -> None:
    """Here live runs with one worker less: the figures lie outside."""
    text = read_overload("queue")[1]
    live = measure_live([live_run(tmp_path, "queue", 1, text.replace("workers = 8", "workers = 7"))])
    kept = judge_live("queue", replace(live, scenario_sha256=_sha("queue")), 40)

    assert not kept.ok
    assert kept.outside > kept.most_outside


def _sha(name: str) -> str:
    return sha256(read_overload(name)[1].encode()).hexdigest()


def test_runs_of_several_scenarios_are_a_mistake(tmp_path: Path) -> None:
    """And so is a scenario that has changed since, and a run that is no live one."""
    folder = live_run(tmp_path, "queue", 1)
    with pytest.raises(WrongInputError, match="runs of the same scenario, arms and seed"):
        measure_live([folder, live_run(tmp_path, "hangs", 1)])
    with pytest.raises(WrongInputError, match="of another scenario than the one that is kept"):
        judge_live("hangs", measure_live([folder]), 20)
    folder.update_manifest(engine="virtual")
    with pytest.raises(WrongInputError, match="is no live run"):
        measure_live([folder])


def test_the_text_says_what_agrees_and_how(found: RangeAgreement, tmp_path: Path) -> None:
    """Scope first, then shares, counts and each figure; the files have the same figures."""
    text = write_agreement(tmp_path / "made", {}, {"queue": found})
    entry = json.loads((tmp_path / "made" / "agreement.json").read_text(encoding="utf-8"))["ranges"]["queue"]

    assert "`queue`: they agree in distribution only, since milliseconds decide" in text
    assert f"| `queue` | 3 | {found.checked} | {found.outside} | " in text
    assert "| `with` | trips | 2 to 2 | 2, 2, 2 | agrees |" in text
    assert "over 40 virtual runs of the same seed" in text
    assert entry["checked"] == found.checked
    assert entry["ok"] is True
    assert sorted(path.name for path in (tmp_path / "made" / "charts").iterdir()) == ["ranges.png", "ranges.svg"]
    assert scope_text({}, {"queue": replace(found, most_outside=-1)}) == "`queue`: **they differ**."


def test_nothing_half_done_is_left(found: RangeAgreement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the writing."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(conduct.theme, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_agreement(tmp_path / "agreement" / "made", {}, {"queue": found})

    assert list((tmp_path / "agreement").iterdir()) == []


def test_a_reference_is_judged_again_from_its_figures(found: RangeAgreement, tmp_path: Path) -> None:
    """With its jitter; what no longer comes out is told."""
    for name in ("experiment-1", "experiment-2"):
        shutil.copytree(ROOT / "results" / name / "reference", tmp_path / name / "reference")
    kept = tmp_path / "agreement" / "reference"
    agreements = {
        name: conduct.agreement_of(run_folder.RunFolder(tmp_path / name / "reference"))
        for name in ("experiment-1", "experiment-2")
    }
    write_agreement(kept, agreements, {"queue": found})
    text = (kept / "agreement.md").read_text(encoding="utf-8")
    (kept / "agreement.md").write_text(text.replace("ranges.svg", "ranges.png"), encoding="utf-8")
    quiet = Console(quiet=True)

    assert recheck_reference(kept, quiet) == (
        "computed again from the rows of both experiments and the figures of the other live runs",
        [],
    )
    entries = json.loads((kept / "agreement.json").read_text(encoding="utf-8"))
    assert judge_kept(entries)["queue"].ranges == found.ranges
    entries["ranges"]["queue"]["live"]["figures"][0]["with"]["outcomes.ok"] += 100
    (kept / "agreement.json").write_text(json.dumps(entries), encoding="utf-8")
    assert any("outside" in each for each in recheck_reference(kept, quiet).differences)
