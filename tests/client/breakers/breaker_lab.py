"""A breaker with its clock: time is a number that the test moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from client import breakers
from client.breakers.interface import Breaker, Permit, Refusal, State, Transition, Verdict
from client.breakers.settings import breaker_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN
SUCCESS, FAILURE, NEUTRAL = Verdict.SUCCESS, Verdict.FAILURE, Verdict.NEUTRAL
VERDICTS = {"S": SUCCESS, "F": FAILURE, "N": NEUTRAL}


class Lab:
    """A breaker with its clock and its transitions."""

    def __init__(self, timeout_s: float | None = None, **settings: Any) -> None:
        self.now = 0.0
        self.transitions: list[Transition] = []
        self.breaker = breakers.build(breaker_settings(**settings), self.now, self._keep, timeout_s)

    def _keep(self, transition: Transition) -> None:
        """Keep a transition with its cause in words, as a test writes it."""
        self.transitions.append(replace(transition, cause=str(transition.cause)))

    def change(self, **settings: Any) -> tuple[Breaker, list[str]]:
        """Change the settings as the client does; return the breaker before, and what has been kept."""
        before = self.breaker
        self.breaker = breakers.build(breaker_settings(**settings), self.now, self._keep)
        kept = self.breaker.adopt(before, self.now)
        return before, [each.value for each in kept]

    def ask(self) -> Permit | Refusal:
        """Ask as the pipeline does."""
        return self.breaker.shared_permit or self.breaker.admit(self.now)

    def admit(self) -> Permit:
        permit = self.ask()
        assert isinstance(permit, Permit)
        return permit

    def refuse(self) -> Refusal:
        refusal = self.ask()
        assert isinstance(refusal, Refusal)
        return refusal

    def report(self, permit: Permit, verdict: Verdict, retry_after_s: float | None = None) -> None:
        self.breaker.report(permit, verdict, self.now, retry_after_s)

    def calls(self, verdicts: Sequence[Verdict] | str, retry_after_s: float | None = None) -> list[tuple[State, int]]:
        """Call after call; the state and the count after each."""
        seen = []
        for verdict in verdicts:
            self.report(self.admit(), VERDICTS[verdict] if isinstance(verdict, str) else verdict, retry_after_s)
            seen.append((self.breaker.state, self.breaker.fail_count))
        return seen

    def slow_call(self, seconds: float, verdict: Verdict = SUCCESS) -> tuple[State, int]:
        """Make a call that takes its time; return the state and the count after it."""
        permit = self.admit()
        self.wait(seconds)
        self.report(permit, verdict)
        return self.breaker.state, self.breaker.fail_count

    def trip(self, retry_after_s: float | None = None) -> None:
        self.calls([FAILURE] * self.breaker.settings.fail_max, retry_after_s)
        assert self.breaker.state is OPEN

    def wait(self, seconds: float) -> None:
        self.now += seconds

    @property
    def details(self) -> dict[str, Any]:
        return self.breaker.details(self.now)

    @property
    def story(self) -> list[tuple[float, State, str]]:
        """Every transition: when, to which state, why."""
        return [(each.at, each.after, each.cause) for each in self.transitions]
