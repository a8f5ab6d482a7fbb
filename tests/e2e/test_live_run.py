"""The live engine on real processes, from the first request to the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import lab

from loadtest.records.run_folder import RunFolder
from loadtest.studies.agreement.conduct import agreement_of

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = [
    "arm",
    "seed",
    "id",
    "intended_s",
    "sent_s",
    "duration_s",
    "status",
    "outcome",
    "served",
    "state",
    "fail_count",
    "attempts",
    "backend_calls",
    "would_have",
]


def test_the_breaker_follows_the_document(finished: tuple[str, Path]) -> None:
    """Result, state and count of every request, over real HTTP."""
    guarded = sorted((row for row in lab.rows(finished[1]) if row["arm"] == "with"), key=lambda row: row["id"])
    assert [(row["outcome"], row["state"], row["fail_count"]) for row in guarded] == [
        ("ok", "closed", 0),
        ("error", "closed", 1),
        ("error", "closed", 2),
        ("ok", "closed", 0),
        ("error", "closed", 1),
        ("error", "closed", 2),
        ("error", "closed", 3),
        ("error", "closed", 4),
        ("error", "closed", 5),
        *[("fast_fail", "open", 5)] * 7,
        ("ok", "half-open", 0),
        *[("ok", "closed", 0)] * 5,
    ]
    assert [row["status"] for row in guarded] == [200, 502, 502, 200, *[502] * 5, *[503] * 7, *[200] * 6]


def test_the_virtual_engine_tells_the_same(finished: tuple[str, Path]) -> None:
    """Every request of both arms has the same outcome, state and count on the virtual clock."""
    found = agreement_of(RunFolder(finished[1]))

    assert [(arm.arm, arm.exactly, arm.differences, arm.ok) for arm in found] == [
        ("with", 22, (), True),
        ("without", 22, (), True),
    ]


def test_a_refusal_knows_what_it_refused(finished: tuple[str, Path]) -> None:
    """Both arms met the same weather: a refused request would have had the fate that it had in the other arm."""
    by_arm = {
        arm: {row["id"]: row for row in lab.rows(finished[1]) if row["arm"] == arm} for arm in ("without", "with")
    }
    assert {id_: row["would_have"] for id_, row in by_arm["with"].items()} == {
        id_: row["outcome"] for id_, row in by_arm["without"].items()
    }


def test_the_files_have_the_fields_of_the_design(finished: tuple[str, Path]) -> None:
    """A row, the manifest and the summary keep to their contract, and calls are conserved."""
    folder = finished[1]
    assert all(list(row) == FIELDS for row in lab.rows(folder))
    figures = lab.summary(folder)
    assert set(figures) >= {"schema", "scenario", "engine", "seeds", "arms", "comparison", "document", "validity"}
    for arm in figures["arms"].values():
        assert arm["requests"] == sum(arm["outcomes"].values()) == 22
    assert lab.failed_checks(folder) == []
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["complete"] is True
    assert manifest["settings"]["with/1"]["client"]["breaker"]["reset_timeout"] == 1.4
    assert manifest["settings"]["with/1"]["backend"]["sequence"] == "SFFSFFFFF"
    assert {path.name for path in folder.iterdir()} == {
        *("manifest.json", "requests.jsonl", "transitions.jsonl", "samples.jsonl", "arms.jsonl"),
        *("summary.json", "report.md", "report.html", "charts"),
    }


def test_nothing_is_printed_but_the_trace_and_where_things_stand(finished: tuple[str, Path]) -> None:
    """Locust's own tables and logs stay away from the user."""
    text = finished[0]
    assert "Request 10:  Circuit Breaker OPENED; FAST-FAIL" in text
    assert "Request 18:  Circuit Breaker CLOSED; Backend: SUCCESS" in text
    assert "locust" not in text.lower()
    assert "Aggregated" not in text


def test_the_report_rebuilds_from_the_rows(finished: tuple[str, Path]) -> None:
    """Without any service, to the same bytes."""
    folder = finished[1]
    before = {name: (folder / name).read_bytes() for name in ("report.md", "report.html", "summary.json")}
    done = lab.loadtest("report", str(folder))
    assert lab.held(done), done.stdout + done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_broken_expectation_fails_the_run(tmp_path: Path) -> None:
    """The lab can stand in somebody's CI."""
    wanted = lab.scenario(tmp_path, lab.TINY, "\n[expect.with]\nbackend_calls = { max = 2 }\n")
    done = lab.loadtest("run", str(wanted), "--out", str(tmp_path / "results"))
    assert done.returncode == 1
    assert "NOT OK expected of with: backend_calls <= 2: measured 3" in done.stdout
    report = (tmp_path / "results" / "short" / "latest" / "report.md").read_text(encoding="utf-8")
    assert report.index("**Not as expected.**") < report.index("## ")


def test_phases_begin_and_end_when_the_scenario_says(tmp_path: Path) -> None:
    """Requests before the border meet the first phase, those after it the second."""
    text = (
        lab.SHORT.split("[[load]]")[0]
        + """
[[load]]
requests = 8
rate_per_s = 2

[[faults.phases]]
duration_s = 1.75
[faults.phases.profile]
error_rate = 1

[[faults.phases]]

[arms.without.breaker]
policy = "off"
"""
    )
    done = lab.loadtest("run", str(lab.scenario(tmp_path, text)), "--out", str(tmp_path / "out"), "-q")
    assert lab.held(done), done.stdout + done.stderr
    rows = sorted(lab.rows(tmp_path / "out" / "short" / "latest"), key=lambda row: row["id"])
    assert [row["outcome"] for row in rows] == ["error"] * 4 + ["ok"] * 4
    assert [row["would_have"] for row in rows] == ["error"] * 4 + ["ok"] * 4
