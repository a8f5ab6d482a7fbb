"""A shadow policy: it decides and reports on real calls, and refuses none of them.

It learns from the calls that it would have let through, just as it would if it were in charge. The calls that it would
have refused show whether it would have been right: they are made, and their results are counted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from client.breakers.interface import CLOSED, Breaker, NoBreakerError, Permit, Refusal, State, Verdict
from client.breakers.registry import build_one

if TYPE_CHECKING:
    from enum import StrEnum

    from client.breakers.interface import Transition
    from client.breakers.policy import PolicySettings

KEPT_TRANSITIONS = 100


@dataclass(slots=True, eq=False)
class _BothPermits(Permit):
    """The permit of the policy in charge, and the shadow policy's decision on the same call."""

    in_charge: Permit
    tried: Permit | Refusal


class ShadowBreaker(Breaker):
    """Two policies on the same calls: `in_charge` decides; `tried`, the shadow, only reports."""

    def __init__(self, in_charge: Breaker, tried: PolicySettings, now: float) -> None:
        self._in_charge = in_charge
        self._transitions: deque[Transition] = deque(maxlen=KEPT_TRANSITIONS)
        self._tried = build_one(tried, now, self._transitions.append)
        self._would_refuse = dict.fromkeys(Verdict, 0)
        super().__init__(in_charge.settings, now, self._transitions.append)
        self._copy_state()

    def _copy_state(self) -> None:
        """Take over the state of the policy in charge."""
        self.state, self.since, self.fail_count = (
            self._in_charge.state,
            self._in_charge.since,
            self._in_charge.fail_count,
        )

    def admit(self, now: float) -> Permit | Refusal:
        """Ask the policy in charge; ask the shadow policy about the calls that are made."""
        answer = self._in_charge.shared_permit or self._in_charge.admit(now)
        self._copy_state()
        if isinstance(answer, Refusal):
            return answer
        tried = self._tried.admit(now)
        return _BothPermits(answer.state, answer.generation, answer.at, answer, tried)

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:
        """Report to both. Calls that the shadow policy would have refused are counted by result."""
        if not isinstance(permit, _BothPermits):
            raise TypeError("not a permit of this breaker")
        self._in_charge.report(permit.in_charge, verdict, now, retry_after_s)
        if isinstance(permit.tried, Refusal):
            self._would_refuse[verdict] += 1
        else:
            self._tried.report(permit.tried, verdict, now, retry_after_s)
        self._copy_state()

    def force(self, state: State, now: float, kind: StrEnum) -> None:
        """Set the policy in charge; closing resets the shadow policy, too. Raises NoBreakerError if neither can."""
        breakers = [self._in_charge, self._tried] if state is CLOSED else [self._in_charge]
        refusals = []
        for breaker in breakers:
            try:
                breaker.force(state, now, kind)
            except NoBreakerError as error:
                refusals.append(error)
        self._copy_state()
        if len(refusals) == len(breakers):
            raise refusals[0]

    def details(self, now: float) -> dict[str, Any]:
        """Add the state of the shadow policy and what it would have done."""
        tried = self._tried
        would = {verdict.value: count for verdict, count in self._would_refuse.items()}
        return {
            **self._in_charge.details(now),
            "shadow_report": {
                "policy": tried.settings.policy,
                "state": tried.state.value,
                "in_state_s": now - tried.since,
                "fail_count": tried.fail_count,
                "would_refuse": sum(would.values()),
                "would_refuse_by_result": would,
                "transitions": [{**asdict(each), "cause": str(each.cause)} for each in self._transitions],
                **tried.details(now),
            },
        }
