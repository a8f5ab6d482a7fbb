"""Run a scenario on real services, hold it against virtual time, and write what was found."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from inputs.wrong_input import WrongInputError
from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.registry import experiment_of
from loadtest.records import rows
from loadtest.records.run_folder import RunFolder
from loadtest.studies.agreement.compare import MEANS, SAME_OUTCOMES, ArmAgreement, as_markdown, compare_rows

if TYPE_CHECKING:
    from pathlib import Path


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
    """Run a scenario on real services. Raises CalledProcessError; a broken check of the run itself is none."""
    command = [sys.executable, "-m", "loadtest", "run", scenario, "--out", str(folder)]
    ended = subprocess.run(command, check=False, stdout=sys.stderr)
    if ended.returncode not in (0, 1):
        raise subprocess.CalledProcessError(ended.returncode, command)
    return RunFolder(folder / scenario / "latest")


def write_agreement(out: Path, arms_by_scenario: dict[str, list[ArmAgreement]]) -> str:
    """Write agreement.json and agreement.md; return the Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    entries = {name: [{**asdict(arm), "ok": arm.ok} for arm in arms] for name, arms in arms_by_scenario.items()}
    (out / "agreement.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    rule = (
        "Each scenario ran on both engines: real services and Locust, and the same code on a virtual clock. The rule: "
        "in `replay` every request has the same outcome, state and count; elsewhere "
        f"{SAME_OUTCOMES:.0%} of the requests have the same outcome; mean times are within {MEANS:.0%}."
    )
    parts = [
        "# Do the engines agree?",
        "",
        rule,
        "",
        *(as_markdown(name, arms) for name, arms in arms_by_scenario.items()),
    ]
    text = "\n".join(parts)
    (out / "agreement.md").write_text(text, encoding="utf-8")
    return text
