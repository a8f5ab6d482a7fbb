"""From a folder of results to a reference, and back: what is kept, and whether it still comes out."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from rich.console import Console

from inputs.wrong_input import WrongInputError
from loadtest.commands.app import main
from loadtest.report.all_runs import find_runs, write_index
from loadtest.studies.references import pictures
from loadtest.studies.references.keep import keep_reference
from loadtest.studies.references.recheck import find_references, recheck_reference
from loadtest.studies.references.rows_hash import rows_hashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine"
baseline = "without"
load = [{ requests = 12, rate_per_s = 1, arrivals = "poisson" }]
[faults]
error_rate = 0.6
[arms.without]
breaker = { policy = "off" }
[arms.with]
breaker = { fail_max = 2, reset_timeout = 3 }
"""
SLIM = ["charts/in_flight.png", "charts/latency.png", "charts/outcomes.png", "charts/timeline.png"]
SLIM += ["manifest.json", "report.md", "summary.json"]
QUIET = Console(quiet=True)


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave an empty file in place of each picture."""

    def draw(_: Figure, path: Path) -> None:
        path.touch()

    monkeypatch.setattr(pictures, "draw", draw)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, new_run: Callable[..., RunFolder]) -> RunFolder:
    return new_run(tmp_path_factory.mktemp("results"), TEXT, (1, 2))


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_reference_without_rows(run: RunFolder, tmp_path: Path) -> None:
    """A hash for each arm and seed, a summary without what grows with the run, and a report that shows PNG."""
    kept = keep_reference(run.path, tmp_path, "reference-other", rows=False)

    manifest, summary = (
        json.loads((kept / f"{name}.json").read_text(encoding="utf-8")) for name in ("manifest", "summary")
    )
    report = (kept / "report.md").read_text(encoding="utf-8")
    assert kept == tmp_path / "mine" / "reference-other"
    assert files_in(kept) == SLIM
    assert list(manifest["rows_sha256"]) == ["with/1", "with/2", "without/1", "without/2"]
    assert manifest["settings"] == {}
    assert {"transitions", "runs"}.isdisjoint(summary["arms"]["with"])
    assert "](charts/timeline.png)" in report
    assert ".svg" not in report
    assert (
        "The rows are not kept, only their hashes: `make references` reproduces them, byte for byte, and compares."
        in report
    )
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["reference-other"]


def test_a_reference_with_rows(run: RunFolder, tmp_path: Path) -> None:
    """The rows as they are, the summary whole; a reference can be made of it again in its own place."""
    kept = keep_reference(run.path, tmp_path, "reference", rows=True)
    again = keep_reference(kept, tmp_path, "reference", rows=True)

    assert again == kept
    assert files_in(kept) == sorted([*SLIM, "arms.jsonl", "requests.jsonl", "transitions.jsonl"])
    assert (kept / "requests.jsonl").read_bytes() == run.requests.read_bytes()
    assert json.loads((kept / "summary.json").read_text(encoding="utf-8"))["arms"]["with"]["runs"]
    assert "Rebuild this report from its rows" in (kept / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rows", [True, False])
def test_what_is_kept_comes_out_again(run: RunFolder, tmp_path: Path, *, rows: bool) -> None:
    """From its rows, or run again on virtual time with its own scenario's text, arms and seeds."""
    kept = keep_reference(run.path, tmp_path, "reference", rows=rows)
    before = {name: (kept / name).read_bytes() for name in files_in(kept)}

    told = recheck_reference(kept, QUIET)

    assert find_references(tmp_path) == [kept]
    assert told.how == ("report rebuilt from its rows" if rows else "run again on virtual time")
    assert told.differences == []
    assert {name: (kept / name).read_bytes() for name in files_in(kept)} == before


def test_one_row_that_changed_is_found(run: RunFolder, tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """By the hash of its arm and seed, and of no other; the last digits of a time are the machine's."""
    other = new_run(tmp_path, TEXT, (1, 2))
    before = rows_hashes(run)
    assert rows_hashes(other) == before

    line = other.requests.read_text(encoding="utf-8").splitlines()[0]
    row = json.loads(line)
    change(other.requests, line, json.dumps({**row, "duration_s": row["duration_s"] + 1e-13}))
    assert rows_hashes(other) == before

    change(
        other.requests, json.dumps({**row, "duration_s": row["duration_s"] + 1e-13}), json.dumps({**row, "status": 1})
    )
    assert [name for name, each in rows_hashes(other).items() if each != before[name]] == ["without/1"]


def test_each_difference_is_told(run: RunFolder, tmp_path: Path) -> None:
    """Of the rows, of the summary and of the report."""
    kept = keep_reference(run.path, tmp_path, "reference", rows=False)
    hashes = json.loads((kept / "manifest.json").read_text(encoding="utf-8"))["rows_sha256"]
    change(kept / "manifest.json", hashes["with/2"], "0" * 16)
    change(kept / "summary.json", '"requests": 24', '"requests": 23')
    change(kept / "report.md", "# Mine", "# Yours")

    assert recheck_reference(kept, QUIET).differences == [
        "rows of with/2: they differ from those that were kept",
        "summary.json: arms.without.requests: kept 23, now 24",
        "report.md, line 1: kept '# Yours', now '# Mine'",
    ]


def test_a_reference_with_neither_rows_nor_hashes_is_no_good(run: RunFolder, tmp_path: Path) -> None:
    """Nothing could be compared, and that is reported as a difference."""
    kept = keep_reference(run.path, tmp_path, "reference", rows=True)
    (kept / "requests.jsonl").unlink()

    assert recheck_reference(kept, QUIET).differences == ["neither rows nor hashes of them are kept"]


def test_a_live_run_without_rows_cannot_be_made_again(run: RunFolder, tmp_path: Path) -> None:
    """Said in a sentence, and no difference."""
    kept = keep_reference(run.path, tmp_path, "reference", rows=False)
    change(kept / "manifest.json", '"engine": "virtual"', '"engine": "live"')

    told = recheck_reference(kept, QUIET)

    assert told.how == "not reproduced: a live run without its rows, and no live run is the same twice"
    assert told.differences == []


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`lab(argument, ...)`: call the command line; returns its exit code and what it said."""
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["loadtest", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_the_command_ends_with_1_where_one_differs(
    run: RunFolder, tmp_path: Path, lab: Callable[..., tuple[int, str, str]]
) -> None:
    """And tells of each what came of it, a folder that cannot be read among them; of a good one it ends with 0."""
    out = ["--out", str(tmp_path)]
    assert lab("keep", str(run.path), "--rows", *out)[0] == 0
    kept = tmp_path / "mine" / "reference"
    assert lab("references", *out) == (0, f"{kept}: report rebuilt from its rows: the same\n", "")

    assert lab("keep", str(run.path), "--name", "reference-2", "--rows", *out)[0] == 0
    (tmp_path / "mine" / "reference-2" / "summary.json").write_text("{", encoding="utf-8")
    change(kept / "report.md", "# Mine", "# Yours")

    code, told, err = lab("references", *out)

    assert code == 1
    assert err == "loadtest: 2 of 2 references differ from what the code gives\n"
    assert told.splitlines()[:3] == [
        f"{kept}: report rebuilt from its rows: DIFFERS",
        "  report.md, line 1: kept '# Yours', now '# Mine'",
        f"{kept}-2: not reproduced",
    ]
    assert told.splitlines()[3].startswith("  JSONDecodeError: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["keep", ".", "--name", "latest"], "loadtest: name: got 'latest'; allowed: reference, or reference- and "),
        (["keep", "nothing"], "loadtest: nothing: not a run: manifest.json is missing or broken"),
        (["references", "nothing"], "loadtest: DIR: got 'nothing'; allowed: folders of references"),
        (["references", "--out", "nothing"], "loadtest: out: got 'nothing'; allowed: a folder with references in it"),
    ],
)
def test_a_wrong_argument_is_told(lab: Callable[..., tuple[int, str, str]], arguments: list[str], said: str) -> None:
    """With exit code 2."""
    code, _, err = lab(*arguments)

    assert code == 2
    assert err.startswith(said)


def test_no_report_is_built_where_the_rows_are_missing(
    run: RunFolder, tmp_path: Path, lab: Callable[..., tuple[int, str, str]]
) -> None:
    """It would be one of an empty run, in place of the one that is kept."""
    kept = keep_reference(run.path, tmp_path, "reference", rows=False)
    before = {name: (kept / name).read_bytes() for name in files_in(kept)}

    code, _, err = lab("report", str(kept))

    assert code == 2
    assert err == (
        f"loadtest: {kept}: its rows are not kept, so its report cannot be rebuilt; "
        f"`python -m loadtest references {kept}` reproduces them and compares\n"
    )
    assert {name: (kept / name).read_bytes() for name in files_in(kept)} == before


def test_the_page_of_all_runs_shows_a_reference(run: RunFolder, tmp_path: Path) -> None:
    """From its summary; the link leads to the Markdown, and the picture is there."""
    keep_reference(run.path, tmp_path, "reference", rows=False)
    (tmp_path / "tune" / "reference").mkdir(parents=True)
    (tmp_path / "tune" / "reference" / "tune.md").touch()

    found = find_runs(tmp_path)

    assert [(each.folder, each.report, each.picture, each.verdict) for each in found.runs] == [
        ("mine/reference", "report.md", True, "holds")
    ]
    assert found.runs[0].headline.startswith("Arm `with` against `without`: ")
    assert found.others == [("tune/reference", "tune/reference/tune.md")]
    assert 'href="mine/reference/report.md"' in write_index(tmp_path).read_text(encoding="utf-8")


def test_an_incomplete_run_is_no_reference(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """And nothing is left behind."""
    cut_off = new_run(tmp_path / "runs", TEXT, complete=False)

    with pytest.raises(WrongInputError, match="the run is incomplete: only a complete one becomes a reference"):
        keep_reference(cut_off.path, tmp_path / "results", "reference", rows=False)
    assert not (tmp_path / "results").exists()


def test_a_study_keeps_what_it_says_and_the_hashes_of_its_tables(tmp_path: Path) -> None:
    """No page, no SVG, no CSV."""
    source = tmp_path / "sweep-1"
    (source / "charts").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(source / "charts" / "grid.png")
    texts = {
        "sweep.md": "![A: (b)](charts/grid.svg)\n",
        "sweep.html": "<p>",
        "manifest.json": "{}",
        "points.csv": "a\n",
    }
    for name, text in texts.items():
        (source / name).write_text(text, encoding="utf-8")

    kept = keep_reference(source, tmp_path / "results", "reference", rows=False)

    assert kept == tmp_path / "results" / "sweep" / "reference"
    assert files_in(kept) == ["charts/grid.png", "manifest.json", "sweep.md"]
    assert (kept / "sweep.md").read_text(encoding="utf-8") == "![A: (b)](charts/grid.png)\n"
    assert json.loads((kept / "manifest.json").read_text(encoding="utf-8"))["files_sha256"] == {
        "points.csv": sha256(b"a\n").hexdigest()
    }
    with pytest.raises(WrongInputError, match="a sweep has no rows of requests: leave --rows out"):
        keep_reference(source, tmp_path / "results", "reference", rows=True)
