"""The JSON Schema of a run's files, and the files that are kept against the shapes it is made from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from loadtest.commands.app import main
from loadtest.records import rows
from loadtest.records.manifest import Manifest
from loadtest.records.rows import KINDS
from loadtest.records.run_folder import RunFolder
from loadtest.records.schema import SHAPES, fields_of, file_of, schema_of
from loadtest.records.shapes import as_json
from loadtest.records.summary import Summary
from loadtest.studies.references.slim import slim_summary

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "docs" / "schema"
REFERENCES = [ROOT / "results" / name / "reference" for name in ("experiment-1", "experiment-2", "policies")]


@pytest.mark.parametrize("name", SHAPES)
def test_the_schema_that_is_kept_is_that_of_the_shape(name: str) -> None:
    """A field that is new, or another description, needs `make schema`."""
    assert json.loads((KEPT / file_of(name)).read_text(encoding="utf-8")) == schema_of(name)


def test_nothing_else_is_kept() -> None:
    """The schema of a shape that is gone would still be believed."""
    assert sorted(path.name for path in KEPT.iterdir()) == sorted(map(file_of, SHAPES))


@pytest.mark.parametrize("name", SHAPES)
def test_every_field_says_what_it_is(name: str) -> None:
    """A title and a description; what is called `_s` is in seconds, and says so."""
    fields = list(fields_of(schema_of(name)))

    assert [field for field, schema in fields if not (schema.get("title") and schema.get("description"))] == []
    assert [field for field, schema in fields if field.endswith("_s") and schema.get("unit") != "s"] == []


def test_a_field_is_required_unless_it_is_absent_where_there_is_nothing() -> None:
    """Scripts may rely on the others."""
    schema = schema_of("summary")
    shapes = {"Summary": schema, **schema["$defs"]}

    optional = {
        f"{name}.{field}"
        for name, shape in shapes.items()
        for field in shape.get("properties", {})
        if field not in shape["required"]
    }

    assert optional == {
        *("Summary.verdicts", "Summary.headline", "ArmSummary.phases", "ArmSummary.shadow", "RunFigures.phases"),
        *("ArmSummary.transitions", "ArmSummary.runs", "Check.caution", "VerdictCell.parts"),
        *("ArmSummary.answered_4xx", "RunFigures.answered_4xx", "PhaseFigures.answered_4xx"),
        "VerdictCell.random_yardstick",
        *("VerdictCell.balance", "Quantiles.p90"),
    }


@pytest.mark.parametrize("folder", REFERENCES, ids=lambda folder: folder.parent.name)
def test_a_reference_run_fits_the_shapes(folder: Path) -> None:
    """Each file is read through its shape and is the same when it is written again, keys in the same order."""
    run = RunFolder(folder)
    manifest = run.manifest()
    summary = (folder / "summary.json").read_text(encoding="utf-8")
    written = as_json(TypeAdapter(Summary).validate_json(summary))
    if manifest.rows_sha256 is not None:
        written = slim_summary(written)

    assert written == json.loads(summary)
    assert order_of(written) == order_of(json.loads(summary))
    assert manifest.as_json() == json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest.rows_sha256 is not None:
        return
    for path, kind in zip((run.requests, run.transitions, run.samples, run.arms), KINDS, strict=True):
        records = [asdict(each) for each in rows.read(path, kind)]  # type: ignore[type-var]
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert [{**record, **line} for record, line in zip(records, lines, strict=True)] == records
        assert records, path.name


def order_of(value: object) -> object:
    """Return the keys of everything that has some, in their order."""
    if isinstance(value, dict):
        return [(str(key), order_of(each)) for key, each in value.items()]
    return [order_of(each) for each in value] if isinstance(value, list) else None


def test_what_is_not_named_in_a_manifest_is_kept() -> None:
    """A newer lab may have noted more, about the run and about each arm."""
    text = (REFERENCES[0] / "manifest.json").read_text(encoding="utf-8")
    values = json.loads(text)
    values["host"]["memory"] = 8
    values["weekday"] = "Monday"

    assert Manifest.model_validate(values).as_json() == values


def test_the_command_writes_the_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a folder that it makes."""
    monkeypatch.setattr("sys.argv", ["loadtest", "schema", "--out", str(tmp_path / "new")])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {
        path.name: path.read_bytes() for path in KEPT.iterdir()
    }


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2."""
    (tmp_path / "taken").write_text("", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["loadtest", "schema", "--out", str(tmp_path / "taken")])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "taken'; allowed: a writable folder (File exists)" in capsys.readouterr().err
