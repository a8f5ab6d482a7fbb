"""What a tune found, for scripts: tune.json, candidates.csv and the manifest. Pure but for the machine's name."""

from __future__ import annotations

import csv
import io
import os
import platform
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtest.studies.many_runs.code import code_hash
from loadtest.studies.tune.fit import distance
from loadtest.studies.tune.headline import caution, headline, notes
from loadtest.studies.tune.objective import parts
from loadtest.studies.tune.recorded import WHOLE
from loadtest.studies.tune.search import DEFAULT, FIRST_SEED, JUDGE, LEARN, OFF
from loadtest.studies.tune.space import settings_text
from loadtest.studies.tune.unknown import unknowns
from loadtest.studies.tune.words import command_text, snippet_rows, strip_markup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.conduct import Tuned
    from loadtest.studies.tune.search import Ledger

_LIBRARIES = ("numpy", "scipy", "pydantic", "joblib")


def as_json(tuned: Tuned) -> dict[str, Any]:
    """Return everything that the report tells, for scripts."""
    problem = tuned.problem
    return {
        "schema": 1,
        "kind": "tune",
        "source": problem.name,
        "recommended": _settings_json(tuned.answer) if tuned.recommends else None,
        "turned_down": [
            {"settings": _settings_json(each.breaker), "why": list(each.why)} for each in tuned.choice.turned_down
        ],
        "timeout_s": problem.timeout.total_s,
        "timeout_from": problem.timeout_from,
        "verdict": tuned.verdict,
        "headline": strip_markup(headline(tuned)),
        "caution": caution(tuned),
        "notes": [strip_markup(each) for each in notes(tuned)],
        "weights": tuned.aim.weights.model_dump(),
        "most_lost": tuned.aim.most_lost,
        "failures": dict(tuned.failures),
        "trace": _log_json(tuned),
        "parts": {
            LEARN: _ledger_json(tuned.learn, tuned),
            JUDGE: _ledger_json(tuned.judge, tuned),
        },
        "replay": _replay_json(tuned) or None,
        "found": {"settings": _settings_json(tuned.result.answer), "why": tuned.result.why},
        "sensitivity": {
            "part": tuned.sensitivity_part,
            "settings": [
                {"setting": each.name, "value": each.value, "change": asdict(each.change)} for each in tuned.sensitivity
            ],
            "weights": [
                {"weight": each.name, "factor": each.factor, "best": _settings_json(each.best), "saves": each.saves}
                for each in tuned.reweighed
            ],
        },
        "unknown": [strip_markup(each) for each in unknowns(problem)],
        "snippets": snippet_rows(tuned),
        "runs": tuned.runs,
    }


def _log_json(tuned: Tuned) -> dict[str, Any] | None:
    log, found = tuned.problem.log, tuned.problem.parts
    if log is None or found is None:
        return None
    return {
        "requests": len(log.start_s),
        "length_s": log.length_s,
        "began": log.began,
        "lines": log.lines,
        "bad": log.bad,
        "bad_named": list(log.bad_named),
        "neutral": log.aside,
        "without_duration": log.without_duration,
        "out_of_order": log.reading.stray,
        "lines_by": log.reading.lines_by,
        "time_is": tuned.problem.time_is,
        "duration_unit": log.reading.unit.unit,
        "grpc": log.reading.grpc,
        "parts": {
            name: {
                "from_s": part.start_s,
                "to_s": part.end_s,
                "failures": part.failures,
                "incidents": part.incidents,
                "stretches": [
                    {
                        **{key: value for key, value in vars(each).items() if key != "profile"},
                        "rate_per_s": each.rate_per_s,
                    }
                    for each in part.rebuilt.stretches
                ],
                "fit": next((courses.figures for courses in tuned.courses if courses.part == name), None),
                "failed_share_differs_by": next(
                    (distance(courses) for courses in tuned.courses if courses.part == name), None
                ),
            }
            for name, part in found.items()
        },
    }


def _ledger_json(ledger: Ledger, tuned: Tuned) -> dict[str, Any]:
    shown = {"off": OFF, "default": DEFAULT, "found": tuned.result.answer, "recommended": tuned.answer}
    return {
        name: {
            "settings": _settings_json(each),
            "seeds": [min(ledger.seeds_of(each)), max(ledger.seeds_of(each))],
            "cost": ledger.mean(each),
            "cost_parts": {
                key: float(np.mean([parts(*pair, ledger.aim.weights)[key] for pair in ledger.pairs(each)]))
                for key in type(ledger.aim.weights).model_fields
            },
            "answers_lost_share": ledger.lost_share(each),
            "figures": {
                key: float(np.mean([getattr(own, key) for own, _ in ledger.pairs(each)]))
                for key in ledger.pairs(each)[0][0]._fields
            },
            "against_default": asdict(ledger.difference(each, DEFAULT)),
            "against_off": asdict(ledger.difference(each, OFF)),
        }
        for name, each in shown.items()
    }


def _replay_json(tuned: Tuned) -> dict[str, Any]:
    """Return what breakers do to the recorded calls of each part, and whether the rebuilt pattern agrees."""
    shown = {"off": OFF, "default": DEFAULT, "found": tuned.result.answer}
    if tuned.recommends:
        shown["recommended"] = tuned.answer
    parts_json: dict[str, Any] = {}
    for part in tuned.recorded.parts:
        parts_json[part] = {}
        for name, each in shown.items():
            found = tuned.recorded.replay(part, each)
            entry = {
                **found._asdict(),
                "lost_share": found.lost_share,
                "cost": found.cost(tuned.aim.weights),
            }
            if part != WHOLE:
                beside = tuned.recorded.agreement(part, each)
                entry |= {
                    "rebuilt_lost_share": beside.rebuilt,
                    "rebuilt_trips": beside.rebuilt_trips,
                    "expected_lost_share": list(beside.expected),
                    "agrees": beside.holds,
                }
            parts_json[part][name] = entry
    return parts_json


def candidates_csv(tuned: Tuned) -> str:
    """Return every setting that was tried, best first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["settings", "policy", "finalist", "seeds", "cost", "answers_lost_share", "rest_cost"])
    judged = set(tuned.result.finalists)
    for each in tuned.learn.rank(tuned.result.tried):
        rest = f"{tuned.judge.mean(each):.6g}" if each in judged else ""
        seeds = len(tuned.learn.seeds_of(each))
        figures = [f"{tuned.learn.mean(each):.6g}", f"{tuned.learn.lost_share(each):.6g}", rest]
        writer.writerow([settings_text(each), each.policy, int(each in judged), seeds, *figures])
    return text.getvalue()


def manifest(tuned: Tuned, policies: Sequence[str], began: datetime) -> dict[str, Any]:
    """Return what was asked, of what, where and with which code."""
    return {
        "schema": 1,
        "kind": "tune",
        "complete": True,
        "given": tuned.problem.given,
        "source": tuned.problem.name,
        "sha256": tuned.problem.sha256,
        "command": command_text(tuned, policies),
        "asked": {**tuned.options.model_dump(), "arm": tuned.problem.arm, "policies": list(policies)},
        "weights": tuned.aim.weights.model_dump(),
        "first_seeds": FIRST_SEED,
        "runs": tuned.runs,
        "code": code_hash(),
        "written": began.isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in _LIBRARIES}},
        "host": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
    }


def _settings_json(breaker: PolicySettings) -> dict[str, Any]:
    return {"policy": breaker.policy, **breaker.model_dump(exclude_unset=True)}
