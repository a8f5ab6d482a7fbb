"""Any order of events against a model of a policy that is written for reading: lists, no rings, no pybreaker.

A model predicts every answer. Where a breaker draws at random, its model draws from the same seed.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from client import breakers
from client.breakers.interface import Breaker, Intervention, NoBreakerError, Permit, Transition
from client.breakers.settings import breaker_settings
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, HALF_OPEN, NEUTRAL, OPEN, SUCCESS, State, Verdict

if TYPE_CHECKING:
    from client.breakers.policy import PolicySettings

SEED = 7
SETTINGS = settings(
    max_examples=30,
    stateful_step_count=30,
    phases=[Phase.generate, Phase.shrink],  # explaining takes half a minute
)


@dataclass(eq=False)
class Called:
    """A call that was let through, as its model knows it."""

    at: float
    era: int
    state: State
    counted_at: float = 0.0
    failed: bool = False
    slow: bool = False
    half_open: int = 0  # the number of the half-open that it is a probe of
    timeout_s: float = 0.0
    given_up: bool = False  # out for too long, or left over when such a one opened the breaker
    taken: Any = field(default=None)


class Model:
    """A policy that lets everything through and counts nothing; the others are made from it."""

    can_be_forced: tuple[State, ...] = ()

    def __init__(self, chosen: PolicySettings, now: float) -> None:
        self.chosen = chosen
        self.draw = random.Random(SEED).random  # noqa: S311 - no secret
        self.state, self.since, self.era = CLOSED, now, 0
        self.fail_count = self.late = 0

    def admits(self, now: float) -> bool:  # noqa: ARG002
        return True

    def take(self, now: float) -> Called:
        return Called(now, self.era, self.state)

    def retry_after_s(self, now: float) -> float:  # noqa: ARG002
        return 0.0

    def report(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        if call.era == self.era:
            self.count(call, verdict, now, retry_after_s)
        else:
            self.late += 1

    def count(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        """Take note of the result of a call of this era."""

    def force(self, state: State, now: float, for_s: float = math.inf) -> None:  # noqa: ARG002
        self.state, self.since = state, now
        self.era += 1
        self.fail_count = 0

    def details(self, now: float) -> dict[str, Any]:  # noqa: ARG002
        return {}

    timeout_s = 0.0

    @property
    def longest_wait_s(self) -> float:
        """After so long without a result the breaker lets somebody through again."""
        return 0.0


class OpeningModel(Model):
    """Closed, open, half-open. A policy says which counted calls trip: see `trips`."""

    can_be_forced = (CLOSED, OPEN)

    def __init__(self, chosen: PolicySettings, now: float) -> None:
        super().__init__(chosen, now)
        self.counted: list[Called] = []  # in closed, oldest first
        self.under_way: list[Called] = []  # in closed, not counted yet
        self.probes: list[Called] = []
        self.given_up: list[Called] = []  # probes that are still out, and would count if they succeeded
        self.overdue: list[Called] = []  # those of them that count as failed for now
        self.results: dict[Called, bool] = {}  # of the probes of this half-open
        self.half_opens = 0
        self.failed_recoveries = 0  # and trips soon after one that succeeded
        self.recovered_at = -math.inf
        self.open_for = 0.0
        self.ramping = False
        self.slow_s = chosen.slow_call_s or math.inf

    def trips(self, now: float) -> bool:
        raise NotImplementedError

    def enter(self, state: State, now: float) -> None:
        self.state, self.since = state, now
        self.era += 1
        self.under_way, self.probes, self.given_up, self.overdue, self.results = [], [], [], [], {}
        self.ramping = False

    def open(self, now: float, retry_after_s: float | None = None, asked: bool = False) -> None:
        if not asked:
            quick = now - self.recovered_at < self.chosen.growth_forget_s
            self.failed_recoveries = self.failed_recoveries + 1 if self.state is HALF_OPEN or quick else 0
        chosen = self.chosen
        cap = chosen.open_max_s or math.inf
        if chosen.honour_retry_after and retry_after_s:
            self.open_for = min(retry_after_s, cap)
        else:
            self.open_for = chosen.reset_timeout
            for _ in range(self.failed_recoveries):
                self.open_for = min(self.open_for * chosen.open_growth, cap)
            self.open_for *= 1 - chosen.open_jitter * self.draw()
        self.enter(OPEN, now)

    def forget(self) -> None:
        self.counted = []
        self.fail_count = 0

    def share(self, now: float) -> float:
        return min(1.0, (now - self.since) / self.chosen.ramp_s) if self.ramping else 1.0

    def admits(self, now: float) -> bool:
        if self.state is CLOSED:
            return not self.overdue_trips(now) and not (self.ramping and self.draw() >= self.share(now))
        if self.state is OPEN:
            if self.since + self.open_for - now > 0:
                return False
            given_up = self.given_up
            self.enter(HALF_OPEN, now)
            self.given_up = given_up
            self.half_opens += 1
        for each in list(self.probes):
            if now - each.at >= max(self.chosen.half_open_max_s or math.inf, each.timeout_s):
                self.probes.remove(each)
                self.given_up.append(each)
                each.given_up = True
                if not each.slow:
                    self.overdue.append(each)
                    self.open_in_doubt(each, now)
            elif self.chosen.slow_in_flight and now - each.at >= self.slow_s and not each.slow:
                each.slow = True  # counted; it is still out
                self.judge(each, succeeded=False, now=now, retry_after_s=None)
            if self.state is OPEN:
                return False
        return len(self.probes) < self.chosen.max_probes

    def open_in_doubt(self, probe: Called, now: float) -> None:
        """Count it as failed; where that opens, the results are kept, without those that are only overdue."""
        results = self.results
        left, number = [*self.given_up, *(each for each in self.probes if each is not probe)], self.half_opens
        overdue = self.overdue
        self.judge(probe, succeeded=False, now=now, retry_after_s=None)
        if self.state is OPEN:
            self.given_up = left
            self.results = {call: good for call, good in results.items() if call not in overdue}
            for each in left:
                each.given_up = True
        assert number == self.half_opens

    def resume(self) -> None:
        """Half-open goes on with the results that it had."""

    def report(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        if call not in self.given_up:
            super().report(call, verdict, now, retry_after_s)
            return
        self.given_up.remove(call)
        mine, overdue = call.half_open == self.half_opens, call in self.overdue
        if verdict is SUCCESS and not call.slow and now - call.at < self.slow_s:
            if self.state is OPEN:
                kept = self.given_up, self.results
                self.failed_recoveries -= 1
                self.enter(HALF_OPEN, now)
                self.given_up, self.results = kept
                self.resume()
            self.judge(call, succeeded=True, now=now, retry_after_s=retry_after_s)
        elif verdict is NEUTRAL or call.slow or overdue or not mine:
            self.late += 1
        elif self.state is HALF_OPEN:
            self.judge(call, succeeded=False, now=now, retry_after_s=retry_after_s)
        else:
            self.late += 1
            self.results[call] = False
            if self.hopeless():
                self.given_up, self.results = [], {}

    def take(self, now: float) -> Called:
        if self.state is CLOSED and self.share(now) == 1:
            self.ramping = False
        call = super().take(now)
        call.half_open, call.timeout_s = self.half_opens, self.timeout_s
        (self.under_way if self.state is CLOSED else self.probes).append(call)
        return call

    def retry_after_s(self, now: float) -> float:
        return self.since + self.open_for - now if self.state is OPEN else 0.0

    def overdue_trips(self, now: float, retry_after_s: float | None = None) -> bool:
        """Count the calls under way that have become slow, until one of them trips."""
        overdue = [each for each in self.under_way if now - each.at >= self.slow_s]
        for each in overdue if self.chosen.slow_in_flight else []:
            self.under_way.remove(each)
            if self.add(each, now, failed=False, slow=True):
                self.open(now, retry_after_s)
                return True
        return False

    def add(self, call: Called, now: float, *, failed: bool, slow: bool) -> bool:
        call.counted_at, call.failed, call.slow = now, failed, slow
        self.counted.append(call)
        return self.trips(now)

    def count(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        asked = verdict is NEUTRAL and self.chosen.honour_retry_after and bool(retry_after_s)
        if call.state is HALF_OPEN:
            self.probes.remove(call)
        if asked:
            self.open(now, retry_after_s, asked=True)
        elif call.state is HALF_OPEN:
            if verdict is not NEUTRAL and not call.slow:
                self.judge(call, verdict is SUCCESS and now - call.at < self.slow_s, now, retry_after_s)
        elif not self.overdue_trips(now, retry_after_s):
            self.count_closed(call, verdict, now, retry_after_s)

    def count_closed(self, call: Called, verdict: Verdict, now: float, retry_after_s: float | None) -> None:
        trips = False
        if call in self.under_way:
            self.under_way.remove(call)
            if verdict is not NEUTRAL:
                trips = self.add(call, now, failed=verdict is FAILURE, slow=now - call.at >= self.slow_s)
        elif verdict is FAILURE:
            trips = self.mark_failed(call, now)
        if trips:
            self.open(now, retry_after_s)

    def mark_failed(self, call: Called, now: float) -> bool:
        """Make the call that was counted as slow a failed one, too: it stays one call."""
        call.failed = True
        return self.trips(now)

    def hopeless(self) -> bool:
        failures = [*self.results.values()].count(False)
        rate, of = self.chosen.probe_success_rate, self.chosen.probe_calls
        return failures > 0 if rate is None else (of - failures) / of < rate

    def judge(self, call: Called, succeeded: bool, now: float, retry_after_s: float | None) -> None:
        self.results[call] = succeeded
        successes, rate = [*self.results.values()].count(True), self.chosen.probe_success_rate
        if rate is None:
            enough = successes >= self.chosen.success_threshold
        else:
            enough = successes > 0 and successes / self.chosen.probe_calls >= rate
        if not succeeded and self.hopeless():
            self.open(now, retry_after_s)
        elif enough:
            self.forget()
            self.recovered_at = now
            self.enter(CLOSED, now)
            self.ramping = self.chosen.ramp_s > 0

    def force(self, state: State, now: float, for_s: float = math.inf) -> None:
        self.forget()
        self.failed_recoveries, self.recovered_at = 0, -math.inf
        self.enter(state, now)
        self.open_for = for_s

    def details(self, now: float) -> dict[str, Any]:
        held = self.state is OPEN and self.open_for == math.inf
        return {
            "held_open": held,
            "next_call_probes": self.state is OPEN and self.since + self.open_for - now <= 0,
            "retry_after_s": 0.0 if held else max(0.0, self.retry_after_s(now)),
            "open_for_s": self.open_for if self.state is OPEN and not held else 0.0,
            "probes_out": len(self.probes),
            "probe_successes": [*self.results.values()].count(True),
            "late_results": self.late,
            "let_through": {CLOSED: self.share(now), OPEN: 0.0, HALF_OPEN: None}[self.state],
        }

    @property
    def longest_wait_s(self) -> float:
        if "reset_timeout" not in type(self.chosen).model_fields:  # it never opens
            return 0.0
        longest_open_s = max(self.chosen.reset_timeout, self.chosen.open_max_s or 0)
        return float(longest_open_s + max(self.chosen.half_open_max_s or 0, self.timeout_s))


def either(*choices: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(choices)


SLOW = either({}, {"slow_call_s": 1.0}, {"slow_call_s": 1.0, "slow_in_flight": True})


@st.composite
def opening(draw: st.DrawFn, slow: st.SearchStrategy[dict[str, Any]] = SLOW, **more: Any) -> dict[str, Any]:
    """Draw settings of a policy that opens: those common to all, and `more`."""
    chosen = {name: draw(values) for name, values in more.items()}
    chosen |= {"reset_timeout": draw(st.sampled_from([1, 7.5])), "max_probes": draw(st.integers(1, 3))}
    chosen |= draw(
        st.one_of(
            st.builds(lambda count: {"success_threshold": count}, st.integers(1, 3)),
            either(*({"probe_success_rate": rate, "probe_calls": 4} for rate in (0.1, 0.5, 0.75, 1.0))),
        )
    )
    chosen |= draw(either({}, {"open_max_s": 20.0, "open_growth": 2.0, "honour_retry_after": True}))
    chosen |= draw(either({}, {"growth_forget_s": 0.0}, {"growth_forget_s": 5.0}))
    chosen |= draw(either({}, {"open_jitter": 0.5}))
    chosen |= draw(either({"half_open_max_s": 3.0}, {"half_open_max_s": None}))
    chosen |= draw(either({}, {}, {"timeout_s": 8.0}))
    chosen |= draw(either({}, {}, {"ramp_s": 4.0}))
    return chosen | draw(slow)


def rounded(details: Any) -> Any:
    """Leave out the last digits: a model adds up in another order."""
    if isinstance(details, dict):
        return {name: rounded(value) for name, value in details.items()}
    return round(details, 9) if isinstance(details, float) else details


class BreakerMachine(RuleBasedStateMachine):
    """Permits, results, late results, cancellations, clock moves and force, in any order.

    A machine of a policy begins with `build`.
    """

    waits = (0.0, 0.25, 1.0, 7.5)

    def build(self, model: type[Model], chosen: dict[str, Any]) -> None:
        self.now = 0.0
        self.transitions: list[Transition] = []
        timeout_s = chosen.pop("timeout_s", None)
        found = breaker_settings(seed=SEED, **chosen)
        self.breaker: Breaker = breakers.build(found, self.now, self.transitions.append, timeout_s)
        self.model = model(found, self.now)
        self.model.timeout_s = timeout_s or 0.0
        self.first = self.breaker.state
        self.out: list[tuple[Permit, Called]] = []

    @rule(count=st.sampled_from([1, 1, 1, 5]))
    def ask(self, count: int = 1) -> None:
        for _ in range(count):
            admitted = self.model.admits(self.now)
            answer = self.breaker.shared_permit or self.breaker.admit(self.now)
            assert isinstance(answer, Permit) == admitted
            assert answer.state is self.model.state
            if isinstance(answer, Permit):
                self.out.append((answer, self.model.take(self.now)))
            else:
                assert answer.cause
                assert (answer.retry_after_s == math.inf) == self.model.details(self.now).get("held_open", False)
                assert answer.retry_after_s >= 0
                assert answer.since == self.model.since
                assert rounded(answer.retry_after_s) == rounded(self.model.retry_after_s(self.now))

    @precondition(lambda self: self.out)
    @rule(
        pick=st.integers(0, 10_000), verdict=st.sampled_from(Verdict), retry_after_s=st.sampled_from([None, 0.0, 3.0])
    )
    def end(self, pick: int, verdict: Verdict, retry_after_s: float | None = None) -> None:
        """End any call that is under way, of whatever age; neutral is a cancellation."""
        permit, call = self.out.pop(pick % len(self.out))
        late, given_up = call.era != self.model.era, call.given_up
        before = self.standing_of_all
        wish_s = None if verdict is SUCCESS else retry_after_s
        self.model.report(call, verdict, self.now, wish_s)
        self.breaker.report(permit, verdict, self.now, wish_s)
        assert not late or given_up or self.standing_of_all == before

    @property
    def standing_of_all(self) -> tuple[Any, ...]:
        return self.breaker.state, self.breaker.fail_count, self.breaker.since, len(self.transitions)

    @rule(verdicts=st.lists(st.sampled_from([FAILURE, FAILURE, SUCCESS]), max_size=5))
    def call(self, verdicts: list[Verdict]) -> None:
        """Call after call, each ended at once: the shortest way into the other states."""
        for verdict in verdicts:
            count = len(self.out)
            self.ask()
            if len(self.out) > count:
                self.end(count, verdict)

    @rule(pick=st.integers(0, 3))
    def wait(self, pick: int) -> None:
        self.now += self.waits[pick]

    @rule(state=st.sampled_from([OPEN, CLOSED]), for_s=st.sampled_from([None, 5.0]))
    def by_hand(self, state: State, for_s: float | None) -> None:
        if state in self.model.can_be_forced:
            self.breaker.force(state, self.now, Intervention.OPENED, for_s)
            self.model.force(state, self.now, math.inf if for_s is None else for_s)
            return
        try:
            self.breaker.force(state, self.now, Intervention.OPENED)
        except NoBreakerError:
            return
        raise AssertionError("forced what cannot be")

    @invariant()
    def same_as_the_model(self) -> None:
        model, breaker = self.model, self.breaker
        assert (breaker.state, breaker.fail_count, breaker.since) == (model.state, model.fail_count, model.since)
        seen = breaker.details(self.now)
        seen.pop("diagnosis", None)  # see opening/test_diagnosis.py
        assert rounded(seen) == rounded(model.details(self.now))

    @invariant()
    def never_too_many_probes(self) -> None:
        probing = Counter(
            permit.generation for permit, call in self.out if permit.state is HALF_OPEN and not call.given_up
        )
        assert all(count <= self.breaker.settings.max_probes for count in probing.values())

    @invariant()
    def transitions_are_a_chain(self) -> None:
        states = [self.first, *(each.after for each in self.transitions)]
        assert [each.before for each in self.transitions] == states[:-1]
        assert self.breaker.state is states[-1]
        assert all(asdict(each)["cause"] for each in self.transitions)

    def teardown(self) -> None:
        """Whoever never returns does not keep the breaker from closing, and who returns too late changes nothing."""
        if getattr(self.breaker.settings, "half_open_max_s", 0) is None:
            self.end_all()
        if self.breaker.details(self.now).get("held_open"):
            self.breaker.force(CLOSED, self.now, Intervention.CLOSED)
            self.model.force(CLOSED, self.now)
        for _ in range(20):
            if self.breaker.state is self.first:
                break
            self.now += self.model.longest_wait_s
            self.call([SUCCESS])
        assert self.breaker.state is self.first
        self.end_all()
        self.same_as_the_model()
        assert self.breaker.details(self.now).get("probes_out", 0) == 0

    def end_all(self) -> None:
        while self.out:
            self.end(0, NEUTRAL)
