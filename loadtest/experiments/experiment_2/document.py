"""The figures of Experiment 2: the document's table, without and with a breaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.pipeline.call import Outcome
from loadtest.figures.document import exact_count, seconds, share_in_percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtest.records.summary import ArmSummary, DocumentFigure


def compare(arms: Mapping[str, ArmSummary]) -> list[DocumentFigure]:
    """Hold the arms `without` and `with` against the document's Experiment 2."""
    if not {"without", "with"} <= set(arms):
        return []
    plain, guarded = arms["without"], arms["with"]
    saved = (1 - guarded.in_flight_s / plain.in_flight_s) if plain.in_flight_s else None
    failed = plain.outcomes[Outcome.ERROR] / plain.requests if plain.requests else None
    return [
        exact_count("without: total requests", 100, plain.requests, "requests"),
        share_in_percent("without: success rate", 42, plain.success_rate),
        seconds("without: average response time", 1.8, plain.mean_response_s),
        share_in_percent("without: timeout rate", 18, plain.timeout_rate),
        share_in_percent("without: failed requests", 40, failed),
        exact_count("with: total requests", 100, guarded.requests, "requests"),
        share_in_percent("with: success rate of actual backend calls", 45, guarded.backend_success_rate),
        share_in_percent("with: fast-fail rate", 35, guarded.fast_fail_rate),
        seconds("with: average response time", 0.6, guarded.mean_response_s),
        share_in_percent("with: timeout rate", 0, guarded.timeout_rate),
        share_in_percent("resource utilization, lower by", 60, saved),
    ]
