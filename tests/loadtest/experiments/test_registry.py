"""An experiment is one folder: a made-up one is offered, run, held against its figures and reported by itself."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING

from loadtest.scenario.files import documented_arms
from tests.made_up import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name = "made-up"
title = "Made up"
document = "made-up"
load = [{ requests = 4, rate_per_s = 1 }]
[arms.only]
documented = true
"""
EXPERIMENT = '''
"""A made-up experiment."""

from matplotlib.figure import Figure

from loadtest.experiments.experiment import Experiment
from loadtest.figures.document import exact_count
from loadtest.report.part import ReportPart

EXPERIMENT = Experiment(
    compare=lambda arms: [exact_count("requests in all", 4, len(arms[0].rows), "requests")],
    compare_chance=lambda arms: [],
    part=lambda done, kept: ReportPart("Four came.", "### Of its own", {"own": Figure}),
    seeds="1-3",
    same_on_both_engines=("only",),
)
'''
SCRIPT = """
import json, subprocess, sys
from pathlib import Path
from loadtest.experiments.registry import experiments
from loadtest.scenario import files

command = [sys.executable, "-m", "loadtest", "run", "made-up", "--engine", "virtual", "--quiet"]
code = subprocess.run(command, stdout=sys.stderr).returncode
run = Path("results/made-up/latest")
report = (run / "report.md").read_text()
summary = json.loads((run / "summary.json").read_text())
wrong = ""
try:
    files.parse(files.read("made-up")[1].replace("[arms.only]", "[arms.other]"), "mine.toml")
except ValueError as error:
    wrong = str(error)
print(json.dumps({
    "shipped": "made-up" in files.shipped_names(),
    "experiments": experiments()["made-up"].seeds,
    "code": code,
    "headline": summary["headline"],
    "document": [[each["name"], each["within"]] for each in summary["document"]],
    "notes": "### Of its own" in report,
    "again": "make made-up" in report,
    "chart": (run / "charts" / "own.svg").exists(),
    "wrong": wrong,
}))
"""


def test_a_made_up_experiment_is_found_everywhere(tmp_path: Path) -> None:
    """By its name, with its figures, its headline, its notes, its chart, and the arms that it needs."""
    checkout = Checkout(tmp_path, "loadtest")
    folder = tmp_path / "loadtest" / "experiments" / "made_up"
    folder.mkdir()
    for name, text in (("__init__.py", ""), ("scenario.toml", SCENARIO), ("experiment.py", EXPERIMENT)):
        (folder / name).write_text(text, encoding="utf-8")

    assert json.loads(checkout.run("-c", SCRIPT)) == {
        "shipped": True,
        "experiments": "1-3",
        "code": 0,
        "headline": "Four came.",
        "document": [["requests in all", True]],
        "notes": True,
        "again": True,
        "chart": True,
        "wrong": "mine.toml: document: got 'made-up', but the scenario has no arm 'only', whose figures the document "
        "gives",
    }


def test_no_other_file_compares_the_name_of_an_experiment() -> None:
    """What an experiment adds stands in its folder, and nowhere a branch on which one it is."""
    named = set(documented_arms())
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "loadtest").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare | ast.Dict | ast.Match)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and inner.value in named
    ]

    assert found == []
