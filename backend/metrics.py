"""The backend's statistics as Prometheus metrics, read when they are scraped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from backend.stats import INJECTED, OUTCOMES
from service.observe.tally import add_durations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from backend.core import Backend


class BackendCollector(Collector):
    """Reads the counts of the backend, so that nothing is counted twice."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def collect(self) -> Iterator[Metric]:
        """Yield the families; every label has a small, fixed set of values."""
        stats, capacity = self._backend.stats, self._backend.capacity
        left = CounterMetricFamily(
            "backend_requests",
            "Requests that ended, by outcome (queue_full: refused by the full queue).",
            labels=["outcome"],
        )
        durations = HistogramMetricFamily(
            "backend_request_duration_seconds", "Time from arrival to end of a request, by outcome.", labels=["outcome"]
        )
        for outcome in OUTCOMES:
            left.add_metric([outcome], stats.outcomes.get(outcome, 0))
            add_durations(durations, outcome, [stats.durations[outcome]] if outcome in stats.durations else [])
        yield left
        yield durations
        injected = CounterMetricFamily(
            "backend_faults_injected", "Faults that the profile injected, by kind.", labels=["kind"]
        )
        for kind in INJECTED:
            injected.add_metric([kind], stats.injected[kind])
        yield injected
        yield CounterMetricFamily(
            "backend_injected_delay_seconds", "Total latency that the profile injected.", value=stats.delay_s
        )
        yield CounterMetricFamily("backend_busy_seconds", "Worker-seconds used.", value=stats.busy_s)
        yield GaugeMetricFamily("backend_requests_in_flight", "Requests in flight.", value=stats.in_flight)
        yield GaugeMetricFamily("backend_busy_workers", "Workers in use now.", value=capacity.busy)
        yield GaugeMetricFamily("backend_queue_length", "Requests waiting for a worker.", value=capacity.waiting)
