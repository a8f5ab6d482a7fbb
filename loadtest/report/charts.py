"""The charts of a report, each a function from measured arms to a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from client.breakers.interface import State
from client.pipeline.call import Outcome
from loadtest.figures.summary import state_bands
from loadtest.report import theme

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row
    from loadtest.records.summary import ArmSummary
    from loadtest.scenario.phases import Span

# A band narrower than this share of the axis has no room for its name.
_NAMED_BAND = 0.045
# The least time on a log axis, which has no zero; a refusal takes no time on virtual time.
_LEAST_S = 1e-4
# Room for the names of disturbances, as a share of the axis.
_STRIP = 0.2
# With more requests in an arm than this, points and steps become pixels; otherwise the SVG would have megabytes.
_MANY = 500


def timeline(
    arms: Sequence[Measured], unguarded: Collection[str] = (), disturbed: Mapping[str, Sequence[Span]] | None = None
) -> Figure:
    """State band over time with each request as a point on a log latency axis; the first seed of each arm.

    Arms in `unguarded` have no breaker, so their state is not named. `disturbed` has the disturbances of each arm.
    """
    with theme.style():
        figure = theme.new_figure(0.9 + 2.7 * len(arms))
        axes = figure.subplots(len(arms), 1, squeeze=False)[:, 0]
        low, high = _latency_range([row for arm in arms for row in arm.rows])
        for axis, arm in zip(axes, arms, strict=True):
            guarded = arm.arm not in unguarded
            marks = (disturbed or {}).get(arm.arm, ())
            top = high * (high / low) ** _STRIP if marks else high
            _one_timeline(axis, arm.of_seed(arm.seeds[0]) if arm.seeds else arm, low, top, guarded=guarded)
            _mark_disturbances(axis, marks)
            seed = f", seed {arm.seeds[0]}" if arm.seeds else ""
            axis.set_title(f"{arm.arm}{seed}{'' if guarded else ': no breaker'}", pad=16)
            axis.set_xlabel("seconds from the start of the arm" if axis is axes[-1] else "s")
        figure.legend(handles=_legend(arms), loc="outside lower center", ncols=6, fontsize=9)
        return figure


def _one_timeline(axis: Axes, arm: Measured, low: float, high: float, *, guarded: bool) -> None:
    seed = arm.seeds[0] if arm.seeds else 0
    duration_s = arm.duration_s(seed) or 1.0
    for state, start, end in state_bands(arm, seed):
        look = theme.STATES[state]
        if state != State.CLOSED and end > start:
            axis.axvspan(start, end, facecolor=look.colour, alpha=0.16, edgecolor="none")
            axis.axvspan(start, end, facecolor="none", alpha=0.35, edgecolor=look.colour, hatch=look.hatch, linewidth=0)
        if guarded and end - start > _NAMED_BAND * duration_s:
            axis.text(
                (start + end) / 2,
                1.01,
                look.word,
                transform=axis.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=8,
            )
    for outcome in Outcome:
        rows = [row for row in arm.rows if row.outcome == outcome]
        if rows:
            look = theme.OUTCOMES[outcome]
            times = [max(row.duration_s, low) for row in rows]
            axis.scatter(
                [row.sent_s for row in rows],
                times,
                s=34,
                marker=look.marker,
                color=look.colour,
                edgecolors=theme.INK,
                linewidths=0.4,
                zorder=3,
                rasterized=len(arm.rows) > _MANY,
            )
    axis.set_yscale("log")
    axis.set_ylim(low / 1.6, high * 1.8)
    axis.set_xlim(-0.01 * duration_s, 1.01 * duration_s)
    axis.set_ylabel("latency")
    axis.yaxis.set_major_formatter(FuncFormatter(_seconds))
    axis.minorticks_off()


def _mark_disturbances(axis: Axes, disturbed: Sequence[Span]) -> None:
    """Shade the phases between dotted lines, and name them in the free space at the top of the axis."""
    left, right = axis.get_xlim()
    for span in disturbed:
        start_s, end_s = max(span.start_s, left), min(span.end_s, right)
        if start_s >= right:
            continue
        axis.axvspan(start_s, end_s, facecolor=theme.INK, alpha=0.08, edgecolor="none", zorder=0)
        for at_s in (start_s, end_s):
            axis.axvline(at_s, color=theme.INK, linestyle=":", linewidth=0.9)
        axis.text(
            (start_s + end_s) / 2,
            0.97,
            span.group,
            transform=axis.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=8,
            fontstyle="italic",
        )


def _legend(arms: Sequence[Measured]) -> list[Any]:
    present = {row.outcome for arm in arms for row in arm.rows}
    bands = [band for arm in arms for seed in arm.seeds[:1] for band in state_bands(arm, seed)]
    states = {state for state, start, end in bands if end > start} - {State.CLOSED}
    points = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=look.marker,
            color=look.colour,
            markeredgecolor=theme.INK,
            markeredgewidth=0.4,
            markersize=7,
            label=look.word,
        )
        for name, look in theme.OUTCOMES.items()
        if name in present
    ]
    patches = [
        Patch(facecolor=look.colour, alpha=0.4, hatch=look.hatch, edgecolor=look.colour, label=f"breaker {look.word}")
        for name, look in theme.STATES.items()
        if name in states
    ]
    return points + patches


def outcomes(summaries: Mapping[str, ArmSummary]) -> Figure:
    """How the requests of each arm ended, as stacked bars with their counts."""
    with theme.style():
        figure = theme.new_figure(1.1 + 0.55 * len(summaries))
        axis = figure.subplots()
        names = list(summaries)
        left = np.zeros(len(names))
        for outcome in Outcome:
            counts = np.array([summaries[name].outcomes[outcome] for name in names], dtype=float)
            if not counts.any():
                continue
            look = theme.OUTCOMES[outcome]
            axis.barh(
                names,
                counts,
                left=left,
                color=look.colour,
                hatch=look.hatch,
                edgecolor="white",
                label=look.word,
                linewidth=0.8,
                height=0.62,
            )
            most = max(summaries[name].requests for name in names)
            for index, count in enumerate(counts):
                if count:
                    narrow = count <= 0.025 * most  # its number stands above the bar
                    axis.text(
                        left[index] + count / 2,
                        index - (0.45 if narrow else 0),
                        f"{count:.0f}",
                        ha="center",
                        va="center",
                        fontsize=9,
                        color="black",
                        bbox={"boxstyle": "round,pad=0.18", "facecolor": "white", "edgecolor": "none"},
                    )
            left += counts
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlabel("requests")
        if left.any():
            figure.legend(loc="outside lower center", ncols=6, fontsize=9)
        return figure


def latency(arms: Sequence[Measured]) -> Figure:
    """Share of all requests that succeeded within a time, for each arm, on a log time axis.

    What was refused or failed never succeeds: a line ends at the success rate, and a quick refusal lifts nothing.
    """
    with theme.style():
        figure = theme.new_figure(3.3)
        axis = figure.subplots()
        longest, lines = 0.0, []
        for arm, (colour, dashes) in zip(arms, _styles(arms), strict=True):
            times = sorted(max(row.duration_s, _LEAST_S) for row in arm.rows if row.outcome == Outcome.OK)
            if times:
                shares = np.arange(len(times) + 1) / len(arm.rows)
                longest = max(longest, times[-1])
                lines.append((times, shares, colour, dashes, arm.arm))
        for times, shares, colour, dashes, name in lines:
            axis.step(
                [times[0], *times, longest],
                [0, *shares[1:], shares[-1]],
                where="post",
                color=colour,
                linestyle=dashes,
                linewidth=2,
                label=name,
            )
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(_seconds))
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
        axis.set_xlabel("time from sending to the answer")
        axis.set_ylabel("requests answered")
        axis.set_ylim(0, 1.02)
        if lines:
            axis.legend(loc="upper left")
        return figure


def in_flight(arms: Sequence[Measured], disturbed: Mapping[str, Sequence[Span]] | None = None) -> Figure:
    """How many callers of the client are waiting, over time; the first seed of each arm, one below the other."""
    with theme.style():
        figure = theme.new_figure(0.7 + 1.4 * len(arms))
        axes = figure.subplots(len(arms), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
        for axis, arm, (colour, _) in zip(axes, arms, _styles(arms), strict=True):
            times, counts = _steps(arm.of_seed(arm.seeds[0]).rows if arm.seeds else [])
            pixels = len(times) > 2 * _MANY
            axis.fill_between(times, counts, step="post", color=colour, alpha=0.35, linewidth=0, rasterized=pixels)
            axis.step(times, counts, where="post", color=colour, linewidth=1.2, rasterized=pixels)
            axis.set_title(f"{arm.arm}: at most {max(counts)}")
            axis.set_ylabel("in flight")
            axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            axis.set_ylim(bottom=0)
            _mark_disturbances(axis, (disturbed or {}).get(arm.arm, ()))
        if any((disturbed or {}).values()):
            axes[0].set_ylim(top=axes[0].get_ylim()[1] * (1 + _STRIP))
        axes[-1].set_xlabel("seconds from the start of the arm")
        return figure


def _steps(rows: Sequence[Row]) -> tuple[list[float], list[int]]:
    changes = sorted([(row.sent_s, 1) for row in rows] + [(row.end_s, -1) for row in rows])
    times, counts, inside = [0.0], [0], 0
    for time_s, change in changes:
        inside += change
        times.append(time_s)
        counts.append(inside)
    return times, counts


def _styles(arms: Sequence[Measured]) -> list[tuple[str, Any]]:
    return [theme.ARMS[index % len(theme.ARMS)] for index in range(len(arms))]


def _latency_range(rows: Sequence[Row]) -> tuple[float, float]:
    times = [row.duration_s for row in rows] or [0.001, 1.0]
    return max(min(times), _LEAST_S), max(*times, _LEAST_S)


def _seconds(value: float, _: object = None) -> str:
    return f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms"
