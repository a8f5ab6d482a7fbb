"""A breaker for comparisons alone: it refuses requests that were chosen beforehand. Nobody can set it as a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import CLOSED, Breaker, Counted, NoBreakerError, Permit, Refusal, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from client.breakers.policy import PolicySettings


class ChosenRefusalCause(Counted):
    """Why it refuses a call."""

    CHOSEN = "chosen beforehand"


class ChosenRefusals(Breaker):
    """Refuses the requests in `refused`, by id, whatever it sees. `asking` gives the id of the one that asks."""

    refusals = tuple(ChosenRefusalCause)

    def __init__(
        self, settings: PolicySettings, now: float, refused: frozenset[str], asking: Callable[[], str | None]
    ) -> None:
        super().__init__(settings, now, lambda _: None)
        self._refused, self._asking = refused, asking
        self._permit = Permit(CLOSED, 0, now)

    def admit(self, now: float) -> Permit | Refusal:  # noqa: ARG002 - time decides nothing
        """Look the request up."""
        if self._asking() in self._refused:
            return Refusal(CLOSED, ChosenRefusalCause.CHOSEN, 0.0, self.since)
        return self._permit

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Learn nothing."""

    def force(self, state: State, now: float, kind: StrEnum, for_s: float | None = None) -> None:  # noqa: ARG002
        """Raise NoBreakerError."""
        raise NoBreakerError("there is nothing to open: what is refused was chosen beforehand")
