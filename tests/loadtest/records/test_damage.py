"""Files that were damaged, by hand or by a disk: always a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from inputs.limits import LONGEST_JSON_FILE, LONGEST_ROW
from inputs.wrong_input import WrongInputError
from loadtest.records import rows, run_folder
from loadtest.records.rows import ArmRecord, Record, Row, Sample, StateChange
from loadtest.records.run_folder import RunFolder
from loadtest.scenario import files
from loadtest.scenario.seeds import parse_seeds

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row("with", 1, 7, 1.0, 1.25, 0.5, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")
CHANGE = StateChange("with", 1, 2.5, "closed", "open", "fail_max reached", 5)
SAMPLE = Sample("with", 1, 2.75, "open", 9, 0)
RECORD = ArmRecord("with", 1, 1, 3.0, "abc", 1, {"ok": 1}, 1, 0.01, 1, {"ok": 1}, 0.5, 1, 1, 0)

TEXT = """
name = "mine"
title = "Mine"
load = [{ requests = 2, rate_per_s = 1 }]
[arms.without]
[arms.with]
"""


def changed(record: Record, **values: Any) -> bytes:
    return json.dumps({**asdict(record), **values}).encode()


def said_of(path: Path, kind: type[Record]) -> str:
    with pytest.raises(WrongInputError) as caught:
        list(rows.read(path, kind))
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "line", "said"),
    [
        (Row, changed(ROW, id="7"), "id: got '7'; input should be a valid integer"),
        (Row, changed(ROW, status=True), "status: got True; input should be a valid integer"),
        (Row, changed(ROW, sent_s=None), "sent_s: got None; input should be a valid number"),
        (Row, changed(ROW, sent_s=float("nan")), "sent_s: got nan; input should be a finite number"),
        (Row, changed(ROW, sent_s=1e300), "sent_s: got 1e+300; input should be less than or equal to 1000000000"),
        (Row, changed(ROW, arm=["with"]), "arm: got ['with']; input should be a valid string"),
        (Row, changed(ROW, state="ajar"), "state: got 'ajar'; allowed: '', 'closed', 'open', 'half-open'"),
        (
            Row,
            changed(ROW, outcome="odd"),
            "outcome: got 'odd'; allowed: 'ok', 'error', 'timeout', 'fast_fail', 'rejected', 'cancelled'",
        ),
        (Row, changed(ROW, served="hot"), "served: got 'hot'; allowed: 'fresh', 'stale', 'fallback', 'nothing'"),
        (Row, changed(ROW, would_have="fast_fail"), "would_have: got 'fast_fail'; allowed: 'ok', 'error', 'timeout'"),
        (StateChange, changed(CHANGE, after=""), "after: got ''; allowed: 'closed', 'open', 'half-open'"),
        (Sample, changed(SAMPLE, state=""), "state: got ''; allowed: 'closed', 'open', 'half-open', 'changing'"),
        (
            ArmRecord,
            changed(RECORD, client_outcomes={"ok": 0.5}),
            "client_outcomes.ok: got 0.5; input should be a valid integer",
        ),
        (ArmRecord, changed(RECORD, planned=[[]]), "planned: got [[]]; input should be a valid integer"),
        (Row, b'\xff{"arm": 1}', "not JSON"),
        (Row, b'{"arm": "\xff"}', "not JSON"),
        (Row, b"[" * 100_000, "not JSON"),
        (Row, b"9" * 5000, "not JSON"),
        (Row, b"\0", "not JSON"),
    ],
)
def test_a_damaged_line_is_named_with_file_line_and_field(
    tmp_path: Path, kind: type[Record], line: bytes, said: str
) -> None:
    """The second of three lines is wrong; what is right is still given before it."""
    good = {Row: ROW, StateChange: CHANGE, Sample: SAMPLE, ArmRecord: RECORD}[kind]
    path = tmp_path / "some.jsonl"
    path.write_bytes(b"\n".join([changed(good), line, changed(good), b""]))

    assert said_of(path, kind) == f"some.jsonl, line 2: {said}"
    assert next(rows.read(path, kind)) == good


def test_a_sample_may_fall_into_a_change(tmp_path: Path) -> None:
    """And a row of a request without an answer has no state."""
    (tmp_path / "samples.jsonl").write_bytes(changed(SAMPLE, state="changing") + b"\n")
    (tmp_path / "requests.jsonl").write_bytes(changed(ROW, state="", sent_s=1) + b"\n")

    assert [each.state for each in rows.read(tmp_path / "samples.jsonl", Sample)] == ["changing"]
    assert [each.state for each in rows.read(tmp_path / "requests.jsonl", Row)] == [""]


def test_a_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    """With the system's own words."""
    assert said_of(tmp_path, Row) == f"{tmp_path.name}: cannot be read: Is a directory"


def test_a_long_file_is_read_in_seconds(tmp_path: Path) -> None:
    """50,000 rows; the bound is generous, what it excludes is minutes."""
    path = tmp_path / "requests.jsonl"
    path.write_bytes((changed(ROW) + b"\n") * 50_000)
    began = time.process_time()

    assert sum(row.id for row in rows.read(path, Row)) == 350_000
    assert time.process_time() - began < 5


def create(root: Path) -> RunFolder:
    return run_folder.create(root, files.parse(TEXT, ""), TEXT, "live", ["with"], [3, 4])


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("arms", [], "arms: got []; list should have at least 1 item after validation, not 0"),
        ("arms", "with", "arms: got 'with'; input should be a valid list"),
        ("arms", [1], "arms.0: got 1; input should be a valid string"),
        ("seeds", [], "seeds: got []; list should have at least 1 item after validation, not 0"),
        ("seeds", ["3"], "seeds.0: got '3'; input should be a valid integer"),
        ("seeds", [True], "seeds.0: got True; input should be a valid integer"),
        ("weather", [], "weather: got []; input should be a valid dictionary"),
        ("versions", 3, "versions: got 3; input should be a valid dictionary"),
        ("versions", {"python": "3"}, "versions: got {'python': '3'}; missing: pybreaker, locust"),
        ("settings", {"with/3": 1}, "settings.with/3: got 1; allowed: keys with values"),
        ("host", None, "host: got None; allowed: keys with values"),
        ("scenario_text", 3, "scenario_text: got 3; input should be a valid string"),
        ("complete", "yes", "complete: got 'yes'; input should be a valid boolean"),
        ("engine", "steam", "engine: got 'steam'; input should be 'live' or 'virtual'"),
    ],
)
def test_a_wrong_entry_of_a_manifest_is_named(tmp_path: Path, entry: str, value: Any, said: str) -> None:
    """The folder, the entry, and what is wrong with it."""
    folder = create(tmp_path)
    folder.write("manifest.json", json.dumps({**folder.manifest().as_json(), entry: value}))

    with pytest.raises(WrongInputError) as caught:
        folder.manifest()

    assert str(caught.value) == f"{folder.path}: not a run: manifest.json is missing or broken ({said})"


@pytest.mark.parametrize("text", [b"[" * 100_000, b"\xff", b"9" * 5000, b'"' + b"{}" * 9])
def test_a_manifest_that_is_no_json_is_named(tmp_path: Path, text: bytes) -> None:
    """Whatever the reader makes of it."""
    (tmp_path / "manifest.json").write_bytes(text)

    with pytest.raises(WrongInputError) as caught:
        RunFolder(tmp_path).manifest()

    assert str(caught.value).startswith(f"{tmp_path}: not a run: manifest.json is missing or broken")


def test_an_arm_that_the_scenario_does_not_have_is_named(tmp_path: Path) -> None:
    """A manifest repaired by hand, or a scenario's text that was."""
    folder = create(tmp_path)
    folder.write("manifest.json", json.dumps({**folder.manifest().as_json(), "arms": ["with", "wiht"]}))

    with pytest.raises(WrongInputError, match=r"^arm: got 'wiht'; allowed in mine: without, with$"):
        folder.manifest()


def test_a_revision_noted_in_an_image_is_taken_where_git_knows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git first; then the file; an empty one says nothing."""
    noted = tmp_path / "REVISION"
    monkeypatch.setattr(run_folder, "_REVISION", noted)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = [run_folder._git_revision()]
    for text in ("", "9294785d351b-dirty\n"):
        noted.write_text(text, encoding="utf-8")
        found.append(run_folder._git_revision())

    assert found == [None, None, "9294785d351b-dirty"]


@pytest.mark.parametrize("kind", [Row, Sample])
def test_a_pipe_or_an_endless_line_is_named(tmp_path: Path, kind: type[Row]) -> None:
    """It is not waited for, and not kept in memory."""
    pipe, device, long = (tmp_path / name for name in ("pipe", "device", "long"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    long.write_bytes(b"x" * (LONGEST_ROW + 1))

    assert said_of(pipe, kind) == "pipe: cannot be read: not a regular file; save its content to one"
    assert said_of(device, kind) == "device: cannot be read: not a regular file; save its content to one"
    assert said_of(long, kind) == "long, line 1: longer than 1,048,576 bytes"


def test_many_strange_fields_are_told_in_a_short_sentence(tmp_path: Path) -> None:
    """However many there are, and however long."""
    line = {**asdict(ROW), **{f"{number:05}" + "x" * 500: 1 for number in range(1_000)}}
    (tmp_path / "some.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")

    said = said_of(tmp_path / "some.jsonl", Row)

    assert said.startswith("some.jsonl, line 1: fields differ: ['00000xxx")
    assert len(said) < 2_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '{"schema": ' + "9" * 5_000 + "}",
        "\0",
        " " * LONGEST_JSON_FILE + "{}",
    ],
    ids=["deep", "deep and whole", "long number", "binary", "long"],
)
def test_an_odd_manifest_is_no_run(tmp_path: Path, text: str) -> None:
    """Whatever is odd about it."""
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")

    with pytest.raises(WrongInputError, match=r"not a run: manifest\.json is missing or broken"):
        RunFolder(tmp_path).manifest()


@pytest.mark.parametrize("value", ["[" * 5000 + "]" * 5000, "9" * 5000, "{a=" * 3000 + "1" + "}" * 3000])
def test_a_scenario_beyond_the_readers_limits_is_named(value: str) -> None:
    """Brackets too deep, a number too long: not TOML, as far as anybody can tell."""
    with pytest.raises(WrongInputError) as caught:
        files.parse(f"name = {value}", "mine.toml")

    assert str(caught.value) == "mine.toml: not TOML: a number is too long, or brackets are nested too deeply"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "mine.toml"
    path.write_text(TEXT, encoding="utf-8-sig")

    assert files.read(str(path)) == (files.parse(TEXT, ""), TEXT)


NEVER = (
    "arms.with.timeout.total_s: got none; allowed with a hang_rate in the faults: a number of seconds, "
    "since a request that hangs is never answered"
)
HANGS = "[arms.with.timeout]\ntotal_s = 'none'\n[arms.with.faults]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            TEXT.replace("rate_per_s = 1", "rate_per_s = 1e-300"),
            "load.0.rate_per_s: got 1e-300; allowed: a number >= 0.001 and <= 100000",
        ),
        (
            'document = "experiment-1"' + TEXT,
            "document: got 'experiment-1', but the scenario has no arm 'replay', whose figures the document gives",
        ),
        (
            'document = "experiment-2"' + TEXT.replace("[arms.without]", "[arms.off]"),
            "document: got 'experiment-2', but the scenario has no arm 'without', whose figures the document gives",
        ),
        (
            TEXT + HANGS + "hang_rate = 0.1",
            NEVER,
        ),
        (
            TEXT + HANGS + "phases = [{ duration_s = 1 }, { profile = { hang_rate = 1 } }]",
            NEVER,
        ),
        (
            TEXT + HANGS + "bursts = { rate = 0.1, mean_length = 3, hang_share = 0.5 }",
            NEVER.replace("hang_rate", "hang_share"),
        ),
        (TEXT + "[faults]\nerror_rate = true", "faults.error_rate: got True; allowed: a number >= 0 and <= 1"),
    ],
)
def test_a_scenario_that_could_not_be_run_or_reported_is_refused(text: str, said: str) -> None:
    """Before anything is run."""
    with pytest.raises(WrongInputError) as caught:
        files.parse(text, "mine.toml")

    assert str(caught.value) == f"mine.toml: {said}"


def test_waiting_for_ever_is_allowed_where_nothing_hangs() -> None:
    """Every request is answered some day."""
    found = files.parse(TEXT + HANGS + "error_rate = 0.1", "mine.toml")

    assert found.arms["with"].timeout.total_s is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",", "got ','; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9"),
        (" ", "got ' '; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9"),
        ("1-10001", "got '1-10001'; allowed: at most 10,000 seeds"),
        ("1-9000,10001-12000", "got '10001-12000'; allowed: at most 10,000 seeds"),
    ],
)
def test_no_seeds_and_too_many_seeds_are_mistakes(text: str, said: str) -> None:
    """A comma alone is not 'the scenario's own seed'; more than anybody can wait for were not meant."""
    with pytest.raises(WrongInputError) as caught:
        parse_seeds(text)

    assert str(caught.value) == f"seeds: {said}"


def test_ten_thousand_seeds_are_allowed() -> None:
    """Overlaps count once."""
    assert len(parse_seeds("1-10000,1-10000")) == 10_000
