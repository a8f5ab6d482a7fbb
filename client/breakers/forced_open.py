"""Always open: every call is refused, for maintenance and for tests of the fallback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client.breakers.interface import OPEN, Breaker, Counted, NoBreakerError, Permit, Refusal, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from client.breakers.interface import Transition
    from client.breakers.policy import PolicySettings


class ForcedRefusalCause(Counted):
    """Why it refuses a call."""

    FORCED = "forced open"


class ForcedOpenBreaker(Breaker):
    """Refuses every call until the policy is changed. Callers may try again after `reset_timeout`."""

    refusals = tuple(ForcedRefusalCause)

    def __init__(self, settings: PolicySettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        super().__init__(settings, now, on_transition)
        self.state = OPEN

    def admit(self, now: float) -> Refusal:  # noqa: ARG002
        """Refuse."""
        return Refusal(OPEN, ForcedRefusalCause.FORCED, self.settings.reset_timeout, self.since)

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Take no notice: there are no permits."""

    def force(self, state: State, now: float, kind: StrEnum) -> None:  # noqa: ARG002
        """Stay open. Raises NoBreakerError."""
        raise NoBreakerError("the breaker stays open: the current policy is 'forced_open'; change the policy")

    def details(self, now: float) -> dict[str, Any]:  # noqa: ARG002
        """Say when to ask again, and that nothing is let through."""
        return {"retry_after_s": self.settings.reset_timeout, "let_through": 0.0}
