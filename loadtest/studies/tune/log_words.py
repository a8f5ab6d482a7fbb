"""How an access log was read, in sentences: whatever was not plain from it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loadtest.studies.tune.durations import UNIT_NAMES
from loadtest.studies.tune.statuses import ASIDE

if TYPE_CHECKING:
    from loadtest.studies.tune.access_log import AccessLog

# Hardly anybody waits so long for an answer, as a rule: these may be milliseconds.
_LONG_CALL_S = 2.0
_LINES_BY = {
    "end": "they are in the order in which requests ended, and were sorted by the times at which they began",
    "start": "they would be in order if these times were ends of requests, so they are taken as ends",
    "none": "they were sorted by time",
}


def unit_text(log: AccessLog) -> str:
    """Say in which unit the durations are, where that had to be found out; else nothing."""
    found = log.reading.unit
    if not found.why:
        return ""
    return f"durations are read as {UNIT_NAMES[found.unit]}: {found.why} (`--duration-is` says otherwise)"


def reading_notes(log: AccessLog) -> list[str]:
    """Say how the log was read."""
    sentences: list[str] = []
    count, reading = len(log.start_s), log.reading
    if log.bad:
        shown = "; ".join(log.bad_named)
        sentences.append(
            f"{log.bad:,} of {log.lines:,} lines ({_percent(log.bad, log.lines)}) could not be read and were left out: "
            f"{shown}"
        )
    if unit := unit_text(log):
        sentences.append(f"**Which unit?** {unit[0].upper()}{unit[1:]}.")
    usual_s = float(np.median(log.duration_s[log.outcome != ASIDE])) if log.aside < count else 0.0
    if not unit and usual_s > _LONG_CALL_S:
        sentences.append(
            f"**Are these seconds?** The median call takes {usual_s:,.4g} s by this log. Where the column has "
            "milliseconds, name it `duration_ms`."
        )
    if reading.grpc:
        sentences.append("Statuses are read as codes of gRPC: 0 is success; 2, 4, 13, 14 and 15 are failures.")
    if log.aside:
        whose = "such codes of gRPC" if reading.grpc else "4xx"
        sentences.append(
            f"{log.aside:,} of {count:,} requests ({_percent(log.aside, count)}) say nothing of the backend "
            f"({whose}: the caller's own mistake, or a caller who left). They are neutral for a breaker, and refusing "
            "them loses no answer."
        )
    if log.without_duration:
        sentences.append(
            f"{log.without_duration:,} requests have no duration in the log; they count with the usual one of their "
            "outcome."
        )
    if reading.stray:
        sentences.append(
            f"{reading.stray:,} of {log.lines:,} lines stand after a later one; {_LINES_BY[reading.lines_by]}."
        )
    return sentences


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2g} %"
