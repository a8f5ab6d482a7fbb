"""The files of one sweep. Results are appended as they come, so an interrupted sweep goes on where it stopped."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inputs.files import read_text
from inputs.json_text import read_json
from inputs.limits import LONGEST_JSON_FILE
from inputs.wrong_input import WrongInputError
from loadtest.disk.lines import LineFile
from loadtest.disk.trouble import writing
from loadtest.records.run_folder import RunFolder, wanted
from loadtest.studies.many_runs.code import code_hash
from loadtest.studies.many_runs.work import RunResult, StudyFigures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loadtest.studies.sweep.plan import Plan

_TYPES = (int, int, int, int, int, int, float, int, int, float)
_LIBRARIES = ("numpy", "pydantic", "pybreaker", "joblib")


class SweepSpec(BaseModel):
    """What a sweep runs, and with which code: the same again is the same sweep."""

    model_config = ConfigDict(strict=True, frozen=True)

    given: str
    scenario: str
    scenario_text: str
    scenario_sha256: str
    arm: str
    grid: dict[str, list[str]] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    code: str

    @classmethod
    def of(cls, plan: Plan, given: str, text: str) -> SweepSpec:
        """Describe a plan."""
        return cls(
            given=given,
            scenario=plan.points[0].scenario.name,
            scenario_text=text,
            scenario_sha256=sha256(text.encode()).hexdigest(),
            arm=plan.arm,
            grid={axis.key: list(axis.values) for axis in plan.axes},
            seeds=list(plan.seeds),
            code=code_hash(),
        )

    @property
    def key(self) -> str:
        """A short name for what decides about the results."""
        return sha256(self.model_dump_json(exclude={"given"}).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class SweepFolder:
    """Where a sweep keeps what it measured. Nothing here is held open."""

    path: Path

    @property
    def results(self) -> Path:
        """One line a run: in the order of arrival while the sweep goes on, in the grid's order at its end."""
        return self.path / "results.csv"

    def write(self, name: str, text: str) -> None:
        """Write a file whole or not at all. Raises DiskError."""
        RunFolder(self.path).write(name, text)

    def read_spec(self) -> SweepSpec:
        """Read back what this sweep was asked for. Raises WrongInputError."""
        try:
            return SweepSpec.model_validate(self._manifest()["asked"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            place = f": {error.errors()[0]['loc']}" if isinstance(error, ValidationError) else ""
            detail = f"{self.path}: no sweep to go on with: manifest.json is missing or broken{place}"
            raise WrongInputError([{"field": "resume", "value": str(self.path), "detail": detail}]) from error

    def append(self, plan: Plan, results: Sequence[RunResult]) -> None:
        """Add results, all or none. A line is there once its newline is. Raises DiskError."""
        with LineFile(self.results) as file:
            file.write(_lines(plan, results))

    def count_results(self) -> int:
        """Return how many runs are kept; none where the folder is gone."""
        try:
            return max(0, self.results.read_bytes().count(b"\n") - 1)
        except OSError:
            return 0

    def load(self, plan: Plan) -> dict[tuple[int, int], StudyFigures]:
        """Return what was measured so far, by point and seed; cut off what a crash left of a last line.

        Raises WrongInputError for a line that is not this sweep's, and DiskError.
        """
        if not self.results.exists():
            self.write("results.csv", _lines(plan, [], header=True))
            return {}
        kept = self.results.read_bytes()
        whole = kept[: kept.rfind(b"\n") + 1]
        if len(whole) < len(kept):
            with writing(self.results):
                os.truncate(self.results, len(whole))
        head, *lines = list(csv.reader(io.StringIO(whole.decode("utf-8", "replace")))) or [[]]
        if not whole:
            self.write("results.csv", _lines(plan, [], header=True))
        elif head != _header(plan):
            raise self._damaged_line(1, "its columns are not this sweep's")
        numbers = {point.label: index for index, point in enumerate(plan.points)}
        seeds = set(plan.seeds)
        measured: dict[tuple[int, int], StudyFigures] = {}
        for number, line in enumerate(lines, start=2):
            try:
                point, seed = numbers[line[0]], int(line[1 + len(plan.axes)])
                values = line[2 + len(plan.axes) :]
                figures = StudyFigures(*(kind(value) for kind, value in zip(_TYPES, values, strict=True)))
            except (ValueError, KeyError, IndexError) as error:
                raise self._damaged_line(number, "no result of this sweep") from error
            if seed not in seeds:
                raise self._damaged_line(number, f"seed {seed} is none of this sweep's")
            measured[point, seed] = figures
        return measured

    def finish(self, plan: Plan, measured: dict[tuple[int, int], StudyFigures]) -> None:
        """Put the results into the grid's order, and mark the sweep complete."""
        ordered = [
            RunResult(index, seed, measured[index, seed]) for index in range(len(plan.points)) for seed in plan.seeds
        ]
        self.write("results.csv", _lines(plan, ordered, header=True))
        self._update(complete=True, ended=_now())

    def begin(self, plan: Plan, spec: SweepSpec) -> None:
        """Write the manifest of a new sweep; that of one that was begun before stays."""
        if (self.path / "manifest.json").exists():
            self.read_spec()
            return
        manifest = {
            "schema": 1,
            "kind": "sweep",
            "complete": False,
            "asked": spec.model_dump(),
            "points": plan.on_grid,
            "skipped": len(plan.skipped),
            "runs": plan.runs,
            "started": _now(),
            "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in _LIBRARIES}},
            "host": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
        }
        self.write("manifest.json", json.dumps(manifest, indent=2) + "\n")

    def _manifest(self) -> dict[str, Any]:
        return dict(read_json(read_text(self.path / "manifest.json", LONGEST_JSON_FILE)))

    def _update(self, **values: Any) -> None:
        manifest = self._manifest()
        if not manifest["complete"]:
            self.write("manifest.json", json.dumps({**manifest, **values}, indent=2) + "\n")

    def _damaged_line(self, line: int, message: str) -> WrongInputError:
        detail = f"{self.results}, line {line}: {message}; remove the folder to begin anew"
        return WrongInputError([{"field": "results", "value": str(self.results), "detail": detail}])


def folder_for(root: Path, spec: SweepSpec) -> SweepFolder:
    """Return the folder of this very sweep, made where it is not there. Raises WrongInputError."""
    path = root / spec.scenario / f"sweep-{spec.key}"
    with wanted(root):
        path.mkdir(parents=True, exist_ok=True)
    return SweepFolder(path)


def _header(plan: Plan) -> list[str]:
    return ["point", *(axis.key for axis in plan.axes), "seed", *StudyFigures._fields]


def _lines(plan: Plan, results: Sequence[RunResult], *, header: bool = False) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(_header(plan))
    for result in results:
        point = plan.points[result.point]
        writer.writerow([point.label, *point.values, result.seed, *result.figures])
    return text.getvalue()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
