"""The page of all runs."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from loadtest.commands.app import main
from loadtest.experiments.finish import finish
from loadtest.report import all_runs as index
from loadtest.report.all_runs import find_runs, write_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine <b>&</b> yours"
load = [{ requests = 6, rate_per_s = 1 }]
[faults]
error_rate = 1
[arms.with]
[expect.with]
trips = { min = 1 }
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, new_run: Callable[..., RunFolder]) -> RunFolder:
    """Make one run, finished."""
    folder = new_run(tmp_path_factory.mktemp("results"), TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadtest.report.theme.save", lambda *_: None)
        finish(folder)
    return folder


@pytest.fixture
def root(first: RunFolder, tmp_path: Path) -> Path:
    """Copy the run into a folder of results of this test's own."""
    shutil.copytree(first.path, tmp_path / "mine" / "one")
    (tmp_path / "mine" / "latest").symlink_to("one")
    return tmp_path


def another(root: Path, name: str, **changes: object) -> Path:
    """Copy the run, with other entries of its manifest."""
    copy = root / "mine" / name
    shutil.copytree(root / "mine" / "one", copy)
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**manifest, **changes}), encoding="utf-8")
    return copy


def test_a_run_writes_the_page_of_its_folder(first: RunFolder) -> None:
    """Without being asked, and nothing is left over from writing."""
    page = (first.path.parent.parent / "index.html").read_text(encoding="utf-8")

    assert f'href="mine/{first.path.name}/report.html"' in page
    assert [path.name for path in first.path.parent.parent.glob(".index.html*")] == []


def test_newest_first_whatever_the_folders_are_called(root: Path) -> None:
    """By the time of the start, in any zone; a link to a run is no second run."""
    another(root, "two", started="2001-01-01T00:00:00+00:00")
    another(root, "three", started="2999-01-01T00:00:00+00:00")
    another(root, "four", started="2999-01-01T02:00:00+03:00")  # two hours into the year, three hours ahead

    assert [run.folder for run in find_runs(root).runs] == ["mine/three", "mine/four", "mine/one", "mine/two"]


def test_a_run_with_its_headline_and_what_it_was(root: Path) -> None:
    """Everything comes from the small files: rows are not read."""
    for name in ("requests.jsonl", "transitions.jsonl", "report.md"):
        (root / "mine" / "one" / name).unlink()

    [run] = find_runs(root).runs

    assert (run.scenario, run.engine, run.arms, run.seeds) == ("mine", "virtual", ("with",), (1,))
    assert run.headline == (
        "Arm `with`: 0 of 6 requests got what they asked for, 1 were refused; the breaker tripped 1 time(s)."
    )
    assert (run.verdict, run.complete, run.report) == ("holds", True, "report.html")


def test_what_is_wrong_with_a_run_is_told(root: Path) -> None:
    """Cut off, without report, with a check that fails, with a bound that is broken."""
    another(root, "cut", complete=False)
    bare = another(root, "bare")
    for name in ("report.html", "report.md"):
        (bare / name).unlink()
    for name, kind in (("bad", "validity"), ("off", "expect")):
        path = another(root, name) / "summary.json"
        summary = json.loads(path.read_text(encoding="utf-8"))
        summary[kind] = [{"name": "a check", "ok": False, "detail": "3 of 4"}]
        path.write_text(json.dumps(summary), encoding="utf-8")

    verdicts = {run.folder.removeprefix("mine/"): (run.verdict, run.broken) for run in find_runs(root).runs}

    assert verdicts == {
        "one": ("holds", ()),
        "cut": ("incomplete", ()),
        "bare": ("no report", ()),
        "bad": ("does not hold", ("a check: 3 of 4",)),
        "off": ("not as expected", ("a check: 3 of 4",)),
    }


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("", "a file of it is not JSON"),
        ("{", "a file of it is not JSON"),
        ("[1]", "manifest.json is no JSON object"),
        ("{}", "manifest.json has no scenario"),
        ('{"scenario": "x", "scenario_text": 1}', "manifest.json has no engine"),
        ("[" * 100_000, "manifest.json: nested too deeply"),
    ],
)
def test_a_broken_folder_is_left_out_with_the_reason(root: Path, manifest: str, why: str) -> None:
    """And the other runs are there all the same."""
    (root / "other" / "run").mkdir(parents=True)
    (root / "other" / "run" / "manifest.json").write_text(manifest, encoding="utf-8")

    found = find_runs(root)

    assert [run.folder for run in found.runs] == ["mine/one"]
    assert [(name, said.startswith(why)) for name, said in found.skipped] == [("other/run", True)]
    assert "other/run" in write_index(root).read_text(encoding="utf-8")


def test_other_folders_are_no_runs(root: Path) -> None:
    """Sweeps and benchmarks have a section of their own; foreign, hidden and unfinished ones are passed over."""
    for name, file in (
        ("mine/sweep-1", "sweep.html"),
        ("bench/x", "bench.md"),
        ("foreign/y", "z.txt"),
        (".h/a", "b"),
        ("mine/sweep-2", "manifest.json"),
    ):
        (root / name).mkdir(parents=True)
        (root / name / file).write_text("x", encoding="utf-8")

    found = find_runs(root)

    assert found.others == [("bench/x", "bench/x/bench.md"), ("mine/sweep-1", "mine/sweep-1/sweep.html")]
    assert (len(found.runs), found.skipped) == (1, [])


def test_words_of_a_scenario_stay_text(root: Path) -> None:
    """Nothing that a run holds becomes markup, and every link is relative and leads somewhere."""
    path = another(root, "nasty") / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    summary["headline"] = "<img src=x onerror=alert(1)> [a](http://b) `<i>`"
    path.write_text(json.dumps(summary), encoding="utf-8")

    page = write_index(root).read_text(encoding="utf-8")

    assert "<img src=x" not in page
    assert "<i>" not in page
    assert "Mine &lt;b&gt;" in page
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert links
    assert all((root / link).is_file() for link in links)


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    """Not a page that looks broken."""
    assert "make experiment-1" in write_index(tmp_path).read_text(encoding="utf-8")


def test_the_command_writes_the_page_anew(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says how many runs there are and what it left out; a folder that is not there is a mistake."""
    (root / "other" / "run").mkdir(parents=True)
    (root / "other" / "run" / "manifest.json").write_text("{}", encoding="utf-8")
    codes = []
    for out in (root, root / "none"):
        monkeypatch.setattr("sys.argv", ["loadtest", "index", "--out", str(out)])
        with pytest.raises(SystemExit) as ended:
            main()
        codes.append(ended.value.code)

    said = capsys.readouterr()
    assert codes == [0, 2]
    assert said.out.splitlines() == [
        f"1 run(s): {root / 'index.html'}",
        "left out: other/run: manifest.json has no scenario",
    ]
    assert said.err == f"loadtest: out: got {str(root / 'none')!r}; allowed: an existing folder\n"


def test_a_report_elsewhere_writes_no_page(root: Path, first: RunFolder) -> None:
    """A copy that lies in somebody's own folder is not in a folder of results."""
    elsewhere = root / "elsewhere" / "copy"
    shutil.copytree(first.path, elsewhere)

    index.update_index(elsewhere)

    assert not (root / "index.html").exists()


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ('title = "An outage"  # of eight seconds', "An outage"),
        (r'title = "The \"slow\" one\u0021"', 'The "slow" one!'),
        ("title = 'as it \\ is'", "as it \\ is"),
        ('title = """\nOver lines"""', "Over lines"),
    ],
)
def test_a_title_is_read_as_toml_has_it(root: Path, line: str, title: str) -> None:
    """Escapes, a comment behind it, other quotes."""
    another(root, "two", started="2999-01-01T00:00:00+00:00", scenario_text=TEXT.replace(TEXT.splitlines()[2], line))

    assert find_runs(root).runs[0].title == title


def test_links_lead_to_a_folder_whatever_its_name(root: Path) -> None:
    """What has a meaning in an address is escaped."""
    (root / "mine").rename(root / "50 %? #1")

    assert 'href="50%20%25%3F%20%231/one/report.html"' in write_index(root).read_text(encoding="utf-8")


def test_a_run_of_an_older_lab_is_there(root: Path) -> None:
    """Before summaries had a headline it stood in the report; of a summary without checks nothing is wrong."""
    path = another(root, "old", started="2001-01-01T00:00:00+00:00", git_revision=None) / "summary.json"
    path.write_text('{"schema": 1, "arms": {"with": {"requests": 6}}}', encoding="utf-8")
    path.with_name("report.md").write_text("# Mine\n\nIt was fine.\n", encoding="utf-8")

    run = find_runs(root).runs[-1]

    assert (run.headline, run.verdict, run.revision) == ("It was fine.", "holds", "unknown")


@pytest.mark.parametrize(
    ("summary", "why"),
    [
        ('{"validity": [{"name": "a check", "detail": ""}]}', "summary.json: validity.0.ok: Field required"),
        ("[]", "summary.json is no JSON object"),
        ("{", "a file of it is not JSON"),
    ],
)
def test_a_broken_summary_is_told_by_its_name(root: Path, summary: str, why: str) -> None:
    """The reason is not looked for in the manifest, which is right."""
    (root / "mine" / "one" / "summary.json").write_text(summary, encoding="utf-8")

    assert find_runs(root).skipped == [("mine/one", why)]
