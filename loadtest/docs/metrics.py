"""Every metric of both services, collected from the services' own registries: name, type, labels, help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.core import Backend
from backend.metrics import BackendCollector
from client.breakers import policies
from client.core import Client
from client.observe.counters import Counters
from client.observe.metrics import Metrics
from client.pipeline.call import Answer
from client.pipeline.order import CallSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric

    from client.pipeline.call import Call

_HEAD = ["metric", "type", "labels", "meaning"]
_SUFFIXES = {"counter": "_total", "info": "_info"}


def client_table() -> list[list[str]]:
    """Return the table of the client's metrics; it tries a policy, since that has metrics of its own."""
    tries = CallSettings.model_validate({"breaker": {"shadow": {"policy": next(iter(policies()))}}})
    return [_HEAD, *_rows(Metrics(Client(tries, _answer_at_once, clock=lambda: 0.0), Counters()).collect())]


def backend_table() -> list[list[str]]:
    """Return the table of the backend's metrics."""
    return [_HEAD, *_rows(BackendCollector(Backend(clock=lambda: 0.0)).collect())]


async def _answer_at_once(_: Call) -> Answer:
    return Answer(200, b"")


def _rows(families: Iterable[Metric]) -> Iterator[list[str]]:
    for family in families:
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
        name = family.name + _SUFFIXES.get(family.type, "")
        yield [f"`{name}`", family.type, ", ".join(f"`{label}`" for label in labels), family.documentation]
