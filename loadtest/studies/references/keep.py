"""Turn a folder of results into a reference: small enough for the repository, and enough to see whether it still holds.

A run keeps its manifest, its summary, its report and the pictures in it; its rows, or a hash of them. What a study, a
benchmark or a soak has found keeps its Markdown, its JSON and the pictures; of each CSV file the manifest has the hash.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from inputs.wrong_input import WrongInputError
from loadtest.disk.whole import draft_folder
from loadtest.experiments.finish import measure_with_part
from loadtest.records.run_folder import RunFolder
from loadtest.records.shapes import as_json
from loadtest.report.render import markdown_of, pictures_of
from loadtest.studies.references import pictures
from loadtest.studies.references.rows_hash import rows_hashes
from loadtest.studies.references.slim import compact_json, pictures_in, slim_manifest, slim_summary, with_png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What else than a run there is, by the name of its report.
STUDIES = ("agreement", "bench", "conformance", "soak", "sweep", "tune")
ROWS = ("requests.jsonl", "transitions.jsonl", "samples.jsonl", "arms.jsonl")


def keep_reference(source: Path, root: Path, name: str, *, rows: bool) -> Path:
    """Write the reference `name` of a folder of results, in place of the one that was there.

    `rows`: keep the rows of a run, too. Raises WrongInputError, and DiskError.
    """
    study = study_of(source)
    if study is None:
        run = RunFolder(source)
        if not run.manifest().complete:
            raise _wrong_input(source, "the run is incomplete: only a complete one becomes a reference")
        run.check_rows()
    elif rows:
        raise _wrong_input(source, f"a {study} has no rows of requests: leave --rows out")
    target = root / (study or run.scenario().name) / name
    with _draft(target) as draft:
        if study is None:
            _keep_run(run, draft, rows=rows)
        else:
            _keep_study(source, draft, study)
    return target


def study_of(folder: Path) -> str | None:
    """Return what a folder holds if that is no run, by its report."""
    return next((study for study in STUDIES if (folder / f"{study}.md").is_file()), None)


def _keep_run(run: RunFolder, draft: Path, *, rows: bool) -> None:
    done, part = measure_with_part(run)
    summary = as_json(done.summary)
    if rows:
        for name in ROWS:
            if (run.path / name).exists():
                shutil.copyfile(run.path / name, draft / name)
    else:
        done = replace(done, manifest=slim_manifest(done.manifest, rows_hashes(run)))
        summary = slim_summary(summary)
    source = with_png(markdown_of(done, part))
    for name, value in {"manifest.json": done.manifest.as_json(), "summary.json": summary}.items():
        text = json.dumps(value, indent=2) if rows else compact_json(value)
        (draft / name).write_text(f"{text}\n", encoding="utf-8")
    (draft / "report.md").write_text(source, encoding="utf-8")
    (draft / "charts").mkdir()
    shown = pictures_in(source)
    for name, figure in pictures_of(done, part):
        if f"charts/{name}.png" in shown:
            pictures.draw(figure, draft / "charts" / f"{name}.png")


def _keep_study(source: Path, draft: Path, study: str) -> None:
    for path in source.glob("*.json"):
        shutil.copyfile(path, draft / path.name)
    text = with_png((source / f"{study}.md").read_text(encoding="utf-8"))
    (draft / f"{study}.md").write_text(text, encoding="utf-8")
    for name in pictures_in(text):
        (draft / name).parent.mkdir(exist_ok=True)
        (draft / name).write_bytes(pictures.shrink((source / name).read_bytes()))
    if tables := files_hashes(source):
        manifest = json.loads((draft / "manifest.json").read_text(encoding="utf-8"))
        text = json.dumps({**manifest, "files_sha256": tables}, indent=2)
        (draft / "manifest.json").write_text(f"{text}\n", encoding="utf-8")


def files_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each CSV file."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.csv"))}


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Give an empty folder that takes the target's place at the end, or leaves nothing behind. Raises DiskError."""
    with draft_folder(target.parent) as draft, draft_folder(target.parent) as before:
        yield draft
        if os.path.lexists(target):
            target.rename(before / target.name)
        try:
            draft.rename(target)
        except OSError:
            with suppress(OSError):
                (before / target.name).rename(target)
            raise


def _wrong_input(source: Path, message: str) -> WrongInputError:
    return WrongInputError([{"field": "DIR", "value": str(source), "detail": f"{source}: {message}"}])
