"""Run experiments on both engines with the same seeds and compare them: python -m loadtest.agreement."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtest import rows
from loadtest.agreement.compare import MEANS, SAME_OUTCOMES, ArmAgreement, as_markdown, compare_rows
from loadtest.run_folder import RunFolder
from loadtest.virtual.simulate import simulate
from service.wrong_input import WrongInputError

# Where the document prints every request, every request has to be the same.
_TO_THE_LETTER = {"experiment-1": ("replay",)}
_EXPERIMENTS = ("experiment-1", "experiment-2")


def agreement(folder: RunFolder) -> list[ArmAgreement]:
    """Hold a live run against virtual runs of its scenario, arms and seeds. Raises WrongInputError."""
    scenario, manifest = folder.scenario(), folder.manifest()
    if manifest["engine"] != "live":
        raise WrongInputError(
            [{"field": "live", "value": str(folder.path), "detail": f"live: {folder.path} is no live run"}]
        )
    live = list(rows.read(folder.requests, rows.Row))
    changes = list(rows.read(folder.transitions, rows.StateChange))
    virtual: list[rows.Row] = []
    for seed in manifest["seeds"]:
        for arm in manifest["arms"]:
            run = simulate(scenario, arm, seed)
            virtual += run.rows
            changes += run.changes
    timeouts = {name: arm.timeout.total_s for name, arm in scenario.arms.items()}
    return compare_rows(live, virtual, changes, timeouts, _TO_THE_LETTER.get(scenario.name, ()))


def _run_live(scenario: str, folder: Path) -> RunFolder:
    """Run a scenario on real services. Raises CalledProcessError; a broken check of the run itself is none."""
    command = [sys.executable, "-m", "loadtest", "run", scenario, "--out", str(folder)]
    ended = subprocess.run(command, check=False, stdout=sys.stderr)
    if ended.returncode not in (0, 1):
        raise subprocess.CalledProcessError(ended.returncode, command)
    return RunFolder(folder / scenario / "latest")


def write(out: Path, found: dict[str, list[ArmAgreement]]) -> str:
    """Write agreement.json and agreement.md; return the Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {name: [{**asdict(arm), "ok": arm.ok} for arm in arms] for name, arms in found.items()}
    (out / "agreement.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    rule = (
        "Each scenario ran on both engines: real services and Locust, and the same code on a virtual clock. The rule: "
        "in `replay` every request has the same outcome, state and count; elsewhere "
        f"{SAME_OUTCOMES:.0%} of the requests have the same outcome; mean times are within {MEANS:.0%}."
    )
    parts = ["# Do the engines agree?", "", rule, "", *(as_markdown(name, arms) for name, arms in found.items())]
    text = "\n".join(parts)
    (out / "agreement.md").write_text(text, encoding="utf-8")
    return text


def main() -> int:
    """Compare, write, print. Return 0 where the engines agree, 1 where not, 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="loadtest.agreement", description=__doc__)
    parser.add_argument(
        "--live",
        action="append",
        type=Path,
        metavar="DIR",
        help="a live run to hold against the virtual engine; may be repeated (default: run both experiments now)",
    )
    parser.add_argument("--out", type=Path, default=Path("results/agreement"), help="default: results/agreement")
    options = parser.parse_args()
    found = {}
    with TemporaryDirectory() as scratch:
        try:
            folders = [RunFolder(each) for each in options.live or ()] or [
                _run_live(name, Path(scratch)) for name in _EXPERIMENTS
            ]
            for folder in folders:
                found[folder.scenario().name] = agreement(folder)
        except WrongInputError as error:
            sys.stderr.write(f"loadtest.agreement: {error}\n")
            return 2
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"loadtest.agreement: the live run ended with exit code {error.returncode}\n")
            return error.returncode if error.returncode > 0 else 1
        except KeyboardInterrupt:
            sys.stderr.write("stopped; nothing was written\n")
            return 130
    out = options.out / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    sys.stdout.write(f"{write(out, found)}\nin {out}\n")
    return 0 if all(arm.ok for arms in found.values() for arm in arms) else 1


if __name__ == "__main__":
    sys.exit(main())
