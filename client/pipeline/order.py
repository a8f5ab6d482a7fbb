"""The parts of the pipeline and how they are nested: one line for each part, outermost first.

Each part here is a section of `GET` and `PATCH /config`, of the environment, of the dashboard's form and of a
scenario's arms; it is restored after a live run, and compared between two runs. None of these has a list of
its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import create_model, model_validator

from client.breakers import policies
from client.breakers.flat import FlatBreaker
from client.breakers.settings import BreakerSettings, breaker_settings, tried_by
from client.pipeline.breaker import with_breaker
from client.pipeline.fallback import FallbackSettings, with_fallback
from client.pipeline.part import Part
from client.pipeline.timeout import TimeoutSettings, with_timeout
from inputs.model import StrictModel

if TYPE_CHECKING:
    from client.breakers.policy import PolicySettings
    from client.pipeline.call import Handler
    from client.pipeline.part import Owner


class CallSettings(StrictModel):
    """How calls are protected: what an arm of a scenario sets, and what may change while the service runs."""

    fallback: Annotated[FallbackSettings, Part(with_fallback)] = FallbackSettings()
    breaker: Annotated[BreakerSettings, Part(with_breaker)] = breaker_settings()
    timeout: Annotated[TimeoutSettings, Part(with_timeout)] = TimeoutSettings()

    @model_validator(mode="after")
    def _a_call_can_be_slow(self) -> Self:
        _refuse_slower_than_timeout(self.breaker, self.timeout)
        return self


if TYPE_CHECKING:
    FlatCallSettings = CallSettings
else:
    # The same with the settings of all policies at once, as in JSON; forms are built from it.
    FlatCallSettings = create_model(
        "CallSettings",
        __base__=StrictModel,
        __module__=__name__,
        __doc__=CallSettings.__doc__,
        **{
            name: (FlatBreaker, FlatBreaker()) if name == "breaker" else (field.annotation, field)
            for name, field in CallSettings.model_fields.items()
        },
    )


def parts_of(settings: CallSettings) -> dict[str, Any]:
    """Return the settings of each part by its name, without what a subclass of CallSettings adds."""
    return {name: getattr(settings, name) for name in CallSettings.model_fields}


def build(settings: CallSettings, upstream: Handler, owner: Owner) -> Handler:
    """Return the whole pipeline around `upstream`."""
    handler = upstream
    for name, field in reversed(CallSettings.model_fields.items()):
        part = next(mark for mark in field.metadata if isinstance(mark, Part))
        handler = part.wrap(handler, getattr(settings, name), owner)
    return handler


def _refuse_slower_than_timeout(breaker: PolicySettings, timeout: TimeoutSettings) -> None:
    tried = "breaker" if breaker.shadow is None else "breaker.shadow"
    for place, each in (("breaker", breaker), (tried, tried_by(breaker))):
        slow_s = None if each is None or "slow_call_s" not in policies()[each.policy].reads() else each.slow_call_s
        if slow_s is not None and timeout.total_s is not None and slow_s > timeout.total_s:
            raise ValueError(
                f"{place}.slow_call_s: got {slow_s:g}; allowed: a number <= timeout.total_s = {timeout.total_s:g}, "
                "since no call takes longer than that"
            )
