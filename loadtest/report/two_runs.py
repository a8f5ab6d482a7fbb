"""Write the comparison of two runs: compare.md, the same as compare.html, its charts, and compare.json."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadtest.disk.whole import whole_files
from loadtest.figures.comparison import LEVEL
from loadtest.report import charts, theme
from loadtest.report.numbers import short_time
from loadtest.report.render import collapse_empty_lines, page, table
from loadtest.scenario.arm_figures import figure_at

if TYPE_CHECKING:
    from pathlib import Path

    from loadtest.figures.two_runs import ArmPair, FigurePair, RunComparison
    from loadtest.records.measured import Measured

# What the headline tells of an arm.
_IN_HEADLINE = ("success_rate", "fast_fail_rate", "mean_backend_response_s")


def write_comparison(compared: RunComparison, folder: Path, names: tuple[str, str]) -> None:
    """Write everything into `folder`, which is there, or nothing. `names`: what A and B stand for. Raises DiskError."""
    source = _markdown(compared, names)
    with whole_files(folder) as draft:
        _write_charts(compared, draft / "charts")
        files = {
            "compare.md": source,
            "compare.html": page(f"{compared.first.scenario.title}: two runs", source, draft),
            "compare.json": json.dumps(_as_json(compared, names), indent=2, allow_nan=False) + "\n",
        }
        for name, text in files.items():
            (draft / name).write_text(text, encoding="utf-8")


def headline(compared: RunComparison) -> str:
    """Say for each arm what became of its main figures from A to B, and how much of it is beyond chance."""
    return " ".join(f"`{arm.arm}`: {_headline_of(arm)}." for arm in compared.arms)


def _headline_of(arm: ArmPair) -> str:
    shown = [each for each in arm.figures if each.first or each.second]
    if all(each.difference == 0 for each in shown):
        return "the same in every figure"
    main = [each for each in shown if each.figure in _IN_HEADLINE]
    parts = [
        f"{each.label.partition(',')[0]} {_value(each.first, each)} to {_value(each.second, each)}" for each in main
    ]
    if any(each.interval for each in shown):
        beyond = sum(each.is_beyond_chance for each in shown)
        parts.append(f"{beyond or 'none'} of {len(shown)} figures beyond chance")
    return ", ".join(parts)


def _write_charts(compared: RunComparison, folder: Path) -> None:
    arms = [each.arm for each in compared.arms]
    sides = (("A", compared.first), ("B", compared.second))
    summaries = {f"{arm}, {side}": done.summary.arms[arm] for arm in arms for side, done in sides}
    theme.save(charts.outcomes(summaries), folder, "outcomes")
    measured: dict[tuple[str, str], Measured] = {
        (arm.arm, side): replace(arm, arm=f"{arm.arm}, {side}") for side, done in sides for arm in done.arms
    }
    theme.save(charts.latency([measured[arm, side] for arm in arms for side, _ in sides]), folder, "latency")


def _markdown(compared: RunComparison, names: tuple[str, str]) -> str:
    environment = Environment(
        loader=PackageLoader("loadtest.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown, whose HTML is disabled when it becomes a page
    )
    text = environment.get_template("two_runs.md.j2").render(
        compared=compared,
        runs=_runs(compared, names),
        fence="`" * (2 + max((line.count("`") for line in compared.scenario_diff), default=0) + 1),
        headline=headline(compared),
        warnings=_warnings(compared),
        once=_have_one_seed(compared),
        chance=_chance_text,
        rows=_rows,
        columns={
            "label": "figure",
            "first": "A",
            "second": "B",
            "difference": "difference",
            "interval": "95 % interval",
            "sign": "beyond chance",
        },
        differences=[{"name": name, "first": first, "second": second} for name, first, second in compared.differences],
        pooled=_pooled_rows(compared),
        table=table,
    )
    return collapse_empty_lines(text)


def _runs(compared: RunComparison, names: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "side": side,
            "run": name.replace("`", "'"),
            "started": done.manifest.started[:19].replace("T", " "),
            "engine": done.manifest.engine,
            "seeds": len(done.manifest.seeds),
            "revision": done.manifest.git_revision or "unknown",
        }
        for side, name, done in (("A", names[0], compared.first), ("B", names[1], compared.second))
    ]


def _warnings(compared: RunComparison) -> list[str]:
    lines = []
    for side, done in (("A", compared.first), ("B", compared.second)):
        if not done.manifest.complete:
            lines.append(f"{side} is incomplete: it was cut off, and only what it has is compared.")
        lines += [f"{side} does not hold: {check.name}: {check.detail}" for check in done.failed_checks if check.name]
    if compared.scenario_diff:
        lines.append("The scenario's text is not the same in both; what differs stands below.")
    return lines


def _chance_text(arm: ArmPair) -> str:
    """Say how many figures chance alone would put beyond chance; nothing where there are no intervals."""
    count = sum(each.interval is not None for each in arm.figures if each.first or each.second)
    return (
        f"Chance alone would put about {(1 - LEVEL) * count:.1f} of these {count} figures beyond it." if count else ""
    )


def _have_one_seed(compared: RunComparison) -> bool:
    return all(len(each.first_seeds) <= 1 and len(each.second_seeds) <= 1 for each in compared.arms)


def _rows(arm: ArmPair) -> list[dict[str, str]]:
    return [
        {
            "label": each.label,
            "first": _value(each.first, each),
            "second": _value(each.second, each),
            "difference": _change(each.difference, each),
            "interval": f"{_change(each.interval[0], each)} to {_change(each.interval[1], each)}"
            if each.interval
            else "",
            "sign": "**yes**" if each.is_beyond_chance else "no" if each.interval else "",
        }
        for each in arm.figures
        if each.first or each.second  # what is nothing in both runs needs no line
    ]


def _pooled_rows(compared: RunComparison) -> list[dict[str, str]]:
    """Return figures over all seeds of a run, which have no interval."""
    rows = []
    for arm in (each.arm for each in compared.arms):
        sides = [done.summary.arms[arm] for done in (compared.first, compared.second)]
        requests = [str(each.requests) for each in sides]
        rows.append({"arm": f"`{arm}`", "figure": "requests", "first": requests[0], "second": requests[1]})
        for quantile, label in (
            ("p50", "median latency of the successful requests"),
            ("p95", "95th percentile of these"),
        ):
            first, second = (figure_at(each, f"latency_s.ok.{quantile}") for each in sides)
            texts = ["none" if value is None else short_time(value) for value in (first, second)]
            rows.append({"arm": "", "figure": label, "first": texts[0], "second": texts[1]})
    return rows


def _value(value: float | None, pair: FigurePair) -> str:
    if value is None:
        return "none"
    if pair.kind == "percent":
        return f"{100 * value:.1f} %"
    if pair.kind == "seconds":
        return short_time(value)
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"


def _change(value: float | None, pair: FigurePair) -> str:
    """Write a difference, in one unit for the difference and its interval."""
    if value is None:
        return "none"
    if pair.kind == "percent":
        return f"{100 * value:+.1f} points"
    if pair.kind == "count":
        return f"{value:+.0f}" if value == round(value) else f"{value:+.1f}"
    largest = max(abs(pair.first or 0), abs(pair.second or 0))
    return f"{1000 * value:+.2f} ms" if largest < 0.1 else f"{value:+.3f} s" if largest < 10 else f"{value:+.1f} s"


def _as_json(compared: RunComparison, names: tuple[str, str]) -> dict[str, Any]:
    return {
        "schema": 1,
        "scenario": compared.first.scenario.name,
        "A": names[0],
        "B": names[1],
        "arms": {
            each.arm: {
                "paired": each.paired,
                "seeds": {"A": each.first_seeds, "B": each.second_seeds},
                "figures": {pair.figure: _pair_as_json(pair) for pair in each.figures},
            }
            for each in compared.arms
        },
        "only_in": {"A": compared.only_first, "B": compared.only_second},
        "differs": [{"what": name, "A": first, "B": second} for name, first, second in compared.differences],
    }


def _pair_as_json(pair: FigurePair) -> dict[str, Any]:
    return {("word" if name == "label" else name): value for name, value in asdict(pair).items()}
