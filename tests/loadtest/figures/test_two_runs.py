"""Two runs of one scenario, compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loadtest.commands.app import main
from loadtest.figures.comparison import unpaired_interval
from loadtest.figures.finished import measure_run
from loadtest.figures.two_runs import FigurePair, RunComparison, compare_runs
from loadtest.report import two_runs as written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine"
load = [{ requests = 12, rate_per_s = 2 }]
[faults]
error_rate = 0.5
latency = { distribution = "exponential", mean_s = 0.1 }
[arms.without.breaker]
policy = "off"
[arms.with.breaker]
fail_max = 2
reset_timeout = 2
"""
SLOWER = TEXT.replace("reset_timeout = 2", "reset_timeout = 4")


def compare(first: RunFolder, second: RunFolder) -> RunComparison:
    return compare_runs(measure_run(first), measure_run(second))


def pair(found: RunComparison, arm: str, figure: str) -> FigurePair:
    return next(each for one in found.arms if one.arm == arm for each in one.figures if each.figure == figure)


def test_the_same_weather_is_paired_by_seed(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """Only seeds that both have count, and an arm that nothing was changed of has no difference at all."""
    found = compare(new_run(tmp_path, TEXT, range(1, 16)), new_run(tmp_path, SLOWER, range(2, 18)))

    assert [(each.arm, each.paired, each.first_seeds, each.second_seeds) for each in found.arms] == [
        ("without", True, [*range(2, 16)], [*range(2, 16)]),
        ("with", True, [*range(2, 16)], [*range(2, 16)]),
    ]
    assert pair(found, "without", "success_rate").interval == pytest.approx([-0.15 / 14, 0.15 / 14])
    refused = pair(found, "with", "fast_fail_rate")
    assert refused.is_beyond_chance
    assert refused.difference == pytest.approx(refused.second - refused.first)
    assert "`with` breaker.reset_timeout" not in [name for name, _, _ in found.differences]  # no settings were noted
    assert "-reset_timeout = 2" in found.scenario_diff
    assert "+reset_timeout = 4" in found.scenario_diff


def test_other_seeds_are_not_paired(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """All seeds of each run count, and the report says so."""
    found = compare(new_run(tmp_path, TEXT, range(1, 6)), new_run(tmp_path, TEXT, range(11, 17)))

    [arm, _] = found.arms
    assert (arm.paired, len(arm.first_seeds), len(arm.second_seeds)) == (False, 5, 6)
    assert arm.method.startswith("not paired")
    assert pair(found, "without", "success_rate").interval is not None
    assert ("seeds", "1-5", "11-16") in found.differences


def test_other_weather_is_not_paired_though_seeds_are_the_same(
    tmp_path: Path, new_run: Callable[..., RunFolder]
) -> None:
    """The same seed with other faults is another day."""
    found = compare(new_run(tmp_path, TEXT), new_run(tmp_path, TEXT.replace("error_rate = 0.5", "error_rate = 0.4")))

    assert [each.paired for each in found.arms] == [False, False]


def test_one_run_of_each_has_no_interval_and_says_so(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """A difference is shown, and what it is worth."""
    found = compare(new_run(tmp_path, TEXT), new_run(tmp_path, SLOWER, complete=False))

    text = written._markdown(found, ("a", "b"))

    assert {each.interval for arm in found.arms for each in arm.figures} == {None}
    assert "One run of each is an anecdote" in text
    assert "B is incomplete" in text
    assert "paired, one seed that both runs have" in text.lower()


def test_an_arm_that_only_one_run_has(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """It is named, and the others are compared."""
    more = TEXT + "[arms.third.breaker]\nfail_max = 3\n"

    found = compare(new_run(tmp_path, TEXT), new_run(tmp_path, more))

    assert ([each.arm for each in found.arms], found.only_first, found.only_second) == (
        ["without", "with"],
        [],
        ["third"],
    )
    assert "only B has third" in written._markdown(found, ("a", "b"))


def test_an_interval_for_separate_runs() -> None:
    """It covers the difference of the means, and needs two runs of each."""
    low, high = unpaired_interval([1, 2, 3, 4, 5], [11, 12, 13, 14, 15, 13]) or (0.0, 0.0)

    assert low < 10 < high
    assert low > 7
    assert unpaired_interval([1], [1, 2, 3, 4, 5]) is None
    assert unpaired_interval([2, 2, 2, 2], [3] * 6) is None
    assert unpaired_interval([2, 2, 2, 2], [3] * 6, 1.0) == [0.25, 1.75]


def run(*arguments: object) -> int:
    """Run the command line; return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["loadtest", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


@pytest.mark.usefixtures("no_pictures")
def test_the_command_writes_pages_beside_the_second_run(
    tmp_path: Path, new_run: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    """Markdown, HTML and JSON with the same figures; the page of all runs has a link to them."""
    first, second = new_run(tmp_path, TEXT, range(1, 6)), new_run(tmp_path, SLOWER, range(1, 6))

    assert run("report", first.path, second.path) == 0

    folder = second.path.parent / f"compare-{first.path.name}-{second.path.name}"
    assert f"report: {folder / 'compare.html'}" in capsys.readouterr().out
    found: dict[str, Any] = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    refused = found["arms"]["with"]["figures"]["fast_fail_rate"]
    text = (folder / "compare.md").read_text(encoding="utf-8")
    assert f"| fast-fail rate | {100 * refused['first']:.1f} % | {100 * refused['second']:.1f} % |" in text
    assert "<td>fast-fail rate</td>" in (folder / "compare.html").read_text(encoding="utf-8")
    assert f"mine/{folder.name}/compare.html" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_runs_that_cannot_be_compared(
    tmp_path: Path, new_run: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, a sentence that names both, and nothing is written."""
    mine, other = new_run(tmp_path, TEXT).path, new_run(tmp_path, TEXT.replace('"mine"', '"other"')).path

    codes = [
        run("report", mine, other),
        run("report", mine, mine.parent / "latest"),
        run("report", mine, tmp_path / "none"),
        run("report", mine, "--out", tmp_path / "x"),
    ]

    assert codes == [2, 2, 2, 2]
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "loadtest: A, B: got runs of 'mine' and of 'other'; allowed: two runs of one scenario"
    assert said[1].endswith("allowed: two runs; these are the same folder")
    assert said[2].startswith(f"loadtest: {tmp_path / 'none'}: not a run")
    assert said[3].endswith("allowed: only with two runs: a report is in the folder of its run")
    assert not list(tmp_path.rglob("compare*"))
