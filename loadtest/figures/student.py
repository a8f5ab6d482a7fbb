"""Student's t for any degrees of freedom, without SciPy, which takes half a second to import. Pure.

The distribution function is the regularized incomplete beta function, by its continued fraction (Abramowitz and Stegun,
26.5.8 and 26.7.1; evaluated as by Lentz, Applied Optics 15 (1976) 668).
"""

from __future__ import annotations

import math
from functools import cache

_TINY = 1e-300
_STEPS = 1000
_HALVINGS = 200


@cache
def quantile_two_sided(level: float, freedom: float) -> float:
    """Return the t that |T| stays below with probability `level`, with so many degrees of freedom."""
    low, high = 0.0, 1.0
    while _share_within(high, freedom) < level:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _share_within(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return high


def _share_within(t: float, freedom: float) -> float:
    """Return the probability of |T| < t."""
    return 1 - _beta_share(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta_share(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function."""
    if x in (0.0, 1.0):
        return x
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction, which converges quickly below the mean."""
    upper, lower = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for step in range(1, _STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for part in (even, odd):
            lower = 1 / _away_from_zero(1 + part * lower)
            upper = _away_from_zero(1 + part / upper)
            value *= upper * lower
        if abs(upper * lower - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
