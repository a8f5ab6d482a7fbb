"""Retry-After of an answer: RFC 9110, section 10.2.3. By hand, since neither httpx nor aiohttp reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.pipeline.call import Answer


def retry_after_s(value: str, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After asks for, from a number of them or from a date; none where it has neither.

    `now` is the time against which a date is read, by default that of the wall clock. A date that has passed is 0.
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


def asked_wait_s(answer: Answer) -> float | None:
    """Return the seconds of peace that an answer asks for; none where it asks for none."""
    value = next((value for name, value in answer.headers if name == b"retry-after"), None)
    return None if value is None else retry_after_s(value.decode("latin-1"))
