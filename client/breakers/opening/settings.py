"""Settings and causes of all policies that open."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from client.breakers.interface import Counted
from client.breakers.policy import PolicySettings, Seconds, Share
from inputs.model import OrNone


class OpeningCause(Counted):
    """Why a breaker that opens moves once it has tripped."""

    WAITED = "reset_timeout elapsed"
    PROBE_SUCCEEDED = "probe succeeded"
    PROBE_FAILED = "probe failed"
    PROBE_SLOW = "probe was slow"
    PROBE_OUT = "probe still out"


class OpeningRefusalCause(Counted):
    """Why it refuses a call."""

    OPEN = "open"
    PROBES_OUT = "all probes are out"
    RAMPING = "ramping up"


class OpeningSettings(PolicySettings):
    """What all policies that open have: slow calls, the open time, probes, and the recovery."""

    slow_call_s: Annotated[Seconds | None, OrNone] = Field(
        None, description='a call that takes this many seconds or more is slow; "none": no call is slow'
    )
    slow_in_flight: bool = Field(default=False, description="a slow call counts while it is still under way")

    reset_timeout: float = Field(30.0, gt=0, le=86_400, description="seconds open before the first probe")
    open_growth: float = Field(
        1.0, ge=1, le=10, description="the open time is multiplied by this after each failed recovery in a row"
    )
    open_max_s: Annotated[Seconds | None, OrNone] = Field(None, description="longest open time, seconds")
    open_jitter: float = Field(0.0, ge=0, le=1, description="random share by which an open time may be shortened")
    honour_retry_after: bool = Field(
        default=False, description="stay open for the Retry-After of the failure that tripped the breaker"
    )

    max_probes: int = Field(1, ge=1, le=10_000, description="probes under way at once in half-open")
    success_threshold: int = Field(1, ge=1, le=1_000_000, description="probes that must succeed to close")
    probe_success_rate: Annotated[Share | None, OrNone] = Field(
        None, description="share of `probe_calls` that must succeed to close, in place of `success_threshold`"
    )
    probe_calls: int = Field(
        10, ge=1, le=1_000_000, description="number of probes over which `probe_success_rate` is measured"
    )
    half_open_max_s: Annotated[Seconds | None, OrNone] = Field(
        60.0, description='longest wait for a probe in half-open, seconds; "none": no limit'
    )
    ramp_s: float = Field(0.0, ge=0, le=86_400, description="seconds from closing until all calls are let through")

    @model_validator(mode="after")
    def _open_time_fits(self) -> Self:
        if self.slow_in_flight and self.slow_call_s is None:
            raise ValueError("slow_call_s: missing; slow_in_flight needs it to know a slow call")
        if self.open_max_s is None:
            if self.open_growth > 1:
                raise ValueError(
                    f"open_max_s: missing; open_growth = {self.open_growth:g} needs a cap on the open time"
                )
            if self.honour_retry_after:
                raise ValueError("open_max_s: missing; honour_retry_after needs a cap on what a backend may ask for")
        elif self.open_max_s < self.reset_timeout:
            raise ValueError(
                f"open_max_s: got {self.open_max_s:g}; allowed: a number >= reset_timeout = {self.reset_timeout:g}"
            )
        if self.probe_success_rate is not None and self.success_threshold != 1:
            raise ValueError(
                f"success_threshold: got {self.success_threshold}; allowed beside probe_success_rate: 1, since "
                "probe_calls says how many probes decide"
            )
        return self
