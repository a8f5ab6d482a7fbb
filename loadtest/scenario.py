"""Scenario files: load over time, faults over time, arms, what is expected. TOML, checked by a model."""

from __future__ import annotations

import os
import tomllib
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from backend.profile import FaultPlan, OnePhase
from client.breakers import policies
from client.breakers.settings import PolicySettings, refuse_unread
from client.settings import CallSettings
from loadtest.phases import groups, spans, taken
from loadtest.summary import figure_names
from service.model import StrictModel
from service.problems import check
from service.wrong_input import WrongInputError, closest

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Policy = TypeVar("Policy", bound=PolicySettings)
FigurePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200)]


def _form(value: Any) -> str:
    has_phases = isinstance(value, FaultPlan) or (isinstance(value, dict) and "phases" in value)
    return "<phases>" if has_phases else "<profile>"


Faults = Annotated[Annotated[FaultPlan, Tag("<phases>")] | Annotated[OnePhase, Tag("<profile>")], Discriminator(_form)]


class Segment(StrictModel):
    """A stretch of load: `requests` arrivals at a rate, after a pause."""

    requests: int = Field(ge=1, le=10_000_000)
    rate_per_s: float = Field(ge=1e-3, le=100_000, description="arrivals per second")
    arrivals: Literal["constant", "poisson"] = "constant"
    pause_s: float = Field(0.0, ge=0, le=86_400, description="seconds without arrivals before the first one")


class Arm(CallSettings):
    """One client configuration. May bring a load and faults of its own, and is then not compared with the others."""

    about: str = ""
    load: tuple[Segment, ...] | None = Field(None, min_length=1)
    faults: Faults | None = None

    @model_validator(mode="after")
    def _policy_reads_what_is_given(self) -> Self:
        refuse_unread(self.breaker)
        return self

    @property
    def guarded(self) -> bool:
        """Whether a breaker is in charge at all."""
        return self.breaker.policy not in ("off", "shadow")

    @property
    def decides(self) -> bool:
        """Whether the policy in charge goes by what it sees: neither none, nor one that is fixed."""
        return bool(policies()[self.breaker.policy].reads)

    def call(self, seed: int) -> CallSettings:
        """Return the client's settings alone; the breakers' draws follow the run's seed, unless they have their own."""
        breaker = _seeded(self.breaker, seed)
        if breaker.shadow is not None:
            breaker = breaker.model_copy(update={"shadow": _seeded(breaker.shadow, seed)})
        return CallSettings(breaker=breaker, timeout=self.timeout, fallback=self.fallback)


def _seeded(breaker: Policy, seed: int) -> Policy:
    return breaker.model_copy(update={"seed": seed}) if breaker.seed is None else breaker


class Bound(StrictModel):
    """What a figure of the summary must be; at least one side."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("min: missing; a bound needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: got {self.min:g}; allowed: a number <= max = {self.max:g}")
        return self


# The arms whose figures stand in the reference document.
_DOCUMENTED = {"experiment-1": ("replay",), "experiment-2": ("without", "with")}


class Scenario(StrictModel):
    """What is run: the load and the weather of all arms, the arms, and what is expected of them."""

    name: Slug
    title: str = Field(min_length=1, max_length=200, pattern=r"^[^\r\n]*$")
    about: str = ""
    seed: int = Field(1, ge=0, le=2**63 - 1, description="seed of load and weather, unless the run is given others")
    pinned: str = Field("", description="how the seed was chosen, where it was not chosen freely")
    baseline: str | None = Field(None, description="the arm that the others are compared with")
    document: Literal["experiment-1", "experiment-2"] | None = Field(
        None, description="the experiment of the reference document that the figures are held against"
    )
    load: tuple[Segment, ...] = ()
    faults: Faults = OnePhase()
    arms: dict[Slug, Arm] = Field(min_length=1)
    expect: dict[str, dict[FigurePath, Bound]] = Field({}, description="bounds on figures of the summary, arm by arm")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, arm in self.arms.items():
            if not (arm.load or self.load):
                raise ValueError(f"load: missing; arm {name!r} has none of its own")
        for name in self.expect:
            if name not in self.arms:
                raise ValueError(f"expect.{name}: no such arm{closest(name, self.arms)}")
            self._figures_exist(name)
        for name in _DOCUMENTED.get(self.document or "", ()):
            if name not in self.arms:
                raise ValueError(
                    f"document: got {self.document!r}, whose figures are of an arm {name!r}; there is none"
                )
        if self.baseline is not None and self.baseline not in self.arms:
            raise ValueError(f"baseline: no such arm: {self.baseline!r}{closest(self.baseline, self.arms)}")
        return self

    def _figures_exist(self, arm: str) -> None:
        phases = groups(spans(self.plan_of(arm, self.seed)))
        known = figure_names(phases)
        for figure in self.expect[arm]:
            if figure in known:
                continue
            top, _, rest = figure.partition(".")
            phase = rest.partition(".")[0]
            if top == "phases" and phase not in phases:
                there = f"there are: {', '.join(phases)}" if phases else "the faults of this arm name none"
                raise ValueError(f"expect.{arm}.{figure}: no phase {phase!r}{closest(phase, phases)}; {there}")
            raise ValueError(f"expect.{arm}.{figure}: no such figure{closest(figure, known)}")

    @model_validator(mode="after")
    def _phases_are_told_apart(self) -> Self:
        for faults in (self.faults, *(arm.faults for arm in self.arms.values())):
            names = [phase.name for phase in faults.phases] if isinstance(faults, FaultPlan) else []
            for name in taken(names):
                raise ValueError(
                    f"faults.phases: got the name {name!r}; allowed: any but 'before', 'overall' and 'after-...', "
                    "which a report gives to the quiet time and to the whole"
                )
        return self

    @model_validator(mode="after")
    def _ends(self) -> Self:
        for name, arm in self.arms.items():
            hangs = any(phase.profile.hang_rate > 0 for phase in self.plan_of(name, self.seed).phases)
            if hangs and arm.timeout.total_s is None:
                raise ValueError(
                    f"arms.{name}.timeout.total_s: got none; allowed where the faults have a hang_rate: a number of "
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
        """Name all that `arm` meets from outside: equal for arms that may be compared."""
        load = "".join(segment.model_dump_json() for segment in self.load_of(arm))
        return sha256((load + self.plan_of(arm, seed).model_dump_json()).encode()).hexdigest()[:16]

    def choose_arms(self, wanted: list[str]) -> list[str]:
        """Return the arms to run, in the file's order; all where none is named. Raises WrongInputError."""
        for name in wanted:
            if name not in self.arms:
                detail = f"arm: got {name!r}; allowed in {self.name}: {', '.join(self.arms)}"
                raise WrongInputError([{"field": "arm", "value": name, "detail": detail}])
        return [name for name in self.arms if not wanted or name in wanted]


def shipped() -> list[str]:
    """Names of the scenarios that come with the lab."""
    return sorted(Path(each.name).stem for each in _folder().iterdir() if each.name.endswith(".toml"))


def read(name_or_path: str) -> tuple[Scenario, str]:
    """Return a shipped scenario or one from a file, and its text. Raises WrongInputError."""
    if name_or_path in shipped():
        text = (_folder() / f"{name_or_path}.toml").read_text(encoding="utf-8")
        return parse(text, f"{name_or_path}.toml"), text
    path = Path(name_or_path)
    if path.suffix != ".toml" and not os.path.exists(path):  # noqa: PTH110 - Path.exists fails where no file can be
        names = shipped()
        said = f"no shipped scenario{closest(name_or_path, names)}; there are: {', '.join(names)}; or give a .toml file"
        raise _wrong(f"scenario: got {name_or_path!r}; {said}", name_or_path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = str(error.strerror) if isinstance(error, OSError) else "not a text file in UTF-8"
        raise _wrong(f"scenario file {name_or_path}: {said}", name_or_path) from error
    return parse(text, path.name), text


def parse(text: str, file_name: str) -> Scenario:
    """Check the text of a scenario file. Raises WrongInputError, which names the file and the field."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(f"{file_name}: not TOML: {error}", None) from error
    except (ValueError, RecursionError) as error:
        raise _wrong(f"{file_name}: not TOML: a number is too long, or brackets are too deep", None) from error
    for place, faults in _faults_in(values):
        if "seed" in faults:
            raise _wrong(f"{file_name}: {place}.seed: unknown key; the scenario's own seed, at its top, serves", None)
    try:
        return check(values, Scenario)
    except WrongInputError as error:
        for problem in error.problems:
            problem["detail"] = f"{file_name}: {problem['detail']}"
        raise WrongInputError(error.problems) from error


def _faults_in(values: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    arms = values.get("arms")
    places = {"faults": values.get("faults")}
    if isinstance(arms, dict):
        places |= {f"arms.{name}.faults": arm.get("faults") for name, arm in arms.items() if isinstance(arm, dict)}
    return [(place, faults) for place, faults in places.items() if isinstance(faults, dict)]


def _folder() -> Any:
    return resources.files("loadtest") / "scenarios"


def _wrong(detail: str, value: Any) -> WrongInputError:
    return WrongInputError([{"field": "scenario", "value": value, "detail": detail}])
