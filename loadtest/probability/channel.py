"""Which calls fail: independently of each other, or in bursts.

The Gilbert-Elliott channel whose bad state always fails and whose good state never does, with the parameters of
`backend.profile.Bursts`. Its state is the fate of its last call, so what a breaker keeps of the last calls tells the
channel's state, too, and the product of the two chains has no more states than the breaker's alone.
Gilbert, Bell System Technical Journal 39 (1960) 1253; Elliott, ibid. 42 (1963) 1977.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_BLOCK, _LARGEST_BLOCK = 64, 8192


@dataclass(frozen=True, slots=True)
class Channel:
    """With probability `fresh` a call's fate is drawn anew, failure with probability `rate`; else it is the last one's.

    The first call's fate is always drawn: the channel begins in its stationary law.
    """

    rate: float
    fresh: float = 1.0

    @classmethod
    def of(cls, rate: float, burst_length: float | None) -> Channel:
        """Return the channel of a share of failures and their mean number in a row; none: independent errors.

        A burst ends with probability fresh x (1 - rate) at each call, which is 1 / burst_length.
        """
        return cls(rate) if burst_length is None or rate == 0 else cls(rate, 1 / (burst_length * (1 - rate)))

    def failing(self, after: bool, calls: int = 1) -> float:
        """Return the chance that a call fails, `calls` calls after one that failed (`after`) or succeeded."""
        kept = (1 - self.fresh) ** calls
        return self.rate + ((1 - self.rate) if after else -self.rate) * kept

    def draw(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each call, without end, whether it fails."""
        last, size = False, _FIRST_BLOCK
        first = True
        while True:
            fresh, failing = rng.random((2, size))
            anew = fresh < self.fresh
            anew[0] |= first
            source = np.maximum.accumulate(np.where(anew, np.arange(size), -1))
            fates = np.where(source < 0, last, (failing < self.rate)[source])
            yield from fates.tolist()
            last, first, size = bool(fates[-1]), False, min(2 * size, _LARGEST_BLOCK)
