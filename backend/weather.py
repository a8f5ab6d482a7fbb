"""Random draws as a pure function of (seed, request, attempt, what for): every arm meets the same weather."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple


class WeatherKey(NamedTuple):
    """What a draw depends on, and nothing else does.

    `position` orders requests for faults that look at their neighbours (sequence, bursts, exact ratio); it is the
    request id where that is a positive whole number, else the order of arrival, both from 1.
    """

    seed: int
    request_id: str
    position: int
    attempt: int = 1


def uniform(*key: object) -> float:
    """Return a number in (0, 1), the same for the same key.

    53 bits of BLAKE2b, shifted by half a step so that the inverse of a distribution function never meets 0 or 1.
    """
    digest = blake2b("\x1f".join(map(str, key)).encode(), digest_size=8).digest()
    return ((int.from_bytes(digest, "big") >> 11) + 0.5) * 2.0**-53
