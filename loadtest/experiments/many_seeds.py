"""The shape of seeds.json: what a scenario gives over many seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from loadtest.records.comparison import PairedFigure  # noqa: TC001 - pydantic reads the annotation
from loadtest.scenario.quantities import SHARE, describe


@dataclass(frozen=True)
class ShareOfRuns:
    """How many of the runs, as a share."""

    share: Annotated[float, describe("the share", SHARE)]
    interval: Annotated[list[float], describe("its exact 95 % interval, [low, high]", SHARE)]


@dataclass(frozen=True)
class SeedDistribution:
    """Where a pinned run stands among all that its scenario could have given."""

    seeds: Annotated[str, describe("the seeds, such as 1-500")]
    conditions: Annotated[str, describe("hash of what the figures depend on: load, faults and arms")]
    runs: Annotated[int, describe("how many seeds these are", "runs")]
    never_tripped: Annotated[dict[str, int], describe("runs that never tripped, by arm with a breaker", "runs")]
    share_tripped: Annotated[dict[str, ShareOfRuns], describe("share of the others, by arm")]
    figures: Annotated[dict[str, list[float]], describe("figures of the document: a value for each seed")]
    paired: Annotated[
        dict[str, dict[str, PairedFigure]], describe("figures of each arm beside the baseline's, that have an interval")
    ]
