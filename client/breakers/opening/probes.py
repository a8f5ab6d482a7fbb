"""The probes of a half-open, and those that were out for too long: such a probe may still succeed, and then counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.breakers.interface import Permit


@dataclass(slots=True)
class Probe:
    """A probe under way. `timeout_s`: how long its call may take, 0 where nothing limits it."""

    half_open: int  # which one, counted from the first
    timeout_s: float
    slow: bool = False  # counted as a failure for that
    overdue: bool = False  # counted as a failure for that


class Probes:
    """`ended` and `successes` are the results of this half-open; an overdue probe has failed until it succeeds.

    `given_up` holds the probes whose places are free again, though nobody knows yet how they end.
    """

    def __init__(self) -> None:
        self.under_way: dict[Permit, Probe] = {}  # oldest first
        self.given_up: dict[Permit, Probe] = {}
        self.ended = self.successes = 0
        self._half_open = 0

    @property
    def failures(self) -> int:
        """Probes of this half-open that failed, or are overdue."""
        return self.ended - self.successes

    def add(self, permit: Permit, timeout_s: float) -> None:
        """Take note of a probe that begins."""
        self.under_way[permit] = Probe(self._half_open, timeout_s)

    def give_up(self, permit: Permit) -> None:
        """Free the place of a probe, which counts as failed for now."""
        probe = self.given_up[permit] = self.under_way.pop(permit)
        if not probe.slow:
            probe.overdue = True
            self.ended += 1

    def is_of_this_half_open(self, probe: Probe) -> bool:
        """Tell the probes of this half-open from those of an earlier one, of which only a success counts."""
        return probe.half_open == self._half_open

    def begin_half_open(self) -> None:
        """Count from zero. Who was given up may still succeed."""
        self._half_open += 1
        self.ended = self.successes = 0

    def leave_in_doubt(self) -> None:
        """End a half-open only because a probe was out too long: its results may be needed again.

        What counted as failed for being overdue is taken back: if a probe succeeds after all, nobody has to wait for
        the others again.
        """
        self.given_up |= self.under_way
        self.under_way.clear()
        for probe in self.given_up.values():
            if probe.overdue:
                probe.overdue = False
                if self.is_of_this_half_open(probe):
                    self.ended -= 1

    def forget_all(self) -> None:
        """Forget everything: what is still under way no longer counts."""
        self.under_way.clear()
        self.given_up.clear()
        self.ended = self.successes = 0
