"""Policies that refuse nothing: every call is let through, and nothing is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import CLOSED, Breaker, NoBreakerError, Permit, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from client.breakers.interface import Transition
    from client.breakers.policy import PolicySettings


class NoBreaker(Breaker):
    """No breaker: refuses nothing."""

    def __init__(self, settings: PolicySettings, now: float, on_transition: Callable[[Transition], None]) -> None:
        super().__init__(settings, now, on_transition)
        self._always = self.shared_permit = Permit(CLOSED, 0, now)

    def admit(self, now: float) -> Permit:  # noqa: ARG002
        """Let the call through."""
        return self._always

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Take no notice."""

    def force(self, state: State, now: float, kind: StrEnum) -> None:  # noqa: ARG002
        """There is nothing to set. Raises NoBreakerError."""
        raise NoBreakerError(f"the policy is {self.settings.policy!r}: there is no breaker to set")


class ShadowOnlyBreaker(NoBreaker):
    """Refuses nothing. A second policy decides on the same calls and reports what it would have refused."""
