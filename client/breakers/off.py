"""No breaker: every call is let through, nothing is counted."""

from __future__ import annotations

from client.breakers.interface import Breaker, NoBreakerError, Permit, State, Verdict

_ALWAYS = Permit(State.CLOSED, 0)


class NoBreaker(Breaker):
    """Always closed."""

    state = State.CLOSED
    fail_count = 0

    def admit(self, now: float) -> Permit:  # noqa: ARG002
        """Let the call through."""
        return _ALWAYS

    def report(self, permit: Permit, verdict: Verdict, now: float) -> None:
        """Take no notice."""

    def force(self, state: State, now: float, cause: str) -> None:  # noqa: ARG002
        """There is nothing to set. Raises NoBreakerError."""
        raise NoBreakerError("there is no breaker to set: the policy in force is 'off'")
