"""The shape of summary.json: what a run says, folded from its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from loadtest.records.comparison import Comparison, Verdicts  # noqa: TC001 - pydantic reads the annotations
from loadtest.scenario.arm_figures import ArmFigures, PhaseFigures, TotalFigures
from loadtest.scenario.quantities import describe


@dataclass(frozen=True, kw_only=True)
class OneSeed:
    """What belongs to one seed."""

    seed: Annotated[int, describe("the run's seed")]


@dataclass(frozen=True, kw_only=True)
class RunFigures(TotalFigures, OneSeed):  # the fields of the last base come first
    """The main figures of one arm with one seed."""

    phases: Annotated[
        dict[str, PhaseFigures] | None,
        describe("the requests of each group of phases; absent where no phase has a name"),
    ] = None


@dataclass(frozen=True)
class ShadowFigures:
    """What a policy that was only tried would have done."""

    would_refuse: Annotated[int, describe("calls that it would have refused", "calls")]
    of_which_succeeded: Annotated[int, describe("those of them that succeeded", "calls")]


@dataclass(frozen=True, kw_only=True)
class ArmSummary(ArmFigures):
    """Everything that a summary has of an arm, over all its seeds and seed by seed."""

    shadow: Annotated[
        ShadowFigures | None, describe("what a policy tried in the shadow would have done; absent where none was")
    ] = None
    runs: Annotated[
        list[RunFigures], describe("the main figures seed by seed; absent in a reference without its rows")
    ] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """Something that has to hold."""

    name: Annotated[str, describe("what is checked")]
    ok: Annotated[bool, describe("whether it holds")]
    detail: Annotated[str, describe("what was compared, in figures")]
    caution: Annotated[str, describe("what to know although it holds; absent if there is nothing")] = ""


@dataclass(frozen=True)
class DocumentFigure:
    """A figure of the reference document beside the measured one."""

    name: Annotated[str, describe("which figure")]
    value: Annotated[float | str, describe("the document's, in `unit`, or a printed line")]
    measured: Annotated[float | str | None, describe("the measured one; null where there is none")]
    unit: Annotated[str, describe("'%', 's', what is counted, or nothing")]
    tolerance: Annotated[str, describe("how far apart they may be, in words")]
    deviation: Annotated[float | None, describe("measured minus value, in `unit`; null for text")]
    within: Annotated[bool, describe("whether it is within its tolerance")]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run says."""

    schema: Annotated[Literal[1], describe("version of this shape")]
    scenario: Annotated[str, describe("name of the scenario")]
    engine: Annotated[Literal["live", "virtual"], describe("what ran it")]
    complete: Annotated[bool, describe("whether every arm ran to its end with every seed")]
    seeds: Annotated[list[int], describe("seeds of the run, as it was asked for")]
    arms: Annotated[dict[str, ArmSummary], describe("the figures of each arm, by its name")]
    comparison: Annotated[
        Comparison | None, describe("the arms beside the baseline; null where there is nothing to compare")
    ]
    verdicts: Annotated[
        Verdicts | None, describe("who helped and who harmed; absent where the faults have no named phases")
    ] = None
    document: Annotated[list[DocumentFigure], describe("figures of the reference document beside the measured ones")]
    validity: Annotated[list[Check], describe("whether the run can be trusted")]
    expect: Annotated[list[Check], describe("whether it is as its scenario expects")]
    headline: Annotated[str, describe("the answer in two sentences; absent until there is one")] = ""
