"""What the client's metrics say after a story, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from typing import Any

from prometheus_client import CollectorRegistry

from client.breakers.interface import CLOSED, OPEN, Cause, Intervention
from client.breakers.opening.windowed import RateTripCause
from client.breakers.settings import breaker_settings
from client.core import Client
from client.events import TransitionEvent
from client.observe.counters import Counters
from client.observe.metrics import MOVES, REFUSALS, Metrics
from client.pipeline.call import Answer, Call
from client.pipeline.errors import BackendFailedError
from client.pipeline.order import CallSettings, build
from client.pipeline.timeout import TimeoutSettings


class Lab:
    """A client over an upstream that fails on demand, its book, and its metrics."""

    def __init__(self, **breaker: Any) -> None:
        self.now = 100.0
        self.fails = False
        settings = CallSettings(breaker=breaker_settings(**breaker), timeout=TimeoutSettings(total_s=None))
        counters = Counters(self.now)
        self.client = Client(settings, self._upstream, [counters], lambda: self.now)
        self.registry = CollectorRegistry()
        self.registry.register(Metrics(self.client, counters))

    async def _upstream(self, call: Call) -> Answer:
        call.attempts += 1
        call.backend_calls += 1
        self.now += 0.25
        if self.fails:
            raise BackendFailedError(500)
        return Answer(200, b"{}")

    def call(self, *, fails: bool = False) -> None:
        self.fails = fails
        asyncio.run(self.client.call("1"))

    def counts(self, name: str) -> dict[tuple[str, ...], float]:
        """Every sample of a name that is not zero, by its labels' values in the order of their names."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and sample.value
        }


def test_a_whole_cycle() -> None:
    """Success, trip, refusal, failed probe, recovery: each figure, and the seconds in each state add up to now."""
    lab = Lab(fail_max=2, reset_timeout=10)
    lab.call()
    lab.call(fails=True)
    lab.call(fails=True)  # trips at 100.75
    lab.now += 4
    lab.call()  # refused
    lab.now += 6
    lab.call(fails=True)  # a probe at 110.75 that opens again at 111
    lab.now += 10
    lab.call()  # a probe at 121 that closes at 121.25
    lab.now += 2

    assert lab.counts("client_calls_total") == {
        ("ok", "fresh"): 2,
        ("error", "fallback"): 3,
        ("fast_fail", "fallback"): 1,
    }
    assert lab.counts("client_call_duration_seconds_sum") == {("ok",): 0.5, ("error",): 0.75}
    assert lab.counts("client_backend_calls_total") == {(): 5}
    assert lab.counts("breaker_state") == {("closed",): 1}
    assert lab.counts("breaker_state_seconds_total") == {("closed",): 2.75, ("open",): 20, ("half-open",): 0.5}
    assert lab.counts("breaker_transitions_total") == {  # after, before, cause
        ("open", "closed", "fail_max reached"): 1,
        ("half-open", "open", "reset_timeout elapsed"): 2,
        ("open", "half-open", "probe failed"): 1,
        ("closed", "half-open", "probe succeeded"): 1,
    }
    assert lab.counts("breaker_refusals_total") == {("open",): 1}
    assert lab.counts("breaker_probes_total") == {("error",): 1, ("ok",): 1}
    assert lab.counts("breaker_info") == {("backend-service-breaker", "consecutive"): 1}


def test_what_is_under_way_is_seen() -> None:
    """Calls in flight, probes among them, and the failures counted so far; the present spell grows with the clock."""
    lab = Lab(fail_max=3, reset_timeout=1)
    lab.call(fails=True)
    failures = lab.counts("breaker_failures")
    lab.client.force(lab.client.breaker.state.OPEN, Intervention.OPENED, 1)
    lab.now += 1

    async def look() -> list[dict[tuple[str, ...], float]]:
        async def hold(_: Call) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

        lab._upstream = hold  # type: ignore[method-assign]
        lab.client._upstream = hold
        lab.client._pipeline = build(lab.client.settings, lab.client._upstream, lab.client)
        task = asyncio.create_task(lab.client.call("2"))
        await asyncio.sleep(0)
        lab.now += 3
        seen = [
            lab.counts(name)
            for name in ("client_calls_in_flight", "breaker_probes_in_flight", "breaker_state_seconds_total")
        ]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return seen

    assert failures == {(): 1}
    assert asyncio.run(look()) == [{(): 1}, {(): 1}, {("closed",): 0.25, ("open",): 1, ("half-open",): 3}]
    assert lab.counts("breaker_probes_total") == {("cancelled",): 1}


def test_time_counts_for_a_policy_that_begins_open() -> None:
    """No transition has led there."""
    lab = Lab(policy="forced_open")
    lab.now += 7
    lab.call()

    assert lab.counts("breaker_state_seconds_total") == {("open",): 7}
    assert lab.counts("breaker_refusals_total") == {("forced open",): 1}


def test_a_cause_is_counted_by_its_kind() -> None:
    """Figures in it would make a series of each trip."""
    cause = Cause(RateTripCause.FAILURES, "failure rate 57%: 4 of 7 calls")
    counters = Counters()
    counters.on_transition(TransitionEvent(1.0, 1, CLOSED, OPEN, cause, 4))

    assert (list(counters.moves), str(cause)) == ([(CLOSED, OPEN, "failure rate")], "failure rate 57%: 4 of 7 calls")


def test_every_move_and_refusal_of_a_policy_is_exported_as_zero() -> None:
    """The first increase of a series that is not there is lost to rate()."""
    assert {str(move.kind) for move in MOVES} == {
        *("fail_max reached", "slow-call rate", "failure rate", "failures in time", "reset_timeout elapsed"),
        *("probe succeeded", "probe failed", "probe was slow", "probe still out", "overdue probe succeeded"),
        "asked by Retry-After",
        *("open by hand", "close by hand", "reset by hand", "settings changed"),
    }
    assert {str(cause) for cause in REFUSALS} == {
        *("open", "all probes are out", "ramping up", "throttled", "share refused", "forced open"),
    }
