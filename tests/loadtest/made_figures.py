"""Figures made by hand, for tests that look at a few of them: what a test does not name is nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from client.pipeline.call import Outcome
from loadtest.figures.summary import fold
from loadtest.records.measured import Measured
from loadtest.records.summary import ArmSummary, RunFigures
from loadtest.scenario.arm_figures import PhaseFigures, WrongRefusals

EMPTY = fold(Measured("with", [], [], [], []))


def outcomes(**counts: int) -> dict[Outcome, int]:
    """Return the count of every outcome."""
    return {each: counts.get(each, 0) for each in Outcome}


def arm_summary(**values: Any) -> ArmSummary:
    """Return an arm of which nothing was measured but these figures."""
    return replace(EMPTY, **values)


def run_figures(seed: int, **values: Any) -> RunFigures:
    """Return one run of which nothing was measured but these figures."""
    main = {name: getattr(EMPTY, name) for name in vars(EMPTY) if name in RunFigures.__dataclass_fields__}
    return RunFigures(**{**main, "seed": seed, **values})


def phase_figures(**values: Any) -> PhaseFigures:
    """Return one group of phases of which nothing was measured but these figures."""
    main = {name: getattr(EMPTY, name) for name in vars(EMPTY) if name in PhaseFigures.__dataclass_fields__}
    return PhaseFigures(**{**main, "false_positives": WrongRefusals(0), **values})
