"""Write tune.md, the same as tune.html, tune.json, candidates.csv, the pictures and the manifest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadtest.disk.room import check_room
from loadtest.disk.whole import draft_folder
from loadtest.records.run_folder import new_folder, point_latest, wanted
from loadtest.report import theme
from loadtest.report.numbers import number
from loadtest.report.render import collapse_empty_lines, page, table
from loadtest.studies.tune import charts
from loadtest.studies.tune.fit import distance
from loadtest.studies.tune.headline import caution, headline, notes
from loadtest.studies.tune.objective import PER
from loadtest.studies.tune.record import as_json, candidates_csv, manifest
from loadtest.studies.tune.search import JUDGE, LEARN, OFF
from loadtest.studies.tune.unknown import unknowns
from loadtest.studies.tune.words import (
    command_text,
    figure_rows,
    fit_rows,
    policy_rows,
    replay_rows,
    reweighed_text,
    sensitivity_text,
    snippet_rows,
    space_rows,
    stretch_rows,
    strip_markup,
    ties_text,
    window_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loadtest.studies.tune.conduct import Tuned


def check_writable(root: Path) -> None:
    """Raise WrongInputError where results could not be written, before minutes are spent on them."""
    with wanted(root):
        (root / "tune").mkdir(parents=True, exist_ok=True)
        check_room(root / "tune")


def write_results(root: Path, tuned: Tuned, policies: Sequence[str]) -> Path:
    """Write all files into a draft beside the others, and give it its name at the end: whole or not at all.

    Raises DiskError.
    """
    began = datetime.now(UTC)
    parent = root / "tune"
    with draft_folder(parent) as draft:
        _write_all(draft, tuned, policies, began)
        path = draft.rename(new_folder(parent, f"{began:%Y%m%dT%H%M%SZ}"))  # in place of an empty one
    point_latest(path)
    return path


def _write_all(folder: Path, tuned: Tuned, policies: Sequence[str], began: datetime) -> None:
    pictures = folder / "charts"
    theme.save(charts.recommendation(tuned), pictures, "recommendation")
    if tuned.problem.log:
        theme.save(charts.fit(tuned.courses), pictures, "fit")
    if tuned.sensitivity:
        theme.save(charts.sensitivity(tuned), pictures, "sensitivity")
    source = _markdown(tuned, policies)
    files = {
        "tune.md": source,
        "tune.html": page(f"Settings for {tuned.problem.name}", source, folder),
        "tune.json": json.dumps(as_json(tuned), indent=2, allow_nan=False) + "\n",
        "candidates.csv": candidates_csv(tuned),
        "manifest.json": json.dumps(manifest(tuned, policies, began), indent=2) + "\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _markdown(tuned: Tuned, policies: Sequence[str]) -> str:
    environment = Environment(
        loader=PackageLoader("loadtest.studies.tune"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, whose HTML is disabled when it becomes a page
    )
    problem, weights = tuned.problem, tuned.aim.weights
    text = environment.get_template("tune.md.j2").render(
        tuned=tuned,
        problem=problem,
        log=problem.log,
        headline=headline(tuned),
        caution=caution(tuned),
        replay_rows=replay_rows(tuned),
        replay_columns={
            "part": "",
            "name": "breaker",
            "trips": "trips",
            "lost": "answers lost",
            "spared": "failures spared",
            "cost": f"cost for {PER:,}",
            "rebuilt": "lost in the rebuilt pattern (19 of 20 draws)",
            "agrees": "agree",
        },
        notes=notes(tuned),
        snippet_rows=snippet_rows(tuned),
        window_text=window_text(tuned),
        searched=bool({*tuned.result.tried} - {*problem.fixed, OFF}),
        figure_rows=[row for part in (JUDGE, LEARN) for row in figure_rows(tuned, part)],
        figure_columns={
            "part": "",
            "name": "breaker",
            "cost": f"cost for {PER:,}",
            "refused": "answers lost",
            "bad": "bad let through",
            "held": "seconds held",
            "answered": "answered",
            "default": "cost against default",
            "off": "cost against no breaker",
        },
        weights=weights,
        per=PER,
        policy_rows=policy_rows(tuned),
        ties_text=ties_text(tuned),
        sensitivity=sensitivity_text(tuned),
        reweighed=reweighed_text(tuned),
        fit_rows=fit_rows(tuned),
        distances=[distance(each) for each in tuned.courses],
        stretches=stretch_rows(tuned),
        unknowns=unknowns(problem),
        space=space_rows(tuned, policies),
        command_text=command_text(tuned, policies),
        judged="the rest of the log" if problem.log else "other seeds",
        chart_alt="Failures over time, what the default and the recommended breaker refuse, and what each costs: "
        + strip_markup(headline(tuned)),
        table=table,
        number=number,
    )
    return collapse_empty_lines(text)
