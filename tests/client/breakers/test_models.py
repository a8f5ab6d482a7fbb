"""Every policy against its model, under any order of events."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from client.breakers.interface import Intervention, NoBreakerError, Refusal, Transition
from client.breakers.registry import build_one
from client.breakers.settings import tried_by
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, NEUTRAL, OPEN, SUCCESS, State, Verdict
from tests.client.breakers.breaker_machine import (
    SEED,
    SETTINGS,
    BreakerMachine,
    Called,
    Model,
    OpeningModel,
    either,
    opening,
)


class ConsecutiveModel(OpeningModel):
    """So many failures in a row trip; a probe that decides by count is one more call in the row."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.row: list[bool] = []
        self.failed_at = math.inf

    def aged(self, now: float) -> bool:
        return now - self.failed_at >= (self.chosen.forget_after_s or math.inf) and self.failed_at < math.inf

    def details(self, now: float) -> dict[str, Any]:
        found = super().details(now)
        return found | {"fail_count": 0} if self.state is CLOSED and self.aged(now) else found

    def trips(self, now: float) -> bool:
        if self.aged(now):
            self.row = []
        self.row.append(self.counted[-1].failed or self.counted[-1].slow)
        if self.row[-1]:
            self.failed_at = now
        self.fail_count = self.in_a_row()
        return self.fail_count >= self.chosen.fail_max

    def in_a_row(self) -> int:
        return next((count for count, bad in enumerate(reversed(self.row)) if not bad), len(self.row))

    def mark_failed(self, call: Called, now: float) -> bool:  # noqa: ARG002
        return False

    def judge(self, call: Called, succeeded: bool, now: float, retry_after_s: float | None) -> None:
        if self.chosen.probe_success_rate is None:
            self.row.append(not succeeded)
            self.fail_count = self.in_a_row()
        super().judge(call, succeeded, now, retry_after_s)

    def resume(self) -> None:
        if any(self.results.values()) and self.chosen.probe_success_rate is None:
            self.row.append(False)
            self.fail_count = 0

    def forget(self) -> None:
        super().forget()
        self.row = []


class RatesModel(OpeningModel):
    """Trips on the rates among the calls that are looked back on."""

    def looked_back_on(self, now: float) -> list[Called]:
        raise NotImplementedError

    def trips(self, now: float) -> bool:
        calls = self.looked_back_on(now)
        failures, slow = sum(each.failed for each in calls), sum(each.slow for each in calls)
        self.fail_count = failures
        rates = self.chosen.failure_rate, self.chosen.slow_call_rate or 2
        return len(calls) >= self.chosen.min_calls and (
            failures / len(calls) >= rates[0] or slow / len(calls) >= rates[1]
        )

    def details(self, now: float) -> dict[str, Any]:
        calls = self.looked_back_on(now)
        counts = {
            "calls": len(calls),
            "failures": sum(each.failed for each in calls),
            "slow": sum(each.slow for each in calls),
        }
        found = {**super().details(now), "window": counts}
        return found | {"fail_count": counts["failures"]} if self.state is State.CLOSED else found


class CountWindowModel(RatesModel):
    def looked_back_on(self, now: float) -> list[Called]:
        age_s = self.chosen.forget_after_s or math.inf
        return [each for each in self.counted[-self.chosen.window_calls :] if now - each.counted_at < age_s]


def in_window(at: float, now: float, span_s: float) -> bool:
    """Whether a call that ended at `at` is looked back on: in this tenth of the span, and the nine before."""
    step_s = span_s / 10
    return int(at / step_s) > int(now / step_s) - 10


class TimeWindowModel(RatesModel):
    def looked_back_on(self, now: float) -> list[Called]:
        return [each for each in self.counted if in_window(each.counted_at, now, self.chosen.window_s)]


class FailuresInTimeModel(OpeningModel):
    """So many failures in the last seconds trip."""

    def failures(self, now: float) -> int:
        bad = [each for each in self.counted if each.failed or each.slow]
        return sum(now - each.counted_at < self.chosen.window_s for each in bad)

    def trips(self, now: float) -> bool:
        self.fail_count = self.failures(now)
        return self.fail_count >= self.chosen.max_failures

    def mark_failed(self, call: Called, now: float) -> bool:  # noqa: ARG002
        return False

    def details(self, now: float) -> dict[str, Any]:
        found = super().details(now)
        return found | {"fail_count": self.failures(now)} if self.state is CLOSED else found


class FailuresInTimeMachine(BreakerMachine):
    @initialize(chosen=opening(max_failures=st.integers(1, 4), window_s=st.sampled_from([0.5, 2.5, 10.0])))
    def begin(self, chosen: dict[str, Any]) -> None:
        self.build(FailuresInTimeModel, {"policy": "failures_in_time", **chosen})


AGES = st.sampled_from([None, 1.0, 7.5])


class ConsecutiveMachine(BreakerMachine):
    @initialize(chosen=opening(fail_max=st.integers(1, 3), forget_after_s=AGES))
    def begin(self, chosen: dict[str, Any]) -> None:
        self.build(ConsecutiveModel, {"policy": "consecutive", **chosen})


RATE_SLOW = either(
    {},
    {"slow_call_s": 1.0, "slow_call_rate": 0.75},
    {"slow_call_s": 1.0, "slow_call_rate": 0.75, "slow_in_flight": True},
    {"slow_call_s": 1.0, "slow_call_rate": 1.0, "slow_in_flight": True},
)
RATES = {"failure_rate": st.sampled_from([0.5, 0.75, 1.0]), "min_calls": st.integers(1, 3)}


class CountWindowMachine(BreakerMachine):
    @initialize(chosen=opening(RATE_SLOW, window_calls=st.integers(3, 6), forget_after_s=AGES, **RATES))
    def begin(self, chosen: dict[str, Any]) -> None:
        self.build(CountWindowModel, {"policy": "count_window", **chosen})


class TimeWindowMachine(BreakerMachine):
    @initialize(chosen=opening(RATE_SLOW, window_s=st.sampled_from([2.5, 10.0]), **RATES))
    def begin(self, chosen: dict[str, Any]) -> None:
        self.build(TimeWindowModel, {"policy": "time_window", **chosen})


class ThrottleModel(Model):
    """Refuses by the formula of the book, over a list of every request."""

    can_be_forced = (CLOSED,)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.requests: list[tuple[float, bool]] = []  # when, and whether it was accepted

    def counts(self, now: float) -> tuple[int, int]:
        accepted = [yes for at, yes in self.requests if in_window(at, now, self.chosen.window_s)]
        return len(accepted), sum(accepted)

    def share(self, now: float) -> float:
        requests, accepts = self.counts(now)
        return max(0.0, (requests - self.chosen.throttle_k * accepts) / (requests + 1))

    def add(self, now: float, accepted: bool) -> None:
        self.requests.append((now, accepted))
        requests, accepts = self.counts(now)
        self.fail_count = requests - accepts

    def admits(self, now: float) -> bool:
        requests, accepts = self.counts(now)
        if requests == accepts or self.draw() >= self.share(now):
            return True
        self.add(now, accepted=False)
        return False

    def count(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:  # noqa: ARG002
        if verdict is not NEUTRAL:
            self.add(now, accepted=verdict is SUCCESS)

    def force(self, state: State, now: float, for_s: float = math.inf) -> None:
        super().force(state, now, for_s)
        self.requests = []

    def details(self, now: float) -> dict[str, Any]:
        requests, accepts = self.counts(now)
        return {
            "fail_count": requests - accepts,
            "window": {"requests": requests, "accepts": accepts},
            "let_through": 1 - self.share(now),
            "late_results": self.late,
        }


class ThrottleMachine(BreakerMachine):
    @initialize(throttle_k=st.sampled_from([1.0, 2.0]), window_s=st.sampled_from([2.5, 10.0]))
    def begin(self, **chosen: Any) -> None:
        self.build(ThrottleModel, {"policy": "throttle", **chosen})


class AdaptiveModel(Model):
    """A step each tenth of the window, over a list of every call; no step is left out, however long the silence."""

    can_be_forced = (CLOSED,)

    def __init__(self, chosen: Any, now: float) -> None:
        super().__init__(chosen, now)
        self.step_s = chosen.window_s / 10
        self.start(now)

    def start(self, now: float) -> None:
        self.calls: list[tuple[float, bool]] = []  # when, and whether it failed
        self.usual = self.chosen.usual_error_rate
        self.refused = 0.0
        self.next_step = now + self.step_s

    def counts(self, now: float) -> tuple[int, int]:
        failed = [yes for at, yes in self.calls if in_window(at, now, self.chosen.window_s)]
        return len(failed), sum(failed)

    def catch_up(self, now: float) -> None:
        due = int((now - self.next_step) / self.step_s) + 1 if now >= self.next_step else 0
        for step in range(due):
            self.step(*self.counts(self.next_step + step * self.step_s))
        self.next_step += due * self.step_s
        if due:
            self.fail_count = self.counts(self.next_step - self.step_s)[1]

    def step(self, calls: int, failures: int) -> None:
        believed = calls / (calls + self.chosen.min_calls)
        rate = failures / calls if calls else self.usual
        excess = max(0.0, believed * (rate - self.usual))
        self.refused += self.chosen.adaptive_gain * (excess - (1 - excess) * self.refused)
        self.refused = 0.0 if self.refused <= 1e-3 else min(self.refused, self.chosen.max_refused)
        if rate - self.usual >= 0.5:
            return  # an outage, and nothing to get used to
        slowness_s = self.chosen.usual_s if rate > self.usual else self.chosen.usual_s / 10
        self.usual += (rate - self.usual) * believed * (1 - 2.718281828459045 ** (-self.step_s / slowness_s))

    def admits(self, now: float) -> bool:
        if not self.refused:
            return True  # who asks then need not look at the time
        self.catch_up(now)
        return not self.refused or self.draw() >= self.refused

    def count(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:  # noqa: ARG002
        self.catch_up(now)
        if verdict is not NEUTRAL:
            self.calls.append((now, verdict is FAILURE))
        if verdict is FAILURE:
            self.fail_count = self.counts(now)[1]

    def force(self, state: State, now: float, for_s: float = math.inf) -> None:
        super().force(state, now, for_s)
        self.start(now)

    def details(self, now: float) -> dict[str, Any]:
        self.catch_up(now)
        calls, failures = self.counts(now)
        return {
            "fail_count": failures,
            "window": {"calls": calls, "failures": failures},
            "usual_error_rate_seen": self.usual,
            "let_through": 1 - self.refused,
            "late_results": self.late,
        }


class AdaptiveMachine(BreakerMachine):
    waits = (0.25, 1.0, 10.0, 500.0)

    @initialize(
        window_s=st.sampled_from([2.5, 10.0]),
        min_calls=st.integers(1, 3),
        adaptive_gain=st.sampled_from([0.5, 1.0]),
        usual_error_rate=st.sampled_from([0.0, 0.25]),
        usual_s=st.sampled_from([5.0, 600.0]),
        max_refused=st.sampled_from([0.5, 0.95]),
    )
    def begin(self, **chosen: Any) -> None:
        self.build(AdaptiveModel, {"policy": "adaptive", **chosen})


class OffMachine(BreakerMachine):
    @initialize()
    def begin(self) -> None:
        self.build(Model, {"policy": "off"})


class ForcedOpenModel(Model):
    """Refuses everybody."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.state = OPEN

    def admits(self, now: float) -> bool:  # noqa: ARG002
        return False

    def retry_after_s(self, now: float) -> float:  # noqa: ARG002
        return self.chosen.reset_timeout

    def details(self, now: float) -> dict[str, Any]:  # noqa: ARG002
        return {"retry_after_s": self.chosen.reset_timeout, "let_through": 0.0}


class ForcedOpenMachine(BreakerMachine):
    @initialize(reset_timeout=st.sampled_from([1.0, 7.5]))
    def begin(self, reset_timeout: float) -> None:
        self.build(ForcedOpenModel, {"policy": "forced_open", "reset_timeout": reset_timeout})


class ShadowModel(Model):
    """Two breakers that stand alone. The tried one is asked about, and told of, what the other lets through."""

    def __init__(self, chosen: Any, now: float) -> None:
        super().__init__(chosen, now)
        self.transitions: list[Transition] = []
        self.told: list[Transition] = []
        self.in_charge = build_one(chosen, now, self.told.append)
        self.tried = build_one(tried_by(chosen), now, self.transitions.append)
        self.can_be_forced = {"consecutive": (CLOSED, OPEN), "throttle": (CLOSED,)}.get(chosen.policy, (CLOSED,))
        self.would_refuse: list[Verdict] = []
        self.would_let_through = self.neither_yet = 0
        self.follow()

    def follow(self) -> None:
        guard = self.in_charge
        self.state, self.since, self.fail_count = guard.state, guard.since, guard.fail_count

    def admits(self, now: float) -> bool:
        self.answer = self.in_charge.admit(now)
        self.follow()
        return not isinstance(self.answer, Refusal)

    def retry_after_s(self, now: float) -> float:  # noqa: ARG002
        assert isinstance(self.answer, Refusal)
        return self.answer.retry_after_s

    def take(self, now: float) -> Called:
        self.neither_yet += 1
        return Called(now, self.era, self.state, taken=(self.answer, self.tried.admit(now)))

    def report(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        in_charge, tried = call.taken
        self.in_charge.report(in_charge, verdict, now, retry_after_s)
        self.neither_yet -= 1
        if isinstance(tried, Refusal):
            self.would_refuse.append(verdict)
        else:
            self.would_let_through += 1
            self.tried.report(tried, verdict, now, retry_after_s)
        self.follow()

    def force(self, state: State, now: float, for_s: float = math.inf) -> None:
        for each in [self.in_charge, self.tried] if state is State.CLOSED else [self.in_charge]:
            with suppress(NoBreakerError):
                each.force(state, now, Intervention.OPENED, None if for_s == math.inf else for_s)
        self.follow()

    def details(self, now: float) -> dict[str, Any]:
        tried, would = self.tried, self.would_refuse
        return {
            **self.in_charge.details(now),
            "shadow_report": {
                "policy": tried.settings.policy,
                "state": tried.state.value,
                "in_state_s": now - tried.since,
                "fail_count": tried.fail_count,
                "would_refuse": len(would),
                "would_refuse_by_result": {each.value: would.count(each) for each in Verdict},
                "transitions": [{**asdict(each), "cause": str(each.cause)} for each in self.transitions],
                **tried.details(now),
            },
        }

    @property
    def longest_wait_s(self) -> float:
        return 100.0


CHOSEN: dict[str, dict[str, Any]] = {
    "consecutive": {"fail_max": 2, "reset_timeout": 1.0},
    "count_window": {"min_calls": 2, "window_calls": 4, "reset_timeout": 7.5},
    "time_window": {"min_calls": 2, "reset_timeout": 7.5, "max_probes": 2},
    "throttle": {"throttle_k": 1.0},
}


class ShadowMachine(BreakerMachine):
    @initialize(policy=st.sampled_from(["consecutive", "throttle", "off", "shadow"]), tried=st.sampled_from([*CHOSEN]))
    def begin(self, policy: str, tried: str) -> None:
        shadow = {"seed": SEED, "policy": tried, **CHOSEN[tried]}
        self.build(ShadowModel, {"policy": policy, **CHOSEN.get(policy, {}), "shadow": shadow})

    @invariant()
    def every_call_that_was_made_was_judged(self) -> None:
        """Know the tried policy's answer to each call still under way, and tell the transitions of the other."""
        model = self.model
        assert isinstance(model, ShadowModel)
        assert len(self.out) == model.neither_yet
        assert self.transitions == model.told


TestConsecutive = ConsecutiveMachine.TestCase
TestCountWindow = CountWindowMachine.TestCase
TestTimeWindow = TimeWindowMachine.TestCase
TestFailuresInTime = FailuresInTimeMachine.TestCase
TestThrottle = ThrottleMachine.TestCase
TestAdaptive = AdaptiveMachine.TestCase
TestOff = OffMachine.TestCase
TestForcedOpen = ForcedOpenMachine.TestCase
TestShadow = ShadowMachine.TestCase

TestConsecutive.settings = settings(SETTINGS, max_examples=40, stateful_step_count=40)
TestCountWindow.settings = TestTimeWindow.settings = TestFailuresInTime.settings = settings(SETTINGS)
TestThrottle.settings = TestAdaptive.settings = TestShadow.settings = SETTINGS
TestOff.settings = TestForcedOpen.settings = settings(SETTINGS, max_examples=5)
