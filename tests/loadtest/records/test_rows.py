"""The files of JSON lines."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from inputs.wrong_input import WrongInputError
from loadtest.records import rows
from loadtest.records.rows import ABSENT, ArmRecord, Record, Row, Sample, StateChange

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row("with", 1, 7, 1.0, 1.25, 0.5, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")
CHANGE = StateChange("with", 1, 2.5, "closed", "open", "fail_max reached", 5)
SAMPLE = Sample("with", 1, 2.75, "open", 9, 0)
RECORD = ArmRecord("with", 1, 1, 3.0, "abc", 1, {"ok": 1}, 1, 0.01, 1, {"ok": 1}, 0.5, 1, 1, 0)


def test_times_of_a_row_follow_from_its_three() -> None:
    """The answer came at sent + duration, and its latency counts from the intended time as well."""
    assert (ROW.end_s, ROW.intended_latency_s) == (1.75, 0.75)


@pytest.mark.parametrize("record", [ROW, CHANGE, SAMPLE, RECORD], ids=lambda each: type(each).__name__)
def test_what_was_written_is_read_again(tmp_path: Path, record: Record) -> None:
    """Each kind of record survives its file, in order; a line is one JSON object with the fields' names."""
    path = tmp_path / "some.jsonl"
    with path.open("w", encoding="utf-8") as file:
        rows.write(file, record)
        assert path.read_text(encoding="utf-8").endswith("}\n")  # at once, before the file is closed
        rows.write(file, record)

    assert list(rows.read(path, type(record))) == [record, record]
    written = list(json.loads(path.read_text(encoding="utf-8").splitlines()[0]))
    assert written == [each.name for each in fields(record) if each.metadata != ABSENT]


def test_what_is_rare_is_written_only_where_it_occurs(tmp_path: Path) -> None:
    """So that the lines of a run without it are what they were before there was such a field."""
    path = tmp_path / "requests.jsonl"
    with path.open("w", encoding="utf-8") as file:
        rows.write(file, ROW)
        rows.write(file, replace(ROW, would_have="error", blameless=True))

    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line.get("blameless") for line in lines] == [None, True]
    assert [row.blameless for row in rows.read(path, Row)] == [False, True]


def test_a_missing_file_has_no_records(tmp_path: Path) -> None:
    """A run that was ended before anything happened is no error."""
    assert list(rows.read(tmp_path / "requests.jsonl", Row)) == []


@pytest.mark.parametrize("left", [1, 20, -2, -1])
def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path, left: int) -> None:
    """A crash loses at most the line being written; even a whole object without its line end may be cut off."""
    path = tmp_path / "requests.jsonl"
    with path.open("w", encoding="utf-8") as file:
        rows.write(file, ROW)
        rows.write(file, ROW)
    text = path.read_text(encoding="utf-8")
    half = len(text) // 2
    path.write_text(text[: half + left] if left > 0 else text[:left], encoding="utf-8")

    assert list(rows.read(path, Row)) == [ROW]


GOOD = json.dumps({name: getattr(ROW, name) for name in Row.__annotations__})
MISSING = json.dumps({name: getattr(ROW, name) for name in Row.__annotations__ if name != "outcome"})
STRANGE = json.dumps({**json.loads(GOOD), "colour": "red"})
ANOTHER = "; if another version of the lab wrote it, `git_revision` in manifest.json is the one that reads it"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"arm": "wi', "not JSON"),
        ("", "not JSON"),
        ("[1, 2]", "fields differ: no object"),
        ("3", "fields differ: no object"),
        ("null", "fields differ: no object"),
        (MISSING, f"fields differ: ['outcome']{ANOTHER}"),
        (STRANGE, f"fields differ: ['colour']{ANOTHER}"),
    ],
)
def test_a_broken_line_is_named_with_file_and_number(tmp_path: Path, line: str, said: str) -> None:
    """Someone who repaired a file by hand learns where to look."""
    path = tmp_path / "requests.jsonl"
    path.write_text(f"{GOOD}\n{line}\n{GOOD}\n", encoding="utf-8")

    with pytest.raises(WrongInputError) as caught:
        list(rows.read(path, Row))

    assert str(caught.value) == f"requests.jsonl, line 2: {said}"
