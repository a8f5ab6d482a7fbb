"""Prometheus metrics of the client, read from its book when they are asked for."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from client.breakers.interface import State
from client.counters import BUCKETS_S, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from client.core import Client
    from client.counters import Counters


class Metrics(Collector):
    """Exports `counters` and the state of `client`; every label has a small, fixed set of values."""

    def __init__(self, client: Client, counters: Counters) -> None:
        self._client = client
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it stands."""
        counters = self._counters
        calls = CounterMetricFamily("client_calls", "Protected calls that ended.", labels=["outcome", "served"])
        for (outcome, served), tally in counters.tallies.items():
            calls.add_metric([outcome.value, served.value], tally.calls)
        yield calls
        yield self._durations()
        yield CounterMetricFamily("client_backend_calls", "Calls sent to the backend.", counters.backend_calls)
        refusals = CounterMetricFamily("breaker_refusals", "Calls refused, by cause.", labels=["cause"])
        for cause, count in counters.refusals.items():
            refusals.add_metric([cause], count)
        yield refusals
        moves = CounterMetricFamily("breaker_transitions", "Changes of state.", labels=["before", "after"])
        for (before, after), count in counters.moves.items():
            moves.add_metric([before.value, after.value], count)
        yield moves
        state = GaugeMetricFamily("breaker_state", "1 for the state the breaker is in.", labels=["state"])
        for each in State:
            state.add_metric([each.value], float(self._client.breaker.state is each))
        yield state
        yield from self._shadow()

    def _shadow(self) -> Iterator[Metric]:
        """Yield what a tried policy would have done, where there is one."""
        report = self._client.snapshot().get("shadow_report")
        if report is None:
            return
        would = GaugeMetricFamily(
            "breaker_shadow_refusals",
            "Calls that the tried policy would have refused, by how they ended, since the settings changed.",
            labels=["result"],
        )
        for result, count in report["would_refuse_by_result"].items():
            would.add_metric([result], count)
        yield would
        state = GaugeMetricFamily("breaker_shadow_state", "1 for the state the tried policy is in.", labels=["state"])
        for each in State:
            state.add_metric([each.value], float(report["state"] == each))
        yield state

    def _durations(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily("client_call_duration_seconds", "Time to the answer.", labels=["outcome"])
        by_outcome: dict[str, list[Tally]] = {}
        for (ended, _), tally in self._counters.tallies.items():
            by_outcome.setdefault(ended.value, []).append(tally)
        bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
        for name, tallies in by_outcome.items():
            counts = [sum(column) for column in zip(*(tally.buckets for tally in tallies), strict=True)]
            family.add_metric(
                [name],
                buckets=list(zip(bounds, accumulate(counts), strict=True)),
                sum_value=sum(tally.sum_s for tally in tallies),
            )
        return family
