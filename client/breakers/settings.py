"""Settings of the breakers: one flat model, of which each policy reads its part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from client.breakers.registry import policies
from inputs.model import OrNone, StrictModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def _is_policy(name: str) -> str:
    if name not in policies():
        raise ValueError(f"allowed: {', '.join(sorted(policies()))}")
    return name


_READ_BY_ALL = frozenset({"policy", "name", "shadow", "seed"})

Policy = Annotated[str, AfterValidator(_is_policy)]
Share = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class PolicySettings(StrictModel):
    """One breaker; each policy reads its part. `fail_max`, `reset_timeout`, `success_threshold` as in pybreaker."""

    policy: Policy = Field("consecutive", description="which breaker")
    name: str = Field("backend-service-breaker", min_length=1, max_length=100)

    fail_max: int = Field(5, ge=1, le=1_000_000, description="consecutive failures that trip the breaker")
    failure_rate: Share = Field(0.5, description="share of failed calls in the window that trips the breaker")
    min_calls: int = Field(20, ge=1, le=100_000, description="calls in the window before a rate is believed")
    window_calls: int = Field(100, ge=1, le=100_000, description="calls that a count window looks back on")
    window_s: float = Field(10.0, ge=0.1, le=86_400, description="seconds that a time window looks back on")
    slow_call_s: Annotated[Seconds | None, OrNone] = Field(
        None, description='seconds from which on a call is slow; "none": no call is'
    )
    slow_call_rate: Annotated[Share | None, OrNone] = Field(
        None, description="share of slow calls in the window that trips the breaker"
    )
    slow_in_flight: bool = Field(default=False, description="a slow call counts while it is still under way")

    reset_timeout: float = Field(30.0, gt=0, le=86_400, description="seconds open before the first probe")
    open_growth: float = Field(
        1.0, ge=1, le=10, description="factor on the open time for each failed recovery in a row"
    )
    open_max_s: Annotated[Seconds | None, OrNone] = Field(None, description="longest open time, seconds")
    open_jitter: float = Field(0.0, ge=0, le=1, description="random share by which an open time may be shortened")
    honour_retry_after: bool = Field(
        default=False, description="stay open for as long as the Retry-After of the failure that trips says"
    )

    max_probes: int = Field(1, ge=1, le=10_000, description="probes under way at once in half-open")
    success_threshold: int = Field(1, ge=1, le=1_000_000, description="probes that must succeed to close")
    probe_success_rate: Annotated[Share | None, OrNone] = Field(
        None, description="share of `probe_calls` that must succeed to close, in place of `success_threshold`"
    )
    probe_calls: int = Field(10, ge=1, le=1_000_000, description="probes that decide by rate")
    half_open_max_s: Annotated[Seconds | None, OrNone] = Field(
        60.0, description='longest half-open while a probe is out, seconds; "none": for ever'
    )
    ramp_s: float = Field(0.0, ge=0, le=86_400, description="seconds from closing until all calls are let through")

    throttle_k: float = Field(2.0, ge=1, le=100, description="requests for each accepted one before calls are refused")
    adaptive_gain: float = Field(0.5, gt=0, le=1, description="share of the way to its goal that a step goes")
    usual_error_rate: float = Field(0.01, ge=0, lt=1, description="first guess at the backend's usual error rate")
    usual_s: Seconds = Field(600.0, description="time constant at which a higher error rate becomes usual, seconds")
    max_refused: float = Field(0.95, gt=0, lt=1, description="largest share of calls that `adaptive` refuses")

    seed: Annotated[Annotated[int, Field(ge=0, le=2**63 - 1)] | None, OrNone] = Field(
        None, description="seed of the breaker's random draws; none: another one each time"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Name a combination that cannot be meant, among the settings that the policy reads."""
        wrong = next(self._at_odds(policies()[self.policy].reads), None)
        if wrong:
            raise ValueError(wrong)
        return self

    def _at_odds(self, reads: frozenset[str]) -> Iterator[str]:
        if "window_calls" in reads and self.min_calls > self.window_calls:
            yield f"min_calls: got {self.min_calls}; allowed: a number <= window_calls = {self.window_calls}"
        if "slow_call_rate" in reads:
            if self.slow_call_s is None and self.slow_call_rate is not None:
                yield f"slow_call_s: missing; slow_call_rate = {self.slow_call_rate:g} needs it to know a slow call"
            if self.slow_call_s is not None and self.slow_call_rate is None:
                yield f"slow_call_rate: missing; slow_call_s = {self.slow_call_s:g} has no effect without it"
        if "slow_in_flight" in reads and self.slow_in_flight and self.slow_call_s is None:
            yield "slow_call_s: missing; slow_in_flight needs it to know a slow call"
        if "reset_timeout" in reads:
            yield from self._open_time_at_odds()
            if self.probe_success_rate is not None and self.success_threshold != 1:
                yield (
                    f"success_threshold: got {self.success_threshold}; allowed beside probe_success_rate: 1, since "
                    "probe_calls says how many probes decide"
                )

    def _open_time_at_odds(self) -> Iterator[str]:
        if self.open_max_s is None:
            if self.open_growth > 1:
                yield f"open_max_s: missing; open_growth = {self.open_growth:g} needs a cap on the open time"
            if self.honour_retry_after:
                yield "open_max_s: missing; honour_retry_after needs a cap on what a backend may ask for"
        elif self.open_max_s < self.reset_timeout:
            yield f"open_max_s: got {self.open_max_s:g}; allowed: a number >= reset_timeout = {self.reset_timeout:g}"


class BreakerSettings(PolicySettings):
    """The breaker in charge, and the one that is tried beside it."""

    shadow: PolicySettings | None = Field(
        None, description="a second breaker that decides and reports on the same calls, and refuses nothing"
    )

    @model_validator(mode="after")
    def _shadow_decides(self) -> Self:
        if self.shadow is not None and self.shadow.policy == "shadow":
            raise ValueError("shadow.policy: got 'shadow'; allowed: a policy that decides")
        self.tried()
        return self

    def tried(self) -> PolicySettings | None:
        """Return the settings of the breaker that is tried: policy `shadow` alone tries `consecutive`."""
        if self.shadow is None and self.policy == "shadow":
            return PolicySettings(**self.model_dump(exclude={"policy", "shadow"}), policy="consecutive")
        return self.shadow


def refuse_unread(
    settings: BreakerSettings, given: Iterable[str] | None = None, given_shadow: Iterable[str] | None = None
) -> None:
    """Raise ValueError for a setting that was given and that the policy does not act on: who gives it means another.

    `given` and `given_shadow` name what was given; by default what the models were made from. Nothing is said about a
    fixed policy: who switches a breaker off may keep its settings for later.
    """
    _refuse(settings, settings.model_fields_set if given is None else given, "breaker")
    shadow = settings.shadow
    if shadow is not None:
        _refuse(shadow, shadow.model_fields_set if given_shadow is None else given_shadow, "breaker.shadow")


def _refuse(settings: PolicySettings, given: Iterable[str], place: str) -> None:
    reads = policies()[settings.policy].reads
    if not reads:
        return
    for name in given:
        if name not in reads and name not in _READ_BY_ALL:
            takers = ", ".join(each for each, kind in policies().items() if name in kind.reads)
            raise ValueError(
                f"{place}.{name}: got {getattr(settings, name)!r}; the policy {settings.policy!r} does not read it, "
                f"only: {takers}"
            )
