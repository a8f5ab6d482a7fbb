"""Write sweep.md, the same as sweep.html, points.csv and the pictures. The same results give the same files."""

from __future__ import annotations

import csv
import io
import shlex
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadtest.disk.whole import whole_files
from loadtest.report import theme
from loadtest.report.numbers import interval_text, number
from loadtest.report.render import collapse_empty_lines, page, table
from loadtest.scenario.seeds import seed_text
from loadtest.studies.sweep.heat_map import heat_map
from loadtest.studies.sweep.lines import lines
from loadtest.studies.sweep.marks import PANELS
from loadtest.studies.sweep.pareto import numbered_points, pareto
from loadtest.studies.sweep.ranking import LEAST_SEEDS, MISJUDGED
from loadtest.studies.sweep.view import choose_view

if TYPE_CHECKING:
    from pathlib import Path

    from loadtest.studies.sweep.plan import Plan
    from loadtest.studies.sweep.ranking import Ranking
    from loadtest.studies.sweep.store import SweepFolder, SweepSpec
    from loadtest.studies.sweep.view import View

_SHOWN = 10
_FIGURES = {
    "false_positives": "good refused",
    "bad_calls": "bad let through",
    "in_flight_s": "seconds held",
    "ok": "answered",
}


def write_report(folder: SweepFolder, plan: Plan, spec: SweepSpec, ranking: Ranking) -> None:
    """Write the report of a complete sweep into its folder, or nothing. Raises DiskError."""
    view = choose_view(plan, ranking.best)
    title = plan.points[0].scenario.title
    source = _markdown(plan, spec, ranking, view)
    with whole_files(folder.path) as draft:
        _write_charts(draft / "charts", plan, ranking, view)
        files = {
            "points.csv": _points_csv(plan, ranking),
            "sweep.md": source,
            "sweep.html": page(f"Sweep of {plan.arm}: {title}", source, draft),
        }
        for name, text in files.items():
            (draft / name).write_text(text, encoding="utf-8", newline="")


def _write_charts(folder: Path, plan: Plan, ranking: Ranking, view: View) -> None:
    theme.save((heat_map if view.y else lines)(plan, ranking, view), folder, "grid")
    theme.save(pareto(plan, ranking), folder, "pareto")


def headline(plan: Plan, ranking: Ranking) -> str:
    """Return the best point, how much better it is, and how certain that is."""
    best, figures, answered = ranking.best, ranking.figures[MISJUDGED], ranking.figures["ok"]
    sentence = f"Of {plan.on_grid} settings, {_name(plan, best)} misjudges least: {interval_text(figures[best])} %"
    if best == plan.default:
        sentence += ", and that is the default"
    else:
        lead = ranking.from_default[MISJUDGED][best]
        sentence += f"; the default {interval_text(figures[plan.default])} %, difference {interval_text(lead)}"
    sentence += (
        f". No breaker and refusing everything score 100 %{_chance_text(ranking)}. Answered: "
        f"{number(answered[best].mean)} of {number(ranking.figures['requests'][best].mean)} requests, with the "
        f"default {number(answered[plan.default].mean)}, without a breaker {number(answered[plan.unguarded].mean)}"
    )
    if figures[best].low is None:
        sentence += f". {len(plan.seeds)} seed{'s are anecdotes' if len(plan.seeds) > 1 else ' is an anecdote'}"
    if ranking.ties:
        verb = "is one other point" if ranking.ties == 1 else f"are {ranking.ties} other points"
        sentence += f". There {verb} that the seeds cannot distinguish from the best"
    return f"{sentence}."


def _chance_text(ranking: Ranking) -> str:
    """', refusing as many at random 83.1 %'."""
    return "" if ranking.at_random is None else f", refusing as many at random {number(ranking.at_random)} %"


def _notes(plan: Plan, ranking: Ranking) -> list[str]:
    """Return what readers of the table should not overlook."""
    notes = []
    best = ranking.best
    for place, axis in enumerate(plan.axes):
        numbers = axis.numbers
        if numbers is None or len(numbers) < 3:
            continue
        at = float(plan.points[best].values[place])
        if at in (min(numbers), max(numbers)):
            side = "smallest" if at == min(numbers) else "largest"
            notes.append(f"The best point has the {side} `{axis.key}` of the grid: a better one may lie outside it.")
    figure = ranking.figures[MISJUDGED][best]
    if (figure.mean if figure.high is None else figure.high) >= min(100, ranking.at_random or 100):
        notes.append(
            "Even the best point is not shown to judge better than chance: no setting of this grid helps here."
        )
    if any(axis.key.startswith("timeout.") for axis in plan.axes):
        notes.append(
            "The grid varies the timeout, which decides what a good request is: with a shorter timeout there are "
            "fewer, and so fewer to refuse wrongly. To compare timeouts, use *answered*, not *misjudged*."
        )
    if plan.default < plan.on_grid and plan.default in ranking.front:
        notes.append(
            "The default is on the Pareto front: every point that is better in one respect is worse in another."
        )
    return notes


def _markdown(plan: Plan, spec: SweepSpec, ranking: Ranking, view: View) -> str:
    environment = Environment(
        loader=PackageLoader("loadtest.studies.sweep"),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, whose HTML is disabled when it becomes a page
    )
    few = len(plan.seeds) < LEAST_SEEDS
    front = numbered_points(ranking)
    settings = {f"setting {place}": f"`{axis.name}`" for place, axis in enumerate(plan.axes)}
    best_columns = {"rank": "rank", **settings, MISJUDGED: "misjudged, %", "lead": "from default", **_FIGURES}
    front_columns = {"number": "no.", **settings, **_FIGURES, "notes": "", MISJUDGED: "misjudged, %"}
    if not few:
        best_columns["first"] = "first in"
        if ranking.front_share is not None:
            front_columns["share"] = "on the front in"
    text = environment.get_template("sweep.md.j2").render(
        plan=plan,
        spec=spec,
        ranking=ranking,
        view=view,
        title=plan.points[0].scenario.title,
        headline=headline(plan, ranking),
        notes=_notes(plan, ranking),
        seeds=len(plan.seeds),
        few=few,
        same=all(each[0].mean == one.mean for each in ranking.figures.values() for one in each[: plan.on_grid]),
        least_runs=LEAST_SEEDS,
        shown=_SHOWN,
        best_rows=_best_rows(plan, ranking),
        best_columns=best_columns,
        front_rows=[
            {"number": place, **_row(plan, ranking, index), "notes": _remark(plan, ranking, index)}
            for place, index in enumerate(front, start=1)
        ],
        front_left=len(ranking.front) - len(front),
        front_columns=front_columns,
        grid_alt=_grid_alt(plan, ranking, view),
        pareto_alt="Good requests refused against bad calls let through and against seconds held, for every point; "
        f"the front has {len(ranking.front)} points; the best is {_name(plan, ranking.best).replace('`', '')}",
        default_text=_name(plan, plan.default),
        command=_command(spec),
        seed_text=seed_text(spec.seeds),
        table=table,
    )
    return collapse_empty_lines(text)


def _best_rows(plan: Plan, ranking: Ranking) -> list[dict[str, Any]]:
    rows = [
        {"rank": f"{place}{_remark_suffix(plan, ranking, index)}", **_row(plan, ranking, index)}
        for place, index in enumerate(ranking.order, start=1)
        if place <= _SHOWN or index == plan.default
    ]
    if plan.default >= plan.on_grid:
        rows.append({"rank": "default", **_row(plan, ranking, plan.default)})
    rows.append({"rank": "no breaker", **_row(plan, ranking, plan.unguarded)})
    return rows


def _remark_suffix(plan: Plan, ranking: Ranking, index: int) -> str:
    remark = _remark(plan, ranking, index)
    return f" ({remark})" if remark else ""


def _remark(plan: Plan, ranking: Ranking, index: int) -> str:
    return ", ".join(word for word, where in (("best", ranking.best), ("default", plan.default)) if where == index)


def _row(plan: Plan, ranking: Ranking, index: int) -> dict[str, Any]:
    share = ranking.best_share[index] if ranking.best_share and index < plan.on_grid else None
    front = ranking.front_share[index] if ranking.front_share and index < plan.on_grid else None
    return {
        **{f"setting {place}": value for place, value in enumerate(plan.points[index].values)},
        **{name: interval_text(ranking.figures[name][index]) for name in (MISJUDGED, *_FIGURES)},
        "lead": "" if index == plan.default else interval_text(ranking.from_default[MISJUDGED][index]),
        "first": "" if share is None else _percent(share),
        "share": "" if front is None else _percent(front),
    }


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _name(plan: Plan, index: int) -> str:
    return ", ".join(
        f"`{axis.name} = {value}`" for axis, value in zip(plan.axes, plan.points[index].values, strict=True)
    )


def _grid_alt(plan: Plan, ranking: Ranking, view: View) -> str:
    over = f"{view.x.key} and {view.y.key}" if view.y else view.x.key
    names = ", ".join(title.lower() for title in PANELS.values())
    best = _name(plan, ranking.best).replace("`", "")
    return f"Four pictures over {over}: {names}; the best point is {best}"


def _points_csv(plan: Plan, ranking: Ranking) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(ranking.figures)
    heads = [f"{name}{part}" for name in names for part in ("", "_low", "_high")]
    leads = [f"{MISJUDGED}_from_default{part}" for part in ("", "_low", "_high")]
    writer.writerow(["point", *(axis.key for axis in plan.axes), *heads, *leads, "on_front"])
    for index, point in enumerate(plan.points):
        figures = [_short(value) for name in names for value in ranking.figures[name][index]]
        lead = [_short(value) for value in ranking.from_default[MISJUDGED][index]]
        writer.writerow([point.label, *point.values, *figures, *lead, int(index in set(ranking.front))])
    return text.getvalue()


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _command(spec: SweepSpec) -> str:
    grid = "".join(f" --grid {shlex.quote(f'{key}=' + ','.join(values))}" for key, values in spec.grid.items())
    return (
        f".venv/bin/python -m loadtest sweep {shlex.quote(spec.given)} --arm {spec.arm}{grid} "
        f"--seeds {seed_text(spec.seeds)}"
    )
