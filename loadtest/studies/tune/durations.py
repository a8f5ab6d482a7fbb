"""Which unit a log's durations have, and what stands in for those that it does not know. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from loadtest.studies.tune.statuses import TIMEOUT

if TYPE_CHECKING:
    from loadtest.studies.tune.statuses import Codes, Flags

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

Unit = Literal["s", "ms", "us", "ns"]
SECONDS: dict[Unit, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
UNIT_NAMES: dict[Unit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_UNKNOWN = frozenset({"", "-", "--", "-1", "null", "none", "nan", "n/a", "na"})
# Hardly anybody waits so long for an answer: a median from here on is in another unit.
_LONG_CALL_S = 20.0
# From here on a usual call is rare enough to ask: a fast service's whole microseconds look like slow milliseconds.
_UNSURE_FROM_S = 2.0
# Below it, whole numbers may be chance.
_FEWEST = 20


class UnitFound(NamedTuple):
    """The unit of a log's durations, and where it is from; `why` is empty where nobody has to be told."""

    unit: Unit
    why: str = ""


SECONDS_AS_SAID = UnitFound("s")


class UnknownUnitError(ValueError):
    """The durations do not say which unit they have; the text says what they are."""


def duration_number(value: Any) -> float | None:
    """Return a duration as it stands there, NaN where the log has none for this request, None for what is none."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _UNKNOWN):
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if math.isnan(number) or number == -1:
        return math.nan
    return None if isinstance(value, bool) or not 0 <= number < math.inf else number


def find_unit(durations: Floats) -> UnitFound:
    """Return the unit of durations whose column does not name it. Raises UnknownUnitError.

    Whole numbers are no seconds where the usual one would be a call of 20 s or more: they are in the next smaller unit
    in which it is not. Where they are smaller, or would be calls of 2 s or more in that unit, they may be either.
    """
    known = durations[durations > 0]
    if len(known) < _FEWEST:
        return SECONDS_AS_SAID
    median = float(np.median(known))
    whole = bool(np.all(known == np.floor(known)))
    if not whole:
        if median > _LONG_CALL_S:
            raise UnknownUnitError(f"a median of {median:.4g}")
        return SECONDS_AS_SAID
    if median < _LONG_CALL_S:
        raise UnknownUnitError(f"whole numbers alone, with a median of {median:g}")
    unit: Unit = "ms" if median < 1e3 * _LONG_CALL_S else "us" if median < 1e6 * _LONG_CALL_S else "ns"
    if median * SECONDS[unit] >= _UNSURE_FROM_S:
        raise UnknownUnitError(f"whole numbers with a median of {median:,.12g}")
    return UnitFound(unit, f"whole numbers with a median of {median:,.12g}")


def fill_durations(duration_s: Floats, outcome: Codes) -> tuple[Floats, Flags]:
    """Put the usual duration of the same outcome where there is none, and say where that is.

    Where no such call has one, a timeout takes as long as the longest call, and any other as long as the usual one.
    """
    unknown = np.isnan(duration_s)
    if not unknown.any():
        return duration_s, unknown
    filled = duration_s.copy()
    known = duration_s[~unknown]
    for each in np.unique(outcome[unknown]).tolist():
        alike = duration_s[~unknown & (outcome == each)]
        if len(alike):
            usual_s = float(np.median(alike))
        elif len(known):
            usual_s = float(known.max() if each == TIMEOUT else np.median(known))
        else:
            usual_s = 0.0
        filled[unknown & (outcome == each)] = usual_s
    return filled, unknown
