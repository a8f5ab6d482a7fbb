"""Prometheus metrics of the client, read from its counters when they are scraped."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from client.breakers import policies
from client.breakers.interface import INTERVENTIONS, State
from client.pipeline.call import Outcome, Served
from service.observe.tally import add_durations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from client.core import Client
    from client.observe.counters import Counters

# Exported as zero from the start: rate() misses the first increase of a series that did not exist before.
REFUSALS = tuple(dict.fromkeys(kind for policy in policies().values() for kind in policy.refusals))
PROBES = (Outcome.OK, Outcome.ERROR, Outcome.TIMEOUT, Outcome.CANCELLED)
MOVES = tuple(dict.fromkeys((*(move for policy in policies().values() for move in policy.moves), *INTERVENTIONS)))


class Metrics(Collector):
    """Exports `counters` and the state of `client`; every label has a small, fixed set of values."""

    def __init__(self, client: Client, counters: Counters) -> None:
        self._client = client
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        breaker = self._client.snapshot()
        yield from self._call_metrics()
        yield from self._breaker_metrics(breaker)
        yield from _shadow_metrics(breaker.get("shadow_report"))

    def _call_metrics(self) -> Iterator[Metric]:
        """Yield how the callers' calls ended."""
        tallies = self._counters.tallies
        calls = CounterMetricFamily(
            "client_calls",
            "Protected calls that ended, by outcome and by what the caller got.",
            labels=["outcome", "served"],
        )
        for outcome, served in product(Outcome, Served):
            tally = tallies.get((outcome, served))
            calls.add_metric([outcome.value, served.value], tally.calls if tally else 0)
        yield calls
        durations = HistogramMetricFamily(
            "client_call_duration_seconds", "Time from the call to its answer, by outcome.", labels=["outcome"]
        )
        for outcome in Outcome:
            ended = [tallies[outcome, served] for served in Served if (outcome, served) in tallies]
            add_durations(durations, outcome.value, ended)
        yield durations
        yield GaugeMetricFamily("client_calls_in_flight", "Protected calls under way.", self._client.in_flight)
        yield CounterMetricFamily("client_backend_calls", "Calls sent to the backend.", self._counters.backend_calls)

    def _breaker_metrics(self, breaker: dict[str, Any]) -> Iterator[Metric]:
        """Yield the metrics of the breaker."""
        counters, now_state = self._counters, self._client.breaker.state
        about = {"policy": breaker["policy"], "name": breaker["name"]}
        yield InfoMetricFamily("breaker", "The current policy and the breaker's name.", about)
        yield _state_metric("breaker_state", "1 for the state that the breaker is in, 0 for the others.", now_state)
        spent = CounterMetricFamily(
            "breaker_state_seconds", "Time spent in each state, including the current one.", labels=["state"]
        )
        for state, seconds in counters.in_state_s(now_state, breaker["now_s"]).items():
            spent.add_metric([state.value], seconds)
        yield spent
        moves = CounterMetricFamily(
            "breaker_transitions", "Changes of state, by kind of cause.", labels=["before", "after", "cause"]
        )
        for move in dict.fromkeys((*MOVES, *counters.moves)):
            moves.add_metric([move.before.value, move.after.value, move.kind.value], counters.moves[move])
        yield moves
        refusals = CounterMetricFamily("breaker_refusals", "Permits refused, by cause.", labels=["cause"])
        for cause in dict.fromkeys((*REFUSALS, *counters.refusals)):
            refusals.add_metric([str(cause)], counters.refusals[cause])
        yield refusals
        probes = CounterMetricFamily(
            "breaker_probes", "Calls let through in half-open that ended, by outcome.", labels=["outcome"]
        )
        ended: dict[str, int] = {**dict.fromkeys(PROBES, 0), **counters.probes}
        for outcome, count in ended.items():
            probes.add_metric([str(outcome)], count)
        yield probes
        yield GaugeMetricFamily("breaker_probes_in_flight", "Probes under way.", breaker.get("probes_out", 0))
        yield GaugeMetricFamily(
            "breaker_failures", "What the policy has counted towards refusing (fail_count).", breaker["fail_count"]
        )


def _shadow_metrics(report: dict[str, Any] | None) -> Iterator[Metric]:
    """Yield what the shadow policy would have done, if there is one."""
    if report is None:
        return
    would = GaugeMetricFamily(
        "breaker_shadow_refusals",
        "Calls that the shadow policy would have refused, by result, since the last change of settings.",
        labels=["result"],
    )
    for result, count in report["would_refuse_by_result"].items():
        would.add_metric([result], count)
    yield would
    yield _state_metric("breaker_shadow_state", "1 for the state that the shadow policy is in.", State(report["state"]))


def _state_metric(name: str, documentation: str, state: State) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=["state"])
    for each in State:
        family.add_metric([each.value], float(each is state))
    return family
