"""Reproduce a reference in a temporary folder, and list where it differs from what is kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from loadtest.engines.virtual.engine import run_on_virtual_time
from loadtest.experiments.finish import measure_with_part
from loadtest.experiments.registry import experiments
from loadtest.records.news import News
from loadtest.records.run_folder import RunFolder
from loadtest.records.shapes import as_json
from loadtest.report.render import markdown_of
from loadtest.studies.agreement.conduct import agreement_of, judge_kept, write_agreement
from loadtest.studies.many_runs import workers
from loadtest.studies.many_runs.code import code_hash
from loadtest.studies.many_runs.processes import cores, spread_in_order
from loadtest.studies.references.compare import compare_hashes, compare_texts, compare_values
from loadtest.studies.references.keep import ROWS, files_hashes, study_of
from loadtest.studies.references.rows_hash import rows_hashes
from loadtest.studies.references.slim import slim_summary, with_png
from loadtest.studies.sweep.conduct import conduct as conduct_sweep
from loadtest.studies.sweep.conduct import resume_sweep
from loadtest.studies.tune.conduct import conduct as conduct_tune
from loadtest.studies.tune.objective import Weights
from loadtest.studies.tune.problem import TuneOptions, read_problem
from loadtest.studies.tune.report import write_results
from loadtest.studies.tune.search import Aim
from loadtest.terminal.narrator import Narrator

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console


class Recheck(NamedTuple):
    """How a reference was reproduced, or why it was not, and each difference in a sentence."""

    how: str
    differences: list[str]


def find_references(root: Path) -> list[Path]:
    """Return the folders of all references: results/<scenario>/reference, reference-live and the like."""
    return sorted(path for path in root.glob("*/reference*") if path.is_dir() and not path.is_symlink())


def recheck_reference(reference: Path, console: Console) -> Recheck:
    """Reproduce a reference from its manifest, and compare; leaves nothing behind.

    If it cannot be read or run any more, that is the difference.
    """
    study = study_of(reference)
    if study and study not in _STUDIES:
        return Recheck(f"not reproduced: measured on one machine; `make {study}` measures on this one", [])
    with TemporaryDirectory(prefix="breaker-lab-") as scratch:
        try:
            return (_STUDIES[study] if study else _recheck_run)(reference, Path(scratch), console)
        except (OSError, ValueError, KeyError) as error:
            return Recheck("not reproduced", [f"{type(error).__name__}: {error}"])


def _recheck_run(reference: Path, scratch: Path, console: Console) -> Recheck:
    manifest = RunFolder(reference).manifest()
    copy = RunFolder(scratch / "run")
    copy.path.mkdir()
    shutil.copyfile(reference / "manifest.json", copy.path / "manifest.json")
    hashes = manifest.rows_sha256
    if RunFolder(reference).requests.exists():
        how = "report rebuilt from its rows"
        for name in ROWS:
            if (reference / name).exists():
                shutil.copyfile(reference / name, copy.path / name)
    elif hashes is None:
        return Recheck("not reproduced", ["neither rows nor hashes of them are kept"])
    elif manifest.engine == "live":
        return Recheck("not reproduced: a live run without its rows, and no live run is the same twice", [])
    else:
        how = "run again on virtual time"
        narrator = Narrator(*(console, copy.scenario(), manifest.arms, manifest.seeds, News(copy)), virtual=True)
        run_on_virtual_time(copy, narrator, spread_in_order)
        copy.update_manifest(settings=manifest.settings)
    done, part = measure_with_part(copy)
    summary = as_json(done.summary)
    if hashes is not None:
        summary = slim_summary(summary)
    return Recheck(
        how,
        [
            *(compare_hashes(hashes, rows_hashes(copy)) if hashes is not None else []),
            *compare_values("summary.json", _json(reference / "summary.json"), _through_json(summary)),
            *compare_texts("report.md", _text(reference / "report.md"), with_png(markdown_of(done, part))),
        ],
    )


def _recheck_sweep(reference: Path, scratch: Path, console: Console) -> Recheck:
    manifest = _json(reference / "manifest.json")
    kept: dict[str, str] = manifest.pop("files_sha256", {})
    began_with = str(manifest["asked"]["code"])
    manifest["asked"]["code"] = (
        code_hash()
    )  # otherwise the sweep would refuse to continue: the question is what today's code gives
    (scratch / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    conduct_sweep(resume_sweep(scratch), workers.local(cores()), console)
    now = with_png(_text(scratch / "sweep.md")).replace(code_hash(), began_with)
    return Recheck(
        "reproduced",
        [
            *_compare_files(kept, files_hashes(scratch)),
            *compare_texts("sweep.md", _text(reference / "sweep.md"), now),
        ],
    )


def _recheck_tune(reference: Path, scratch: Path, console: Console) -> Recheck:
    manifest = _json(reference / "manifest.json")
    values = dict(manifest["asked"])
    arm, policies = values.pop("arm"), tuple(values.pop("policies"))
    options = TuneOptions.model_validate(values)
    aim = Aim(Weights.model_validate(manifest["weights"]), options.most_lost)
    problem = read_problem(manifest["given"], arm, options)
    if problem.sha256 != manifest["sha256"]:
        return Recheck("not reproduced", [f"{problem.name}: no longer the source of the reference"])
    with workers.local(cores()) as crew:
        tuned = conduct_tune(problem, options, aim, policies, crew, console)
    copy = write_results(scratch, tuned, policies)
    return Recheck(
        "reproduced",
        [
            *_compare_files(manifest.get("files_sha256", {}), files_hashes(copy)),
            *compare_values("tune.json", _json(reference / "tune.json"), _json(copy / "tune.json")),
            *compare_texts("tune.md", _text(reference / "tune.md"), with_png(_text(copy / "tune.md"))),
        ],
    )


def _recheck_agreement(reference: Path, scratch: Path, _: Console) -> Recheck:
    """Compare both engines again: on the kept rows of the experiments and the kept figures of the other live runs."""
    kept = _json(reference / "agreement.json")
    live = {name: RunFolder(reference.resolve().parents[1] / name / reference.name) for name in experiments()}
    ranges = judge_kept(kept)
    now = scratch / "agreement"
    write_agreement(now, {name: agreement_of(folder) for name, folder in live.items()}, ranges)
    how = "computed again from the rows of both experiments"
    return Recheck(
        f"{how} and the figures of the other live runs" if ranges else how,
        [
            *compare_values("agreement.json", kept, _json(now / "agreement.json")),
            *compare_texts("agreement.md", _text(reference / "agreement.md"), with_png(_text(now / "agreement.md"))),
        ],
    )


_STUDIES: dict[str, Callable[[Path, Path, Console], Recheck]] = {
    "agreement": _recheck_agreement,
    "sweep": _recheck_sweep,
    "tune": _recheck_tune,
}


def _compare_files(kept: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return a sentence for each CSV file that does not match its kept hash."""
    names = [*kept, *(name for name in now if name not in kept)]
    said = "does not match the kept hash"
    return [
        f"{name}: {said if name in kept else 'no hash of it is kept'}"
        for name in names
        if kept.get(name) != now.get(name)
    ]


def _through_json(value: Any) -> Any:
    """Return the value as it is after writing and reading JSON: keys as text, tuples as lists."""
    return json.loads(json.dumps(value))


def _json(path: Path) -> Any:
    return json.loads(_text(path))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
