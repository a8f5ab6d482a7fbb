"""How figures are written: as many digits as a reader can use."""

from __future__ import annotations

from typing import Protocol


class Estimate(Protocol):
    """A mean, with its 95 % interval where there is one."""

    @property
    def mean(self) -> float: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def number(value: float) -> str:
    """Write a figure."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def interval_text(figure: Estimate) -> str:
    """Write a mean with its interval."""
    if figure.low is None or figure.high is None:
        return number(figure.mean)
    return f"{number(figure.mean)} ({number(figure.low)} to {number(figure.high)})"


def short_time(value: float) -> str:
    """Write seconds with two digits; milliseconds below a tenth of a second."""
    return f"{1000 * value:.2g} ms" if value < 0.0995 else f"{value:.2f} s"
