"""Headers that keep a browser from running what the backend sends: it comes from the origin of the control routes."""

from __future__ import annotations

from functools import lru_cache

# The document may load nothing, run nothing, be framed by nobody, and is of no origin.
GUARDS = (
    "x-content-type-options: nosniff\r\n"
    "content-security-policy: default-src 'none'; frame-ancestors 'none'; sandbox\r\n"
)
# Whatever is not one of these a browser saves instead of showing it. The type itself is passed on as it is.
_SHOWN = frozenset({"application/json", "application/problem+json", "text/plain", "text/csv"})
_SAVED = "content-disposition: attachment\r\n"


@lru_cache(maxsize=256)
def guard_type(content_type: bytes) -> str:
    """Return the lines of the content type and of the headers that guard it.

    A browser takes the last of several types between commas, so a comma is no type of ours.
    """
    text = content_type.decode("latin-1")
    essence = text.partition(";")[0].strip().lower()
    shown = essence in _SHOWN and "," not in text
    return f"content-type: {text}\r\n{GUARDS}{'' if shown else _SAVED}"
