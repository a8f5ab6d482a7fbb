"""Clocks that only a question moves, in place of those that a library reads.

A library reads the clock by names in its own modules: the module `time`, a function of it, the class `datetime`. These
names are what is replaced, for as long as a question lasts; every other module keeps the real clocks.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_WALL = ("time", "time_ns")
_MONOTONIC = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")


class Clocks:
    """A wall clock and a monotonic one, both standing still; local time is `zone_h` hours ahead of UTC."""

    def __init__(self) -> None:
        self.wall_s = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
        self.monotonic_s = 5000.0
        self.zone_h = 0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall_s += seconds
        self.monotonic_s += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock; no time passes."""
        self.wall_s += seconds

    @contextmanager
    def put_into(self, *roots: str) -> Iterator[None]:
        """Replace the clocks in these modules and those below them, as far as they are imported."""
        substitutes = self._substitutes()
        replaced: list[tuple[ModuleType, str, Any]] = []
        try:
            for module in _modules_below(roots):
                for name, value in list(vars(module).items()):
                    if id(value) in substitutes:
                        replaced.append((module, name, value))
                        setattr(module, name, substitutes[id(value)])
            yield
        finally:
            for module, name, value in replaced:
                setattr(module, name, value)

    def _substitutes(self) -> dict[int, Any]:
        """Return what stands in for each clock, by the identity of the real one."""
        clocks = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                if tz is None:
                    return cls.utcnow() + timedelta(hours=clocks.zone_h)
                return cls.fromtimestamp(clocks.wall_s, tz)

            @classmethod
            def utcnow(cls) -> Self:
                return cls.fromtimestamp(clocks.wall_s, UTC).replace(tzinfo=None)

            @classmethod
            def today(cls) -> Self:
                return cls.now()

        functions = {
            **{name: self._reader("wall_s", name) for name in _WALL},
            **{name: self._reader("monotonic_s", name) for name in _MONOTONIC},
        }
        return {
            id(time): _copy_module(time, functions),
            id(dt): _copy_module(dt, {"datetime": Moved}),
            id(datetime): Moved,
            **{id(getattr(time, name)): function for name, function in functions.items()},
        }

    def _reader(self, clock: str, name: str) -> Any:
        if name.endswith("_ns"):
            return lambda: round(getattr(self, clock) * 1e9)
        return lambda: getattr(self, clock)


def _modules_below(roots: tuple[str, ...]) -> list[ModuleType]:
    return [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and any(name == root or name.startswith(f"{root}.") for root in roots)
    ]


def _copy_module(module: ModuleType, changed: dict[str, Any]) -> ModuleType:
    copy = ModuleType(module.__name__, module.__doc__)
    vars(copy).update({**vars(module), **changed})
    return copy
