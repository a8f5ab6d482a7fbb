"""The consecutive breaker against a reference model of a page, under any order of events."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from client import breakers
from client.breakers.interface import Permit, Refusal, State, Transition, Verdict
from client.settings import BreakerSettings


@dataclass
class Model:
    """What the breaker should be: written for reading, without pybreaker."""

    fail_max: int
    reset_timeout: float
    success_threshold: int
    max_probes: int
    state: State = State.CLOSED
    since: float = 0.0
    failures: int = 0
    successes: int = 0
    probes_out: int = 0
    era: int = 0

    def enter(self, state: State, now: float) -> None:
        self.state, self.since = state, now
        self.successes = self.probes_out = 0
        self.era += 1
        if state is State.CLOSED:
            self.failures = 0

    def admits(self, now: float) -> bool:
        if self.state is State.OPEN and self.since + self.reset_timeout - now <= 0:
            self.enter(State.HALF_OPEN, now)
        if self.state is State.HALF_OPEN and self.probes_out < self.max_probes:
            self.probes_out += 1
            return True
        return self.state is State.CLOSED

    def report(self, era: int, verdict: Verdict, now: float) -> None:
        if era != self.era:
            return
        if self.state is State.HALF_OPEN:
            self.probes_out -= 1
        if verdict is Verdict.FAILURE:
            self.failures += 1
            if self.state is State.HALF_OPEN or self.failures >= self.fail_max:
                self.enter(State.OPEN, now)
        elif verdict is Verdict.SUCCESS:
            self.failures = 0
            self.successes += self.state is State.HALF_OPEN
            if self.successes >= self.success_threshold and self.state is State.HALF_OPEN:
                self.enter(State.CLOSED, now)


class ConsecutiveMachine(RuleBasedStateMachine):
    """Permits, results, late results, cancellations, clock moves and force, in any order."""

    @initialize(
        fail_max=st.integers(1, 3),
        threshold=st.integers(1, 3),
        probes=st.integers(1, 3),
        reset=st.sampled_from([1, 7.5]),
    )
    def build(self, fail_max: int, threshold: int, probes: int, reset: float) -> None:
        self.now = 0.0
        self.transitions: list[Transition] = []
        chosen = BreakerSettings(fail_max=fail_max, reset_timeout=reset, success_threshold=threshold, max_probes=probes)
        self.breaker = breakers.build(chosen, self.now, self.transitions.append)
        self.model = Model(fail_max, reset, threshold, probes)
        self.out: list[tuple[Permit, int]] = []

    @rule()
    def ask(self) -> None:
        admitted = self.model.admits(self.now)
        answer = self.breaker.admit(self.now)
        assert isinstance(answer, Permit) == admitted
        assert answer.state is self.model.state
        if isinstance(answer, Permit):
            self.out.append((answer, self.model.era))
        else:
            left = self.model.since + self.model.reset_timeout - self.now if answer.state is State.OPEN else 0.0
            assert answer == Refusal(self.model.state, answer.cause, left, self.model.since)
            assert left >= 0

    @precondition(lambda self: self.out)
    @rule(pick=st.integers(0, 10_000), verdict=st.sampled_from(Verdict))
    def end(self, pick: int, verdict: Verdict) -> None:
        """End any call that is under way, of whatever age; neutral is a cancellation."""
        permit, era = self.out.pop(pick % len(self.out))
        late = era != self.model.era
        before = (self.breaker.state, self.breaker.fail_count, self.breaker.since, len(self.transitions))
        self.model.report(era, verdict, self.now)
        self.breaker.report(permit, verdict, self.now)
        if late:
            assert (self.breaker.state, self.breaker.fail_count, self.breaker.since, len(self.transitions)) == before

    @rule(verdicts=st.lists(st.sampled_from([Verdict.FAILURE, Verdict.FAILURE, Verdict.SUCCESS]), max_size=4))
    def call(self, verdicts: list[Verdict]) -> None:
        """Call after call, each ended at once: the shortest way into the other states."""
        for verdict in verdicts:
            count = len(self.out)
            self.ask()
            if len(self.out) > count:
                self.end(len(self.out) - 1, verdict)

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 7.5]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(state=st.sampled_from([State.OPEN, State.CLOSED]))
    def by_hand(self, state: State) -> None:
        self.breaker.force(state, self.now, "by hand")
        self.model.enter(state, self.now)
        self.model.failures = 0

    @invariant()
    def same_as_the_model(self) -> None:
        model, details = self.model, self.breaker.details(self.now)
        assert (self.breaker.state, self.breaker.fail_count, self.breaker.since) == (
            model.state,
            model.failures,
            model.since,
        )
        assert (details["probes_out"], details["probe_successes"]) == (model.probes_out, model.successes)
        assert details["retry_after_s"] >= 0

    @invariant()
    def never_too_many_probes(self) -> None:
        probing = [era for permit, era in self.out if permit.state is State.HALF_OPEN and era == self.model.era]
        assert len(probing) <= self.model.max_probes

    @invariant()
    def transitions_are_a_chain(self) -> None:
        states = [State.CLOSED, *(each.after for each in self.transitions)]
        assert [each.before for each in self.transitions] == states[:-1]
        assert self.breaker.state is states[-1]

    def teardown(self) -> None:
        """No stuck half-open: once all calls have ended and time has passed, successes close it."""
        while self.out:
            self.end(0, Verdict.NEUTRAL)
        self.wait(self.model.reset_timeout)
        self.call([Verdict.SUCCESS] * self.model.success_threshold)
        assert self.breaker.state is State.CLOSED


TestConsecutiveMachine = ConsecutiveMachine.TestCase
TestConsecutiveMachine.settings = settings(
    max_examples=80,
    stateful_step_count=40,
    phases=[Phase.generate, Phase.shrink],  # explaining takes half a minute
)
