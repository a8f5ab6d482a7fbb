"""Tables of figures in docs/ are those of the committed reference runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


def page(name: str) -> list[str]:
    return (ROOT / "docs" / name).read_text(encoding="utf-8").splitlines()


def kept(path: str) -> Any:
    return json.loads((RESULTS / path).read_text(encoding="utf-8"))


def table_in(path: str, first: str) -> list[str]:
    """Return the table of a report whose header begins with `first`."""
    lines = (RESULTS / path).read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(first))
    rest = lines[start:]
    return rest[: next((number for number, line in enumerate(rest) if not line.startswith("|")), len(rest))]


@pytest.mark.parametrize(
    ("name", "path", "first"),
    [
        ("benchmarks.md", "bench/reference/bench.md", "| what | measured |"),
        ("benchmarks.md", "soak/reference/soak.md", "| | | |"),
        ("policies.md", "policies/reference/report.md", "| policy | error-spike |"),
    ],
)
def test_a_table_is_that_of_the_reference_run(name: str, path: str, first: str) -> None:
    """Line by line."""
    if name == "policies.md" and kept("policies/reference/manifest.json")["engine"] != "virtual":
        pytest.skip("the reference of policies is not yet the run with 20 seeds")
    table = table_in(path, first)

    assert len(table) > 3
    assert [line for line in table if line not in page(name)] == []


def test_the_peers_are_as_the_reference_found_them() -> None:
    """One row a question, the verdict on each library, and its version."""
    found = kept("conformance/reference/conformance.json")
    libraries = [each for each in found["libraries"] if each["name"] not in ("lab-count_window", "lab-time_window")]
    told = {"lab-consecutive": "those that open", "lab-throttle": "`throttle`", "lab-adaptive": "`adaptive`"}
    names = [told.get(each["name"], f"{each['name']} {each['version']}") for each in libraries]
    rows = [f"| | {' | '.join(names)} |"]
    for question in found["questions"]:
        answers = (each["answers"][question["id"]]["verdict"] for each in libraries)
        cells = ("**trap**" if answer == "trap" else "-" if answer == "not askable" else answer for answer in answers)
        rows.append(f"| {question['asked']} | {' | '.join(cells)} |")

    assert [row for row in rows if row not in page("conformance.md")] == []


def test_the_labs_policies_that_open_answer_alike() -> None:
    """Or one column could not stand for the three."""
    answers = {
        each["name"]: {name: answer["verdict"] for name, answer in each["answers"].items()}
        for each in kept("conformance/reference/conformance.json")["libraries"]
    }

    assert answers["lab-count_window"] == answers["lab-time_window"] == answers["lab-consecutive"]
    assert set(answers["lab-consecutive"].values()) == {"safe"}


def test_every_figure_of_the_reference_is_reached() -> None:
    """What falls short would have to be explained."""
    figures = kept("bench/reference/bench.json")["figures"]

    assert [figure["what"] for figure in figures if figure["reached"] is False] == []
    assert len([figure for figure in figures if figure["reached"]]) == 17


def test_the_soak_held() -> None:
    """Ten minutes, every check."""
    found = kept("soak/reference/soak.json")

    assert [check["name"] for check in found["checks"] if not check["ok"]] == []
    assert found["segments"][-1]["at_s"] == 600
