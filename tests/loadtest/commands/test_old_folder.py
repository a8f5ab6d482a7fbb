"""A folder of results from before: what `report` and `index` make of it today."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from loadtest.commands.app import main
from loadtest.report.all_runs import find_runs

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name = "mine"
title = "Mine"
load = [{ requests = 3, rate_per_s = 1 }]
[faults]
error_rate = 1
[arms.with]
breaker = { fail_max = 2 }
"""
REQUESTS = """\
{"arm": "with", "seed": 1, "id": 1, "intended_s": 0.0, "sent_s": 0.001, "duration_s": 0.01, "status": 502, \
"outcome": "error", "served": "fallback", "state": "closed", "fail_count": 1, "attempts": 1, "backend_calls": 1, \
"would_have": "error"}
{"arm": "with", "seed": 1, "id": 2, "intended_s": 1.0, "sent_s": 1.001, "duration_s": 0.01, "status": 502, \
"outcome": "error", "served": "fallback", "state": "open", "fail_count": 2, "attempts": 1, "backend_calls": 1, \
"would_have": "error"}
{"arm": "with", "seed": 1, "id": 3, "intended_s": 2.0, "sent_s": 2.001, "duration_s": 0.001, "status": 503, \
"outcome": "fast_fail", "served": "fallback", "state": "open", "fail_count": 2, "attempts": 0, "backend_calls": 0, \
"would_have": "error"}
"""
TRANSITIONS = """\
{"arm": "with", "seed": 1, "at_s": 1.011, "before": "closed", "after": "open", "cause": "fail_max reached", \
"fail_count": 2}
"""
# From before a policy could be tried in the shadow, and before a run looked for changes that were not its own.
ARMS = """\
{"arm": "with", "seed": 1, "planned": 3, "duration_s": 2.002, "weather": "d9f1b6a2", "client_requests": 3, \
"client_outcomes": {"ok": 0, "error": 2, "timeout": 0, "fast_fail": 1}, "client_backend_calls": 2, \
"client_cpu_s": 0.01, "backend_received": 2, "backend_outcomes": {"ok": 0, "error": 2}, "backend_busy_s": 0.02, \
"transitions_seen": 1, "transitions_made": 1}
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Write a run as the first version of the lab left it: a summary without a headline, a report beside it."""
    folder = tmp_path / "results" / "mine" / "20260101T000000Z-live"
    folder.mkdir(parents=True)
    manifest = {
        "schema": 1,
        "complete": True,
        "scenario": "mine",
        "scenario_text": SCENARIO,
        "scenario_sha256": "0" * 64,
        "engine": "live",
        "arms": ["with"],
        "seeds": [1],
        "weather": {"with/1": "d9f1b6a2"},
        "started": "2026-01-01T00:00:00+00:00",
        "versions": {"python": "3.11.7", "pybreaker": "1.4.1", "locust": "2.42.0"},
        "git_revision": None,
        "host": {"system": "Linux", "machine": "x86_64", "cores": 2},
        "settings": {},
    }
    texts = {
        "manifest.json": json.dumps(manifest),
        "requests.jsonl": REQUESTS,
        "transitions.jsonl": TRANSITIONS,
        "arms.jsonl": ARMS,
        "summary.json": json.dumps({"schema": 1, "arms": {}, "validity": [], "expect": []}),
        "report.md": "# Mine\n\nWhat was told then.\n",
        "report.html": "<p>What was told then.</p>",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_page_of_all_runs_shows_it(old: Path) -> None:
    """With the first words of its report for want of a headline."""
    [run] = find_runs(old.parents[1]).runs

    assert (run.scenario, run.headline, run.report, run.verdict) == (
        "mine",
        "What was told then.",
        "report.html",
        "holds",
    )


@pytest.mark.usefixtures("no_pictures")
def test_its_report_is_built_anew(
    old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With today's words, from rows in which newer fields are absent."""
    monkeypatch.setattr(sys, "argv", ["loadtest", "report", str(old)])
    monkeypatch.setattr("signal.signal", lambda *_: None)

    with pytest.raises(SystemExit) as ended:
        main()

    summary = json.loads((old / "summary.json").read_text(encoding="utf-8"))
    told = "Arm `with`: 0 of 3 requests got what they asked for, 1 were refused; the breaker tripped 1 time(s)."
    assert summary["headline"] == told
    assert summary["arms"]["with"]["outcomes"]["fast_fail"] == 1
    assert (old / "report.md").read_text(encoding="utf-8").splitlines()[2] == told
    assert told in capsys.readouterr().out
    assert [check for check in summary["validity"] if not check["ok"]] == []
    assert ended.value.code == 0
