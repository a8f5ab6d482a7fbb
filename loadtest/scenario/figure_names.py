"""The names of an arm's figures, which a scenario may bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import State
from client.pipeline.call import Outcome, Served

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTCOMES = tuple(each.value for each in Outcome)
SERVED = tuple(each.value for each in Served)
STATES = tuple(each.value for each in State)
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
# Plain figures of one group of phases; see loadtest.scenario.phases.
PHASE_FIGURES = (
    "requests",
    "success_rate",
    "backend_calls",
    "fast_fail_rate",
    "timeout_rate",
    "mean_response_s",
    "in_flight_s",
)


def figure_names(phases: Sequence[str] = ()) -> list[str]:
    """Every figure of an arm's summary, as a dotted path; `transitions` stands for how many there are.

    `phases`: the groups of the arm's faults, which have figures of their own.
    """
    plain = (
        *("requests", "success_rate", "backend_calls", "backend_success_rate", "fast_fail_rate", "timeout_rate"),
        *(
            "mean_response_s",
            "mean_backend_response_s",
            "in_flight_s",
            "backend_busy_s",
            "client_cpu_s",
            "trips",
            "transitions",
        ),
        "recovery_delay_s",
    )
    parts: dict[str, Sequence[str]] = {
        "outcomes": OUTCOMES,
        "served": SERVED,
        "time_in_state_s": STATES,
        "half_open": ("probes", "successes"),
        "false_positives": ("fast_fails", "trips"),
        **{
            f"{kind}.{name}": tuple(QUANTILES)
            for kind in ("latency_s", "intended_latency_s")
            for name in ("all", *OUTCOMES)
        },
    }
    phase = (*PHASE_FIGURES, *(f"outcomes.{name}" for name in OUTCOMES), "false_positives.fast_fails")
    return [
        *plain,
        *(f"{group}.{name}" for group, names in parts.items() for name in names),
        *(f"phases.{group}.{name}" for group in phases for name in phase),
    ]
