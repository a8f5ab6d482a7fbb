"""Fault profiles: what the backend does to requests, as a checked model. No behaviour here."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from inputs.check import check, merge_change
from inputs.model import StrictModel
from inputs.wrong_input import WrongInputError

Chance = Annotated[float, Field(ge=0, le=1)]
Delay = Annotated[float, Field(ge=0, le=3600)]
# Of the letters that a sequence may not have, so many are told.
_NAMED_LETTERS = 10
_MOST_PHASES = 1000
# The pattern is for those who read the schema; the check below says which letters are wrong.
Letters = Annotated[str, Field(json_schema_extra={"pattern": "^[SF]+$"})]
PhaseName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length=40)]


class Latency(StrictModel):
    """How long an answer takes: a distribution with its mean and its spread (standard deviation), in seconds."""

    distribution: Literal["constant", "uniform", "exponential", "lognormal"] = "constant"
    mean_s: Delay = Field(0.0, description="mean, seconds")
    spread_s: Delay | None = Field(
        None, description="standard deviation, seconds; uniform and lognormal only (default: none)"
    )

    @model_validator(mode="after")
    def _spread_fits(self) -> Self:
        if self.spread_s is None:
            if self.distribution in ("uniform", "lognormal"):
                raise ValueError(f"spread_s: missing; a {self.distribution} latency needs it")
        elif self.distribution == "constant" and self.spread_s != 0:
            raise ValueError(f"spread_s: got {self.spread_s:g}; a constant latency has no spread")
        elif self.distribution == "exponential" and self.spread_s != self.mean_s:
            raise ValueError(
                f"spread_s: got {self.spread_s:g}; an exponential latency's spread is its mean: leave it out"
            )
        elif self.distribution == "uniform" and self.spread_s > self.mean_s / math.sqrt(3):
            limit = self.mean_s / math.sqrt(3)
            raise ValueError(f"spread_s: got {self.spread_s:g}; allowed: a number <= mean_s / sqrt(3) = {limit:g}")
        elif self.distribution == "lognormal" and self.mean_s == 0:
            raise ValueError("mean_s: got 0; allowed for a lognormal latency: a number > 0")
        elif self.distribution == "lognormal" and self.spread_s > 1000 * self.mean_s:
            limit = 1000 * self.mean_s  # far beyond any use, and far below where its square overflows
            raise ValueError(f"spread_s: got {self.spread_s:g}; allowed: a number <= 1000 * mean_s = {limit:g}")
        return self


class Bursts(StrictModel):
    """Failures in bursts: the Gilbert-Elliott channel whose bad state always fails and whose good state never does."""

    rate: Annotated[float, Field(ge=0, lt=1)] = Field(description="share of failures in the long run")
    # A longer burst makes a draw slower.
    mean_length: Annotated[float, Field(ge=1, le=1000)] = Field(description="mean number of failures in a row")
    hang_share: Chance = Field(0.0, description="share of these failures that are never answered")

    @model_validator(mode="after")
    def _is_a_burst(self) -> Self:
        least = 1 / (1 - self.rate)
        if self.mean_length < least:
            raise ValueError(
                f"mean_length: got {self.mean_length:g}; allowed at rate {self.rate:g}: a number >= {least:g}, "
                "the mean run of independent failures"
            )
        return self


class ExactRatio(StrictModel):
    """Exactly `failures` of every `of` consecutive requests fail; each block is drawn separately."""

    failures: int = Field(ge=0, le=1000)
    of: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.failures > self.of:
            raise ValueError(f"failures: got {self.failures}; allowed: a number <= of = {self.of}")
        return self


class CapacityLimit(StrictModel):
    """A limited number of workers with a queue in front of them; if the queue is full, the answer is 503 at once."""

    workers: int = Field(ge=1, le=10_000)
    queue: int = Field(10_000, ge=0, le=1_000_000, description="places to wait in, first come, first served")


class FaultProfile(StrictModel):
    """What the backend does to requests. By default, all succeed at once.

    At most one of `error_rate`, `bursts`, `sequence` and `exact_ratio` decides which requests get `error_status`.
    """

    error_rate: Chance = Field(0.0, description="share of requests that fail, independently of each other")
    error_status: int = Field(500, ge=400, le=599, description="status of a failed answer")
    retry_after_s: Annotated[int, Field(ge=0, le=86_400)] | None = Field(
        None, description="Retry-After of a failed answer, whole seconds; none: no such header"
    )
    bursts: Bursts | None = None
    sequence: Annotated[Letters, StringConstraints(min_length=1, max_length=100_000)] | None = Field(
        None, description="S and F: success or failure of requests 1, 2, 3, ...; success after its end"
    )
    exact_ratio: ExactRatio | None = None
    latency: Latency = Latency()
    hang_rate: Chance = Field(0.0, description="share of requests that are never answered")
    reset_rate: Chance = Field(0.0, description="share of requests whose connection is reset after the work")
    unreachable: bool = Field(default=False, description="reset every connection at once, without any work")
    capacity: CapacityLimit | None = Field(None, description="none: unlimited workers")

    @model_validator(mode="after")
    def _one_source_of_errors(self) -> Self:
        if self.sequence is not None:
            strange = sorted(set(self.sequence) - {"S", "F"})
            if strange:
                found = ", ".join(repr(letter) for letter in strange[:_NAMED_LETTERS])
                more = f" and {len(strange) - _NAMED_LETTERS:,} more" if len(strange) > _NAMED_LETTERS else ""
                raise ValueError(f"sequence: got the letters {found}{more}; allowed: S (success) and F (failure)")
        sources = [name for name in ("bursts", "sequence", "exact_ratio") if getattr(self, name) is not None]
        if self.error_rate > 0:
            sources.insert(0, "error_rate")
        if len(sources) > 1:
            raise ValueError(f"{' and '.join(sources)}: only one of them may decide which requests fail")
        if self.hang_rate + self.reset_rate > 1:
            both = self.hang_rate + self.reset_rate
            raise ValueError(f"hang_rate + reset_rate: got {both:g}; allowed: a sum <= 1")
        return self

    @property
    def hangs(self) -> bool:
        """Whether some requests are never answered."""
        return self.hang_rate > 0 or (self.bursts is not None and self.bursts.hang_share > 0)


class Phase(StrictModel):
    """A fault profile for a time. Phases of the same name belong together."""

    name: PhaseName = Field("", description="what it is called in a report; none: nothing worth a name")
    duration_s: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None,
        description="seconds; may be left out in the last phase, which lasts until the faults are changed",
    )
    profile: FaultProfile = FaultProfile()


class FaultPlan(StrictModel):
    """Phases one after the other, and the seed of the weather. The last phase lasts."""

    seed: int = Field(0, ge=0, le=2**63 - 1, description="seed of every draw")
    phases: tuple[Phase, ...] = Field((Phase(),), min_length=1, max_length=_MOST_PHASES)

    @field_validator("phases", mode="before")
    @classmethod
    def _not_too_many(cls, value: Any) -> Any:
        """Refuse them before each is looked at, which pydantic would do first."""
        if isinstance(value, (list, tuple)) and len(value) > _MOST_PHASES:
            raise ValueError(f"allowed: at most {_MOST_PHASES:,} phases, not {len(value):,}")
        return value

    @model_validator(mode="after")
    def _only_the_last_is_endless(self) -> Self:
        for index, phase in enumerate(self.phases[:-1]):
            if phase.duration_s is None:
                raise ValueError(f"phases.{index}.duration_s: missing; only the last phase may leave it out")
        return self

    def profile_at(self, elapsed_s: float) -> FaultProfile:
        """Return the profile `elapsed_s` seconds after the plan was set."""
        end = 0.0
        for phase in self.phases:
            end += phase.duration_s or math.inf
            if elapsed_s < end:
                return phase.profile
        return self.phases[-1].profile


class OnePhase(FaultProfile):
    """A plan with one endless phase: a profile with an optional seed."""

    seed: int = Field(0, ge=0, le=2**63 - 1, description="seed of every draw")

    def plan(self) -> FaultPlan:
        """Return the plan of one endless phase."""
        profile = FaultProfile.model_validate(self.model_dump(exclude={"seed"}))
        return FaultPlan(seed=self.seed, phases=(Phase(profile=profile),))


def as_body(plan: FaultPlan) -> dict[str, Any]:
    """Return a plan in the form that `PUT /faults` takes: flat if it has one endless phase without a name."""
    only = plan.phases[0]
    if len(plan.phases) == 1 and only.duration_s is None and not only.name:
        return {"seed": plan.seed, **only.profile.model_dump(mode="json")}
    return plan.model_dump(mode="json")


def plan_from(body: dict[str, Any]) -> FaultPlan:
    """Read a plan from JSON: {"phases": [...]}, or a profile. Raises WrongInputError."""
    return check(body, FaultPlan) if "phases" in body else check(body, OnePhase).plan()


def changed_body(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a plan with `change` applied. Raises WrongInputError."""
    if "phases" in old and "phases" not in change:
        strange = sorted(set(change) - set(FaultPlan.model_fields))
        if strange:
            detail = f"{strange[0]}: the current plan has phases; use PUT /faults to replace it"
            raise WrongInputError([{"field": strange[0], "value": None, "detail": detail}])
    if "phases" in change and "phases" not in old:
        return {"seed": old["seed"], **change}
    return merge_change(old, change)
