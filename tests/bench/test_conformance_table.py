"""The table of answers: whole texts, escaping, files and the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.conformance import command
from bench.conformance.asking import Column
from bench.conformance.finding import Finding, TrapJudgement, safe, trap
from bench.conformance.questions import Question
from bench.conformance.table import TITLE, Table, as_html, as_json, as_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.conformance.clocks import Clocks
    from bench.peers.peer import Peer


async def _never(kind: type[Peer], clocks: Clocks) -> Finding:  # noqa: ARG001
    raise AssertionError


ASKED = (
    Question("one", "Does `it` hold?", "It should.", "yes", _never),
    Question("two", "How many?", "Few | many.", "1 of 8", _never),
)
COLUMNS = (
    Column("mean_1", "1.0", "`fail_max`; all else by default", {"one": trap("no"), "two": trap("8 of 8")}),
    Column(
        "good",
        "2.0",
        "as asked",
        {"one": safe("yes, by `a|b`"), "two": Finding(TrapJudgement.PARTLY, "`x`: 1; `y`: 8")},
    ),
    Column(
        "odd",
        "3.0",
        "as asked",
        {
            "one": Finding(TrapJudgement.NOT_ASKABLE, "it has none"),
            "two": Finding(TrapJudgement.ERROR, "Odd: <b>*x*</b>\nand &"),
        },
    ),
    Column(
        "gone",
        "not installed",
        "",
        dict.fromkeys(("one", "two"), Finding(TrapJudgement.NOT_INSTALLED, "`gone` is missing")),
    ),
)
TABLE = Table("2026-01-01T12:00:00+00:00", "3.11.7", ASKED, COLUMNS)


def test_the_markdown_word_for_word() -> None:
    """The table, what is asked, what had no answer and why, how each was asked; no name is taken for markup."""
    lines = as_markdown(TABLE).splitlines()

    assert lines[0] == f"# {TITLE}"
    assert lines[2].startswith("Asked 2026-01-01T12:00:00+00:00 on Python 3.11.7. Each cell was measured in this run")
    assert lines[4:] == [
        "|  | mean\\_1<br>1.0 | good<br>2.0 | odd<br>3.0 | gone<br>not installed |",
        "|---|---|---|---|---|",
        "| 1. Does `it` hold? | **trap**: no | safe: yes, by `a\\|b` | *not askable* | *not installed* |",
        "| 2. How many? | **trap**: 8 of 8 | **partly**: `x`: 1; `y`: 8 | *error* | *not installed* |",
        "| safe answers of those measured | 0 of 2 | 1 of 2 | none measured | none measured |",
        "",
        "## What is asked",
        "",
        "1. **Does `it` hold?** It should. Safe: yes.",
        "2. **How many?** Few \\| many. Safe: 1 of 8.",
        "",
        "## What could not be asked, or had no answer",
        "",
        "- 1, odd: not askable: it has none",
        "- 2, odd: error: Odd: \\<b\\>\\*x\\*\\</b\\> and &",
        "- gone: not installed: `gone` is missing",
        "",
        "## How each was asked",
        "",
        "- mean\\_1: `fail_max`; all else by default.",
        "- good: as asked.",
        "- odd: as asked.",
    ]


def test_the_page_says_the_same_and_escapes_it() -> None:
    """Every cell has its verdict as a word, code is code, and what came from a library is text."""
    page = as_html(TABLE)
    rows = [line for line in page.splitlines() if line.startswith("<tr>")]

    assert rows == [
        (
            '<tr><th scope="row">1. Does <code>it</code> hold?</th>'
            '<td class="trap"><span class="verdict">\u2717 trap</span> no</td>'
            '<td class="safe"><span class="verdict">\u2713 safe</span> yes, by <code>a|b</code></td>'
            '<td class="not-askable"><span class="verdict">not askable</span></td>'
            '<td class="not-installed"><span class="verdict">not installed</span></td></tr>'
        ),
        (
            '<tr><th scope="row">2. How many?</th>'
            '<td class="trap"><span class="verdict">\u2717 trap</span> 8 of 8</td>'
            '<td class="partly"><span class="verdict">\u25d0 partly</span> <code>x</code>: 1; <code>y</code>: 8</td>'
            '<td class="error"><span class="verdict">error</span></td>'
            '<td class="not-installed"><span class="verdict">not installed</span></td></tr>'
        ),
        (
            '<tr><th scope="row">safe answers of those measured</th>'
            "<td>0 of 2</td><td>1 of 2</td><td>none measured</td><td>none measured</td></tr>"
        ),
    ]
    assert "<li>2, odd: error: Odd: &lt;b&gt;*x*&lt;/b&gt; and &amp;</li>" in page
    assert ("<b>" in page, "http" in page, "<script" in page) == (False, False, False)


def test_the_data_holds_everything() -> None:
    """Questions without their functions, and each library with all its answers; it survives JSON."""
    data = json.loads(json.dumps(as_json(TABLE)))

    assert data["questions"][1] == {"id": "two", "asked": "How many?", "why": "Few | many.", "good": "1 of 8"}
    assert data["libraries"][0] == {
        "name": "mean_1",
        "version": "1.0",
        "settings": "`fail_max`; all else by default",
        "answers": {"one": {"verdict": "trap", "text": "no"}, "two": {"verdict": "trap", "text": "8 of 8"}},
    }


@pytest.fixture
def _answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(name: str, asked: Sequence[Question]) -> Column:
        return Column(name, "1.0", "as asked", {each.id: safe("yes") for each in asked})

    monkeypatch.setattr(command, "ask_library", ask)


@pytest.mark.usefixtures("_answers_at_once")
def test_the_command_writes_three_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Into the folder that was named, twice over, and nothing else stays; the Markdown goes to stdout."""
    out = tmp_path / "new" / "here"
    arguments = ["--only", "hyx", "--only", "lab-consecutive", "--out", str(out)]

    codes = [command.main(arguments) for _ in range(2)]
    said = capsys.readouterr()

    assert (codes, sorted(each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*"))) == (
        [0, 0],
        ["new", "new/here", *(f"new/here/conformance.{kind}" for kind in ("html", "json", "md"))],
    )
    assert said.out.endswith(f"{(out / 'conformance.md').read_text(encoding='utf-8')}\nin {out}\n")
    assert [line.split(" ... ")[0] for line in said.err.splitlines()] == ["asking hyx", "asking lab-consecutive"] * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "resilience4j"], "invalid choice: 'resilience4j' (choose from"),
        (["--out", "{file}"], "allowed: a folder, new or there already ({file} is a file)"),
        (["--out", "{file}/below"], "allowed: a folder, new or there already ({file} is a file)"),
    ],
)
@pytest.mark.usefixtures("_answers_at_once")
def test_a_wrong_value_exits_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is asked, with what is allowed."""
    file = tmp_path / "file"
    file.write_text("kept", encoding="utf-8")

    with pytest.raises(SystemExit) as ended:
        command.main([each.format(file=file) for each in arguments])

    told = capsys.readouterr().err
    assert (ended.value.code, said.format(file=file) in told, "asking" in told) == (2, True, False)


def test_ctrl_c_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a table is no table."""

    def interrupt(name: str, asked: Sequence[Question]) -> Column:  # noqa: ARG001
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "ask_library", interrupt)

    code = command.main(["--out", str(tmp_path / "out")])

    assert (code, list(tmp_path.iterdir())) == (130, [])
    assert capsys.readouterr().err.endswith("stopped; nothing was written\n")
