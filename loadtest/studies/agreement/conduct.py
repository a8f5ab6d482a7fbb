"""Run a scenario on real services, hold it against virtual time, and write what was found."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from inputs.wrong_input import WrongInputError
from loadtest.disk.whole import draft_folder
from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.registry import experiment_of
from loadtest.records import rows
from loadtest.records.run_folder import RunFolder
from loadtest.report import theme
from loadtest.studies.agreement.chart import draw_ranges
from loadtest.studies.agreement.compare import ArmAgreement, compare_rows
from loadtest.studies.agreement.overload import judge_live
from loadtest.studies.agreement.ranges import LiveRuns, RangeAgreement
from loadtest.studies.agreement.words import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# In agreement.json, beside an entry for each scenario that is compared request by request.
RANGES = "ranges"


def agreement_of(folder: RunFolder) -> list[ArmAgreement]:
    """Hold a live run against virtual runs of its scenario, arms and seeds. Raises WrongInputError."""
    scenario, manifest = folder.scenario(), folder.manifest()
    experiment = experiment_of(scenario)
    exact = experiment.same_on_both_engines if experiment else ()
    if manifest.engine != "live":
        raise WrongInputError(
            [{"field": "live", "value": str(folder.path), "detail": f"live: {folder.path} is no live run"}]
        )
    folder.check_rows()
    live = list(rows.read(folder.requests, rows.Row))
    changes = list(rows.read(folder.transitions, rows.StateChange))
    virtual: list[rows.Row] = []
    for seed in manifest.seeds:
        for arm in manifest.arms:
            run = simulate(scenario, arm, seed)
            virtual += run.rows
            changes += run.changes
    timeouts = {name: arm.timeout.total_s for name, arm in scenario.arms.items()}
    return compare_rows(live, virtual, changes, timeouts, exact)


def run_live(scenario: str, folder: Path) -> RunFolder:
    """Run a scenario on real services. Raises CalledProcessError; a broken check of the run itself is none.

    A run that did not come to its end has no `latest`.
    """
    command = [sys.executable, "-m", "loadtest", "run", scenario, "--out", str(folder)]
    ended = subprocess.run(command, check=False, stdout=sys.stderr)
    latest = folder / scenario / "latest"
    if ended.returncode not in (0, 1) or not latest.exists():
        raise subprocess.CalledProcessError(ended.returncode, command)
    return RunFolder(latest)


def write_agreement(
    out: Path, by_scenario: Mapping[str, Sequence[ArmAgreement]], ranges: Mapping[str, RangeAgreement] | None = None
) -> str:
    """Write agreement.json, agreement.md and the picture, all or nothing; return the Markdown.

    `ranges`: what was found of scenarios in which requests wait for each other. Raises DiskError.
    """
    entries: dict[str, Any] = {
        name: [{**asdict(arm), "ok": arm.ok} for arm in arms] for name, arms in by_scenario.items()
    }
    if ranges:
        entries[RANGES] = {name: _range_entry(each) for name, each in ranges.items()}
    text = write_text(by_scenario, ranges or {})
    with draft_folder(out.parent) as draft:
        if ranges:
            theme.save(draw_ranges(ranges), draft / "charts", "ranges")
        (draft / "agreement.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
        (draft / "agreement.md").write_text(text, encoding="utf-8")
        draft.rename(out)
    return text


def _range_entry(found: RangeAgreement) -> dict[str, Any]:
    counted = {name: getattr(found, name) for name in ("checked", "outside", "outside_by_chance", "ok")}
    ranges = [{**asdict(each), "outside": each.outside} for each in found.ranges]
    return {**asdict(found), "ranges": ranges, **counted}


def judge_kept(entries: Mapping[str, Any]) -> dict[str, RangeAgreement]:
    """Judge again the live runs whose figures a kept agreement.json has, with its jitter. Raises WrongInputError."""
    return {
        name: judge_live(name, LiveRuns(**each["live"]), each["streams"], each["jitter_s"])
        for name, each in entries.get(RANGES, {}).items()
    }
