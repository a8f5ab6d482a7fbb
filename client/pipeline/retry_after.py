"""Retry-After of an answer: RFC 9110, section 10.2.3. By hand, since neither httpx nor aiohttp reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(value: str, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After asks for, given as a number or as a date; none if it is neither.

    `now`: the time to subtract from a date, by default the wall clock's. A date in the past gives 0.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text.lstrip("0")[:12] or 0)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
