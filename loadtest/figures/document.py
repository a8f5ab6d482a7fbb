"""A figure of the reference document beside the measured one.

Tolerances: 3 percentage points for shares and counts of 100, 10 % for times; exact for counts and printed lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.records.summary import Check, DocumentFigure

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = 3.0
TIME_SHARE = 0.10
DOCUMENT_CHECK = "the document's figures are within their tolerance"


def check_figures(figures: Sequence[DocumentFigure], *, pinned: bool) -> list[Check]:
    """Return the check of the document's figures; none where there are none.

    The pinned seed was chosen to meet them, so a missed figure fails its run. Another seed may miss them by chance:
    that is told and fails nothing. Headline, page of all runs and exit code go by this check.
    """
    if not figures:
        return []
    missed = [figure for figure in figures if not figure.within]
    named = "; ".join(
        f"{each.name}: {_text(each.measured, each)} instead of {_text(each.value, each)}" for each in missed
    )
    detail = f"{len(figures) - len(missed)} of {len(figures)} within"
    caution = ""
    if missed and not pinned:
        caution = (
            f"{len(missed)} of the document's {len(figures)} figures are outside their tolerance; only the scenario's "
            "own seed has to meet them"
        )
    return [
        Check(
            DOCUMENT_CHECK,
            ok=not missed or not pinned,
            detail=f"{detail}; outside: {named}" if missed else detail,
            caution=caution,
        )
    ]


def _text(value: float | str | None, figure: DocumentFigure) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else f"{value:.4g} {figure.unit}".strip()


def tolerance_of(value: float, unit: str) -> float:
    """Return the tolerance of a figure in its own unit: a share of a time, else percentage points or counts."""
    return TIME_SHARE * value if unit == "s" else POINTS


def exact_count(name: str, value: int, measured: int, unit: str) -> DocumentFigure:
    """Return a count that has to be the same."""
    return DocumentFigure(name, value, measured, unit, "exact", measured - value, measured == value)


def printed_line(name: str, value: str, measured: str | None) -> DocumentFigure:
    """Return a line of text that has to be the same."""
    return DocumentFigure(name, value, measured, "", "the same", None, measured == value)


def share_in_percent(name: str, value: float, share: float | None) -> DocumentFigure:
    """Return a percentage, measured as a share of 1, that may be off by some points."""
    measured = None if share is None else round(100 * share, 9)
    deviation = None if measured is None else measured - value
    within = deviation is not None and abs(deviation) <= tolerance_of(value, "%") + 1e-9
    return DocumentFigure(name, value, measured, "%", f"{POINTS:g} points", deviation, within)


def seconds(name: str, value: float, measured: float | None) -> DocumentFigure:
    """Return a time that may be off by some per cent of itself."""
    deviation = None if measured is None else measured - value
    within = deviation is not None and abs(deviation) <= tolerance_of(value, "s") + 1e-9
    return DocumentFigure(name, value, measured, "s", f"{100 * TIME_SHARE:g} %", deviation, within)


def seconds_at_most(name: str, value: float, measured: float | None, tolerance: str) -> DocumentFigure:
    """Return a time that may be shorter."""
    deviation = None if measured is None else measured - value
    return DocumentFigure(name, value, measured, "s", tolerance, deviation, deviation is not None and deviation <= 0)


def seconds_at_least(name: str, value: float, measured: float | None, tolerance: str) -> DocumentFigure:
    """Return a time that may be longer."""
    deviation = None if measured is None else measured - value
    return DocumentFigure(name, value, measured, "s", tolerance, deviation, deviation is not None and deviation >= 0)
