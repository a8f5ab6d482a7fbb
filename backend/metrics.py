"""The backend's statistics as Prometheus metrics, read when they are scraped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from backend.stats import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from backend.core import Backend


class BackendCollector(Collector):
    """Reads the counts where they are kept, so that nothing is counted twice."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        stats = self._backend.stats
        answered = CounterMetricFamily("backend_requests", "Requests that left, by outcome.", labels=["outcome"])
        for outcome in OUTCOMES:
            answered.add_metric([outcome], stats.outcomes[outcome])
        yield answered
        yield CounterMetricFamily("backend_busy_seconds", "Worker-seconds used.", value=stats.busy_s)
        yield GaugeMetricFamily("backend_in_flight", "Requests inside now.", value=stats.in_flight)
        yield GaugeMetricFamily("backend_queue_length", "Requests waiting.", value=self._backend.capacity.waiting)
