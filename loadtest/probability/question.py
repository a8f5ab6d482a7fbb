"""What is asked: a breaker's setting, which calls fail, and the load. Checked; a mistake is named."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from client.breakers import policies
from client.breakers.flat import FlatPolicy
from client.breakers.policy import SHARED, PolicySettings
from client.breakers.settings import breaker_settings
from loadtest.probability.chains import is_feasible

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICIES = "consecutive", "count_window", "time_window"
# One each 6.25 s: four requests meet the open breaker in 30 s, as in the document's trace.
_DOCUMENTS_RATE = 0.16
# About two minutes.
_MOST_CALLS = 100_000_000


def _check_opens(name: str) -> str:
    if name not in POLICIES:
        raise ValueError(f"allowed: {', '.join(POLICIES)}")
    return name


class TripQuestion(FlatPolicy):
    """A breaker with its settings in front of a backend whose calls fail at random, at a constant rate of requests."""

    policy: Annotated[str, AfterValidator(_check_opens)] = "consecutive"
    fail_max: int = Field(5, ge=1, le=10_000)
    seed: int = Field(1, ge=0, le=2**63 - 1)

    error_rate: float = Field(0.3, ge=0, le=1)
    burst_length: float | None = Field(None, ge=1, le=1000)
    requests: int = Field(20, ge=0, le=10_000_000)
    rate: float = Field(_DOCUMENTS_RATE, ge=1e-6, le=1_000_000)
    runs: int = Field(2000, ge=100, le=1_000_000)
    simulate: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the whole answer comes from a chain, and no part of it from a simulation."""
        if self.simulate or self.policy == "time_window":
            return False
        return self.policy == "consecutive" or is_feasible(self.window_calls, self.failure_rate)

    @property
    def refused(self) -> int:
        """How many requests meet the open breaker: the one that comes after `reset_timeout` is the probe."""
        # A hair less, so that a rounding error does not refuse a request that comes exactly at that time.
        return max(0, math.ceil(float(self.reset_timeout) * (1 - 1e-9) * self.rate) - 1)

    @property
    def latest_trip(self) -> int:
        """The last request whose trip leaves room for refusals and probes; 0: none does, or there are no refusals."""
        latest = self.requests - self.refused - self.success_threshold
        return max(0, latest) if self.refused else 0

    @property
    def shortest_cycle(self) -> int:
        """The least number of requests that hold a trip, the refusals, and the probes that close."""
        trip = self.fail_max if self.policy == "consecutive" else self.min_calls
        return int(trip + self.refused + self.success_threshold)

    def breaker(self) -> PolicySettings:
        """Return the settings of the lab's own breaker; it takes the same time for over as `refused` does."""
        own = policies()[self.policy].reads() | SHARED - {"shadow"}
        chosen = {name: getattr(self, name) for name in own}
        return breaker_settings(**{**chosen, "reset_timeout": self.reset_timeout * (1 - 1e-9)})

    @model_validator(mode="after")
    def _check_answerable(self) -> Self:
        mistake = next(self._mistakes(), None)
        if mistake:
            raise ValueError(mistake)
        return self

    def _mistakes(self) -> Iterator[str]:
        reads = policies()[self.policy].reads()
        for name in self.model_fields_set & FlatPolicy.model_fields.keys() - reads - SHARED:
            takers = ", ".join(each for each in POLICIES if name in policies()[each].reads())
            yield (f"{name}: got {getattr(self, name):g}; the policy {self.policy!r} does not read it, only: {takers}")
        try:
            self.breaker()
        except ValidationError as error:
            yield str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        if self.burst_length is not None:
            yield from self._burst_mistakes(self.burst_length)
        if self.policy == "time_window":
            if "rate" not in self.model_fields_set:
                yield "rate: missing; the policy 'time_window' needs it, requests per second"
            held = math.ceil(self.rate * self.window_s) + 1
            if self.min_calls > held:
                yield (
                    f"min_calls: got {self.min_calls}; allowed at rate {self.rate:g} and window_s {self.window_s:g}: a "
                    f"number <= {held}, which is all that it ever holds"
                )
        if not self.is_exact and self.runs * self.requests > _MOST_CALLS:
            yield (
                f"requests: got {self.requests}; allowed in a simulation of {self.runs} runs: a number <= "
                f"{_MOST_CALLS // self.runs}"
            )

    def _burst_mistakes(self, length: float) -> Iterator[str]:
        if self.error_rate == 1:
            yield f"error_rate: got 1; allowed with burst_length {length:g}: a number < 1, else no burst ever ends"
            return
        least = 1 / (1 - self.error_rate)
        if length < least:
            yield (
                f"burst_length: got {length:g}; allowed at error_rate {self.error_rate:g}: a number >= {least:g}, the "
                "mean run of chance failures"
            )
