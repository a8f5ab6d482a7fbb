"""What the terminal tells while a run goes."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from loadtest.records import rows, run_folder
from loadtest.records.news import News
from loadtest.records.rows import Row, Sample
from loadtest.scenario import files
from loadtest.terminal import narrator
from loadtest.terminal.narrator import Narrator

if TYPE_CHECKING:
    from pathlib import Path

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine"
load = [{ requests = 2, rate_per_s = 1 }]
[arms.short]
[arms.long]
load = [{ requests = 41, rate_per_s = 1 }]
"""
ROW = Row("short", 1, 1, 0.0, 0.0, 0.5, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")
REFUSED = replace(ROW, id=2, sent_s=1.0, duration_s=0.0, outcome="fast_fail", state="open", backend_calls=0)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return run_folder.create(tmp_path, files.parse(TEXT, ""), TEXT, "live", ["short", "long"], [1])


def append(path: Path, *records: Row | Sample) -> None:
    with path.open("a", encoding="utf-8") as file:
        for record in records:
            rows.write(file, record)


def told(folder: RunFolder, *, quiet: bool = False) -> tuple[Narrator, StringIO]:
    text = StringIO()
    console = Console(file=text, width=200, soft_wrap=True)
    manifest = folder.manifest()
    virtual = manifest.engine == "virtual"
    told = News(folder)
    arms, seeds = manifest.arms, manifest.seeds
    return Narrator(console, folder.scenario(), arms, seeds, told, virtual=virtual, quiet=quiet), text


def test_a_short_arm_is_traced_as_its_rows_come(folder: RunFolder) -> None:
    """Each reading tells what is new, once; a line that is still being written waits; a long arm is not printed."""
    story, text = told(folder)
    with story:
        story.read_news()
        append(folder.requests, ROW)
        story.read_news()
        story.read_news()
        whole = folder.requests.read_bytes()
        append(folder.requests, REFUSED)
        line = folder.requests.read_bytes()[len(whole) :]
        folder.requests.write_bytes(whole + line[:20])
        story.read_news()
        folder.requests.write_bytes(whole + line)
        append(folder.requests, replace(ROW, arm="long"))
        story.read_news()

    assert text.getvalue() == (
        "2 runs (arms x seeds), 43 requests, about 43 s\n"
        "\n"
        "short, seed 1\n"
        "Request 1:   Backend: SUCCESS (0.500s), Circuit: CLOSED (fail_count: 0)\n"
        "Request 2:   Circuit Breaker OPENED; FAST-FAIL (0.000s), Circuit: OPEN\n"
    )


def test_where_there_is_no_terminal_a_line_says_now_and_then_how_far_it_is(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a log file a bar that moves would be noise; the state is that of the latest sample."""
    now = [100.0]
    monkeypatch.setattr(narrator, "time", SimpleNamespace(monotonic=lambda: now[0]))
    story, text = told(folder)
    append(folder.requests, replace(ROW, arm="long"))
    append(folder.samples, Sample("long", 1, 7.4, "half-open", 1, 0))

    for now[0] in (101.0, 109.9, 110.0, 119.0, 120.5):
        story.read_news()

    assert [line for line in text.getvalue().splitlines() if line.startswith("  ")] == [
        "  long, seed 1, 7 s: 1/43 requests, breaker half-open, about 33 s left",
        "  long, seed 1, 7 s: 1/43 requests, breaker half-open, about 22 s left",
    ]


def test_quiet_tells_nothing(folder: RunFolder) -> None:
    """Not even the trace."""
    story, text = told(folder, quiet=True)
    with story:
        append(folder.requests, ROW, REFUSED)
        story.read_news()

    assert text.getvalue() == ""


def test_what_a_row_says_is_no_markup(folder: RunFolder) -> None:
    """A client of another make may answer with anything in its headers."""
    story, text = told(folder)
    append(folder.requests, replace(ROW, outcome="[/bold]"))

    story.read_news()

    assert "Backend: [/BOLD] (0.500s)" in text.getvalue()


def test_on_virtual_time_what_is_left_goes_by_the_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows that are not printed only the last is read, and all are counted."""
    clock = [0.0]
    monkeypatch.setattr(narrator, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    folder = run_folder.create(tmp_path, files.parse(TEXT, ""), TEXT, "virtual", ["long"], [1])
    story, text = told(folder)
    with story:
        with folder.requests.open("w", encoding="utf-8") as file:
            file.write("not read\n" * 9)
        append(folder.requests, replace(ROW, arm="long", state="open"))
        clock[0] = 20.0
        story.read_news()

    assert text.getvalue().splitlines() == [
        "1 run (arms x seeds), 41 requests, on virtual time",
        "  long, seed 1, 0 s: 10/41 requests, breaker open, about 62 s left",
    ]
