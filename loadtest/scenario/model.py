"""The model that checks scenario files: load over time, faults over time, arms, and expectations."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from backend.profile import FaultPlan, OnePhase
from client.breakers import policies
from client.pipeline.order import CallSettings, parts_of
from inputs.model import StrictModel
from inputs.wrong_input import WrongInputError, closest
from loadtest.scenario.arm_figures import figure_names
from loadtest.scenario.load.segment import Segment  # noqa: TC001 - pydantic reads the annotation
from loadtest.scenario.phases import groups, reserved_names, spans

if TYPE_CHECKING:
    from client.breakers.policy import PolicySettings

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
FigurePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200)]


def _faults_form(value: Any) -> str:
    has_phases = isinstance(value, FaultPlan) or (isinstance(value, dict) and "phases" in value)
    return "<phases>" if has_phases else "<profile>"


Faults = Annotated[
    Annotated[FaultPlan, Tag("<phases>")] | Annotated[OnePhase, Tag("<profile>")], Discriminator(_faults_form)
]


class Arm(CallSettings):
    """One client configuration. With its own load or faults, it is not compared with the others."""

    about: str = ""
    documented: bool = Field(default=False, description="whether the reference document gives its figures")
    load: tuple[Segment, ...] | None = Field(None, min_length=1)
    faults: Faults | None = None

    @property
    def guarded(self) -> bool:
        """Whether a breaker is in charge."""
        return self.breaker.policy not in ("off", "shadow")

    @property
    def decides(self) -> bool:
        """Whether the policy in charge decides by what it sees: not if there is none, or it is fixed."""
        return bool(policies()[self.breaker.policy].reads())

    def call_settings(self, seed: int) -> CallSettings:
        """Return only the client's settings; the breakers draw with the run's seed, unless they have their own."""
        breaker = _seed_breaker(self.breaker, seed)
        if breaker.shadow is not None:
            breaker = breaker.model_copy(update={"shadow": _seed_breaker(breaker.shadow, seed)})
        return CallSettings(**{**parts_of(self), "breaker": breaker})


def _seed_breaker(breaker: PolicySettings, seed: int) -> PolicySettings:
    return breaker.model_copy(update={"seed": seed}) if breaker.seed is None else breaker


class Bound(StrictModel):
    """Limits of a figure of the summary: a minimum, a maximum or both."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("min: missing; a bound needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: got {self.min:g}; allowed: a number <= max = {self.max:g}")
        return self


class Scenario(StrictModel):
    """All that a run needs: the load and the weather of all arms, the arms, and what is expected of them."""

    name: Slug
    title: str = Field(min_length=1, max_length=200, pattern=r"^[^\r\n]*$")
    about: str = ""
    seed: int = Field(1, ge=0, le=2**63 - 1, description="seed of load and weather, unless the run is given others")
    pinned: str = Field("", description="how the seed was chosen, if it was not chosen freely")
    baseline: str | None = Field(None, description="the arm that the others are compared with")
    document: Slug | None = Field(
        None, description="the experiment of the reference document that the figures are compared with"
    )
    load: tuple[Segment, ...] = ()
    faults: Faults = OnePhase()
    arms: dict[Slug, Arm] = Field(min_length=1)
    expect: dict[str, dict[FigurePath, Bound]] = Field({}, description="bounds on figures of the summary, arm by arm")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for name, arm in self.arms.items():
            if not (arm.load or self.load):
                raise ValueError(f"load: missing; arm {name!r} has none of its own")
        for name in self.expect:
            if name not in self.arms:
                raise ValueError(f"expect.{name:.80}: no such arm{closest(name, self.arms)}")
            self._check_figures(name)
        if self.baseline is not None and self.baseline not in self.arms:
            raise ValueError(f"baseline: no such arm: {self.baseline!r:.80}{closest(self.baseline, self.arms)}")
        return self

    def _check_figures(self, arm: str) -> None:
        phases = groups(spans(self.plan_of(arm, self.seed)))
        known = figure_names(phases)
        for figure in self.expect[arm]:
            if figure in known:
                continue
            top, _, rest = figure.partition(".")
            phase = rest.partition(".")[0]
            if top == "phases" and phase not in phases:
                there = f"allowed: {', '.join(phases)}" if phases else "no phase of this arm's faults has a name"
                raise ValueError(f"expect.{arm}.{figure}: no phase {phase!r}{closest(phase, phases)}; {there}")
            raise ValueError(f"expect.{arm}.{figure}: no such figure{closest(figure, known)}")

    @model_validator(mode="after")
    def _check_phase_names(self) -> Self:
        for faults in (self.faults, *(arm.faults for arm in self.arms.values())):
            names = [phase.name for phase in faults.phases] if isinstance(faults, FaultPlan) else []
            for name in reserved_names(names):
                raise ValueError(
                    f"faults.phases: got the name {name!r}; allowed: any but 'before', 'overall' and 'after-...', "
                    "which a report uses for the quiet time and for the whole run"
                )
        return self

    @model_validator(mode="after")
    def _check_timeouts(self) -> Self:
        for name, arm in self.arms.items():
            hanging = [phase.profile for phase in self.plan_of(name, self.seed).phases if phase.profile.hangs]
            if hanging and arm.timeout.total_s is None:
                what = "hang_rate" if hanging[0].hang_rate else "hang_share"
                raise ValueError(
                    f"arms.{name}.timeout.total_s: got none; allowed with a {what} in the faults: a number of "
                    "seconds, since a request that hangs is never answered"
                )
        return self

    def load_of(self, arm: str) -> tuple[Segment, ...]:
        """Return the load that `arm` meets."""
        return self.arms[arm].load or self.load

    def plan_of(self, arm: str, seed: int) -> FaultPlan:
        """Return the faults that `arm` meets, with the run's seed."""
        faults = self.arms[arm].faults or self.faults
        plan = faults if isinstance(faults, FaultPlan) else faults.plan()
        return plan.model_copy(update={"seed": seed})

    def weather_hash(self, arm: str, seed: int) -> str:
        """Return a hash of the load and faults that `arm` meets: equal for arms that may be compared.

        Fields at their defaults are left out, so that a field that is new does not change the hashes of older runs.
        """
        load = "".join(segment.model_dump_json(exclude_defaults=True) for segment in self.load_of(arm))
        plan = self.plan_of(arm, seed).model_dump_json(exclude_defaults=True)
        return sha256((load + plan).encode()).hexdigest()[:16]

    def choose_arms(self, wanted: list[str]) -> list[str]:
        """Return the arms to run, in the file's order; all if none is named. Raises WrongInputError."""
        for name in wanted:
            if name not in self.arms:
                detail = f"arm: got {name!r:.80}; allowed in {self.name}: {', '.join(self.arms)}"
                raise WrongInputError([{"field": "arm", "value": name, "detail": detail}])
        return [name for name in self.arms if not wanted or name in wanted]


def choose_arm(scenario: Scenario, wanted: str | None) -> str:
    """Return the arm to vary: the given one, else the first with a breaker. Raises WrongInputError."""
    if wanted is not None:
        return scenario.choose_arms([wanted])[0]
    for name, arm in scenario.arms.items():
        if arm.guarded:
            return name
    detail = f"arm: missing; no arm of {scenario.name} has a breaker, so choose one with --arm"
    raise WrongInputError([{"field": "arm", "value": None, "detail": detail}])
