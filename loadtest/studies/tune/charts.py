"""The pictures of a tune: what is recommended, how the rebuilt pattern fits, how sensitive the answer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MultipleLocator

from loadtest.report import theme
from loadtest.report.numbers import number
from loadtest.studies.tune.objective import PER, parts
from loadtest.studies.tune.search import DEFAULT, LEARN, OFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.conduct import Tuned
    from loadtest.studies.tune.fit import Course, PartCourses

_PARTS = {
    "good_refused": ("good requests refused", "#56B4E9", "//"),
    "bad_let_through": ("bad calls let through", "#D55E00", "xx"),
    "seconds_held": ("seconds held", "#CC79A7", ".."),
}
_RECORDED, _REBUILT, _REFUSED, _FAILED = "#0072B2", "#E69F00", "#56B4E9", "#D55E00"
_TICKS_S = (10, 30, 60, 120, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 86_400)


def recommendation(tuned: Tuned) -> Figure:
    """Show the failures over time, what default and answer refuse, and what each costs on the rest."""
    same = tuned.answer == DEFAULT or not tuned.recommends
    shown = [(DEFAULT, "refused by the default")]
    if not same:
        shown.append((tuned.answer, f"refused by what is recommended ({tuned.answer.policy})"))
    with theme.style():
        figure = theme.new_figure(3.6 + 1.1 * len(shown))
        rows = figure.subplots(2 + len(shown), 1, gridspec_kw={"height_ratios": [1.1] + [0.9] * len(shown) + [1.5]})
        first, *strips, bars = rows
        for courses in tuned.courses:
            course = courses.recorded or courses.rebuilt[0]
            _area(first, courses, course, course.failed, _FAILED)
            for axis, (breaker, _) in zip(strips, shown, strict=True):
                of_breaker = courses.with_breaker[breaker]
                _area(axis, courses, of_breaker, of_breaker.refused, _REFUSED)
        what = "recorded" if tuned.problem.log else "simulated without a breaker"
        first.set_title(f"failed, {what}")
        for axis, (_, title) in zip(strips, shown, strict=True):
            axis.set_title(title)
        for axis in rows[:-1]:
            _time_axis(axis, tuned, last=axis is rows[-2])
        _bars(bars, tuned)
        return figure


def _area(axis: Axes, courses: PartCourses, course: Course, share: Any, colour: str) -> None:
    axis.stairs(100 * share, courses.from_s + course.edges, fill=True, color=colour)


def _time_axis(axis: Axes, tuned: Tuned, *, last: bool) -> None:
    axis.set_ylim(0, 105)
    axis.set_yticks([0, 100], ["0", "100 %"])
    end_s = max(courses.from_s + courses.rebuilt[0].edges[-1] for courses in tuned.courses)
    axis.set_xlim(0, end_s)
    _clock_axis(axis, end_s)
    if not last:
        axis.tick_params(labelbottom=False)
    else:
        axis.set_xlabel("minutes and seconds from the start")
    if len(tuned.courses) > 1:
        cut_s = tuned.courses[1].from_s
        axis.axvline(cut_s, color=theme.INK, linewidth=1.2, linestyle="--")
        if axis.get_subplotspec() is not None and axis.get_subplotspec().is_first_row():  # type: ignore[union-attr]
            for side, points, word in (("right", -5, "searched on this"), ("left", 5, "scored on this")):
                axis.annotate(
                    word,
                    (cut_s, 1.02),
                    (points, 0),
                    xycoords=axis.get_xaxis_transform(),
                    textcoords="offset points",
                    ha=side,
                    va="bottom",
                    fontsize=9,
                )


def _clock_axis(axis: Axes, end_s: float) -> None:
    """Put a tick at whole minutes, or hours, and at most ten of them."""
    step = next((step for step in _TICKS_S if end_s / step <= 10), _TICKS_S[-1])
    axis.xaxis.set_major_locator(MultipleLocator(step))
    axis.xaxis.set_major_formatter(FuncFormatter(_clock))


def _clock(seconds: float, _: int) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _bars(axis: Axes, tuned: Tuned) -> None:
    rows: list[tuple[str, PolicySettings]] = [("no breaker", OFF), ("default", DEFAULT)]
    if tuned.answer not in (OFF, DEFAULT):
        rows.append(("recommended", tuned.answer))
    names = [name for name, _ in rows]
    left = np.zeros(len(rows))
    for key, (word, colour, hatch) in _PARTS.items():
        values = np.array(
            [
                max(0.0, float(np.mean([parts(*pair, tuned.aim.weights)[key] for pair in tuned.judge.pairs(each)])))
                for _, each in rows
            ]
        )
        axis.barh(names, values, left=left, color=colour, hatch=hatch, edgecolor="white", linewidth=0, label=word)
        left += values
    for place, (_, each) in enumerate(rows):
        axis.text(left[place], place, f" {number(tuned.judge.mean(each))}", va="center", fontsize=9)
    axis.set_xlim(0, 1.1 * max(left.max(), 1e-9))
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    where = "the rest of the log" if tuned.problem.log else "other seeds"
    axis.set_title(f"cost on {where}: answers lost for each {PER:,} requests, as weighed")
    axis.figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)


def fit(courses: Sequence[PartCourses]) -> Figure:
    """Show recorded and rebuilt rate, failures and durations over time; the rebuilt as the range of its seeds."""
    panels = (
        ("rate", "requests a second: rebuilt to the same counts", 1.0),
        ("failed", "failed, %", 100.0),
        ("mean_s", "seconds, mean", 1.0),
    )
    with theme.style():
        figure = theme.new_figure(5.6)
        axes = figure.subplots(3, 1, sharex=True)
        for axis, (name, title, scale) in zip(axes, panels, strict=True):
            for index, each in enumerate(courses):
                if each.recorded is None:
                    continue
                edges = each.from_s + each.recorded.edges
                values = scale * np.array([getattr(course, name) for course in each.rebuilt])
                axis.stairs(
                    values.max(axis=0),
                    edges,
                    baseline=values.min(axis=0),
                    fill=True,
                    color=_REBUILT,
                    alpha=0.55,
                    label="rebuilt, range of three seeds" if index == 0 else None,
                )
                axis.stairs(
                    scale * getattr(each.recorded, name),
                    edges,
                    baseline=None,
                    color=_RECORDED,
                    linewidth=0.9,
                    label="recorded" if index == 0 else None,
                )
                if each.part != LEARN:
                    axis.axvline(each.from_s, color=theme.INK, linewidth=1.2, linestyle="--")
            axis.set_ylim(bottom=0)
            axis.set_title(title)
        _clock_axis(axes[-1], max(each.from_s + each.rebuilt[0].edges[-1] for each in courses))
        axes[-1].set_xlabel("minutes and seconds from the start")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
        return figure


def sensitivity(tuned: Tuned) -> Figure:
    """Show what each setting, changed alone, does to the cost."""
    rows = tuned.sensitivity
    with theme.style():
        figure = theme.new_figure(1.2 + 0.27 * len(rows))
        axis = figure.subplots()
        for place, each in enumerate(rows):
            low, high = each.change.interval or (each.change.mean, each.change.mean)
            colour = {"worse": _FAILED, "better": "#009E73"}.get(each.change.verdict, "#777777")
            axis.plot([low, high], [place, place], color=colour, linewidth=2.4, solid_capstyle="butt")
            axis.plot([each.change.mean], [place], "o", color=colour, markersize=5)
        axis.axvline(0, color=theme.INK, linewidth=1)
        axis.set_yticks(
            range(len(rows)), [f"{each.name} = {'none' if each.value is None else f'{each.value:g}'}" for each in rows]
        )
        axis.invert_yaxis()
        axis.set_xlabel(f"change of the cost, answers lost for each {PER:,} requests; right is worse; 95 % intervals")
        return figure
