"""A stretch of load, and the shapes that it can have. A shape is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from inputs.model import StrictModel
from loadtest.scenario.load import constant, poisson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtest.scenario.load.shape import Shape


SHAPES: Mapping[str, Shape] = {"constant": constant, "poisson": poisson}


def _is_shape(name: str) -> str:
    if name not in SHAPES:
        raise ValueError(f"allowed: {', '.join(SHAPES)}")
    return name


class Segment(StrictModel):
    """A stretch of load: `requests` arrivals at a rate, after a pause."""

    requests: int = Field(ge=1, le=10_000_000, description="number of arrivals")
    rate_per_s: float = Field(ge=1e-3, le=100_000, description="arrivals per second")
    arrivals: Annotated[str, AfterValidator(_is_shape)] = Field("constant", description="how they follow each other")
    pause_s: float = Field(0.0, ge=0, le=86_400, description="seconds without arrivals before the first one")
