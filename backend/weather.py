"""Random draws as a pure function of (seed, request, attempt, what for): every arm meets the same weather."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

_EMPTY = blake2b(digest_size=8)  # a copy takes half the time of a new one
_FORMATS = ["\x1f".join(["%s"] * length) for length in range(10)]  # likewise, against joining texts


class WeatherKey(NamedTuple):
    """What a draw depends on, and nothing else does.

    `position` orders requests for faults that look at their neighbours (sequence, bursts, exact ratio); it is the
    request id where that is a positive whole number, else the order of arrival, both from 1.
    """

    seed: int
    request_id: str
    position: int
    attempt: int = 1

    def uniform(self, what: str) -> float:
        """Return this attempt's number in (0, 1) for `what`."""
        return _number(f"{self.seed}\x1f{self.request_id}\x1f{self.attempt}\x1f{what}")


def uniform(*key: object) -> float:
    """Return a number in (0, 1), the same for the same key."""
    return _number(_FORMATS[len(key)] % key)


def _number(key: str) -> float:
    """53 bits of BLAKE2b, shifted by half a step so that the inverse of a distribution function never meets 0 or 1."""
    hashed = _EMPTY.copy()
    hashed.update(key.encode())
    return ((int.from_bytes(hashed.digest(), "big") >> 11) + 0.5) * 2.0**-53
