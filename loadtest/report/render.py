"""Write report.md, the same as a self-contained report.html, and the charts."""

from __future__ import annotations

import html
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from loadtest.figures import verdict
from loadtest.figures.comparison import LEAST_RUNS, LEVEL
from loadtest.report import balance, charts, tables, theme, verdicts
from loadtest.report.headline import headline
from loadtest.report.random_yardstick import runs_at_random
from loadtest.report.requests import as_script, requests_of
from loadtest.report.under_test import under_test_rows
from loadtest.scenario.files import shipped_names
from loadtest.scenario.phases import shaded_spans
from loadtest.scenario.seeds import seed_text
from loadtest.terminal import transcript
from loadtest.terminal.narrator import MOST_PRINTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from matplotlib.figure import Figure

    from loadtest.figures.finished import FinishedRun
    from loadtest.records.manifest import Manifest
    from loadtest.records.summary import Check
    from loadtest.report.part import ReportPart


def write_report(folder: Path, done: FinishedRun, part: ReportPart) -> None:
    """Write the report of a finished run into a folder, with what its experiment adds. Raises OSError."""
    _write_charts(folder / "charts", done, part)
    source = markdown_of(done, part)
    (folder / "report.md").write_text(source, encoding="utf-8")
    html = page(done.scenario.title, source, folder, requests_of(done))
    (folder / "report.html").write_text(html, encoding="utf-8")


def _write_charts(folder: Path, done: FinishedRun, part: ReportPart) -> None:
    for name, figure in pictures_of(done, part):
        theme.save(figure, folder, name)


def pictures_of(done: FinishedRun, part: ReportPart) -> Iterator[tuple[str, Figure]]:
    """Yield each picture of a report with its name."""
    unguarded = [name for name, arm in done.scenario.arms.items() if not arm.guarded]
    disturbed = {arm.arm: shaded_spans(done.scenario.plan_of(arm.arm, done.scenario.seed)) for arm in done.arms}
    yield "timeline", charts.timeline(done.arms, unguarded, disturbed)
    yield "outcomes", charts.outcomes(done.summary.arms)
    yield "latency", charts.latency(done.arms)
    yield "in_flight", charts.in_flight(done.arms, disturbed)
    if done.summary.verdicts is not None:
        yield "balance", balance.balance(done.summary.verdicts)
    for name, draw in part.charts.items():
        yield name, draw()


def markdown_of(done: FinishedRun, part: ReportPart) -> str:
    """Return the text of report.md."""
    environment = Environment(
        loader=PackageLoader("loadtest.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, whose HTML is disabled when it becomes a page
    )
    figures = tables.figure_rows(done)
    names = done.measured_arms
    text = environment.get_template("report.md.j2").render(
        scenario=done.scenario,
        manifest=done.manifest,
        headline=headline(done, part),
        failed_checks=done.failed_checks,
        cautions=done.cautions,
        broken_bounds=done.broken_bounds,
        figures=figures,
        within=sum(each["verdict"] == "within" for each in figures),
        notes=part.notes,
        transcripts=tables.printable_arms(done, MOST_PRINTED),
        lines=transcript.lines,
        side_by_side=len(names) > 1,
        comparison=tables.comparison_rows(done),
        intervals=tables.interval_rows(done),
        clear=tables.count_clear(done),
        by_chance=(1 - LEVEL) * len(tables.interval_rows(done)),
        metrics=tables.metric_rows(done),
        under_test=under_test_rows(done),
        latencies=tables.latency_rows(done),
        latency_columns={"arm": "arm", "outcome": "outcome", "requests": "requests", **tables.LATENCIES},
        checks=_check_rows(done.summary.validity),
        bounds=_check_rows(done.summary.expect),
        again=_command(done),
        jitter=_jitter_text(done.manifest),
        **_verdict_parts(done),
        table=table,
        arm_columns=lambda first: {first: first, **{name: f"`{name}`" for name in names}},
    )
    return collapse_empty_lines(text)


def _verdict_parts(done: FinishedRun) -> dict[str, Any]:
    """Return what the section on helping and harming shows; `verdicts` is none where there is no such section."""
    found = done.summary.verdicts
    if found is None:
        return {"verdicts": None}
    places = verdicts.places_of(found)
    columns = {"place": "disturbance", "policy": "policy", "verdict": "verdict"}
    columns |= {"during": "answers during", "after": "answers after", "all": "answers together"}
    columns |= {"seconds": "request-seconds held", "calls": "backend calls"}
    if random_runs := runs_at_random(found):
        columns["at_random"] = "as many refused at random"
    if found.runs >= LEAST_RUNS:
        columns["intervals"] = "95 % intervals, points"
    return {
        "verdicts": found,
        "verdict_arms": list(found.arms),
        "verdict_map": verdicts.map_rows(found),
        "verdict_columns": {"policy": "policy", **{place: place for place in places}},
        "verdict_figures": verdicts.figure_rows(found),
        "verdict_figure_columns": columns,
        "runs_at_random": random_runs,
        "rule_checks": list(verdicts.check_rule(done, found)),
        "shadow_reports": list(verdicts.report_shadows(done)),
        "answers_limit": verdict.ANSWERS,
        "few": verdict.FEW,
        "of_answers_limit": verdict.OF_ANSWERS,
        "ranking": verdicts.rank_arms(done, found),
        "saving_limit": verdict.SAVING,
        "least_runs": LEAST_RUNS,
    }


def _check_rows(checks: Sequence[Check]) -> list[dict[str, str]]:
    return [{"name": each.name, "verdict": "ok" if each.ok else "**NOT OK**", "detail": each.detail} for each in checks]


def _command(done: FinishedRun) -> str:
    """Return the shortest command that makes the same run."""
    manifest, scenario = done.manifest, done.scenario
    is_shipped = scenario.name in shipped_names()
    whole = manifest.seeds == [scenario.seed] and manifest.arms == list(scenario.arms)
    engine = " --engine virtual" if manifest.engine == "virtual" else ""
    if manifest.jitter_s:
        engine += f" --jitter {_jitter_text(manifest)}"
    if is_shipped and whole and scenario.document:
        return f"make {scenario.name}" + (f" ARGS='{engine.strip()}'" if engine else "")
    name = scenario.name if is_shipped else f"{scenario.name}.toml"
    arms = "" if manifest.arms == list(scenario.arms) else "".join(f" --arm {arm}" for arm in manifest.arms)
    return f".venv/bin/python -m loadtest run {name}{engine}{arms} --seeds {seed_text(manifest.seeds)}"


def _jitter_text(manifest: Manifest) -> str:
    """'5ms': as `--jitter` takes it, to the last digit; empty where there was none."""
    if not manifest.jitter_s:
        return ""
    return f"{1000 * manifest.jitter_s:.6f}".rstrip("0").rstrip(".") + "ms"


def table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    """Write a Markdown table: `columns` from key to heading."""
    head = f"| {' | '.join(columns.values())} |\n|{'---|' * len(columns)}"
    return "\n".join([head, *(f"| {' | '.join(_cell(row[key]) for key in columns)} |" for row in rows)])


def _cell(value: Any) -> str:
    """Keep a text within its cell: one line, no bar."""
    return " ".join(str(value).replace("|", "/").split())


def collapse_empty_lines(text: str) -> str:
    """Collapse runs of empty lines outside code."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() or (lines and lines[-1].strip()):
            lines.append(line.rstrip())
    return "\n".join(lines).rstrip() + "\n"


def page(title: str, source: str, folder: Path, requests: dict[str, Any] | None = None) -> str:
    """Return the page of a Markdown text, with its charts inside. `requests` make the timeline answer the reader."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    drawn = {f"charts/{path.name}": path for path in (folder / "charts").glob("*.svg")}

    def picture(renderer: RendererHTML, tokens: Sequence[Token], index: int, *_: Any) -> str:  # noqa: ARG001
        token = tokens[index]
        label = html.escape(token.content, quote=True)
        path = drawn.get(str(token.attrs["src"]))
        if path is None:  # from the scenario's own text: nothing is loaded from elsewhere
            return label
        svg = path.read_text(encoding="utf-8")
        drawing = svg[svg.index("<svg") :]
        return f'<span class="chart {path.stem}" role="img" aria-label="{label}">{drawing}</span>'

    markdown.add_render_rule("image", picture)
    markdown.add_render_rule("table_open", lambda *_: '<div class="table"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    environment = Environment(loader=PackageLoader("loadtest.report"), undefined=StrictUndefined, autoescape=True)
    # A number and its unit stay on one line.
    joined = re.sub(r"(?<=\d) (?=(?:%|s|ms|points|requests|calls)\b|%)", "\u00a0", source)
    body = Markup(markdown.render(joined))  # noqa: S704 - made from Markdown with HTML disabled
    return environment.get_template("page.html.j2").render(
        title=title,
        body=body,
        requests=Markup(as_script(requests)) if requests and "charts/timeline.svg" in drawn else None,  # noqa: S704
        style=_template_text("requests.css"),
        script=_template_text("requests.js"),
    )


def _template_text(name: str) -> Markup:
    """Return a file of the lab's own that becomes part of a page."""
    text = (resources.files("loadtest.report") / "templates" / name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704
