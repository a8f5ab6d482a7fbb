"""What the settings of every policy have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PrivateAttr

from inputs.model import OrNone, StrictModel

Share = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class PolicySettings(StrictModel):
    """One breaker. Each policy defines its own settings in its module, and uses no others."""

    policy: str = Field(description="which breaker")
    name: str = Field("backend-service-breaker", min_length=1, max_length=100)
    seed: Annotated[Annotated[int, Field(ge=0, le=2**63 - 1)] | None, OrNone] = Field(
        None, description="seed of the breaker's random draws; none: a new one at each start"
    )

    # Settings of other policies that were given before this one became the current one, by their names: see `flat`.
    _kept: dict[str, Any] = PrivateAttr(default_factory=dict)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Let the type checker know that a policy has more settings than these."""


# Settings that do not change how a policy decides.
SHARED = frozenset({*PolicySettings.model_fields, "shadow"})
