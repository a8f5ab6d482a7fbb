"""A part of the pipeline: settings, and a function that wraps it around the parts below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from client.pipeline.call import Handler

if TYPE_CHECKING:
    from client.breakers.interface import Breaker
    from client.pipeline.call import Call
    from client.pipeline.loop_lag import LoopLag


class Owner(Protocol):
    """The owner of the calls in the pipeline. Its breaker may be replaced while calls are under way.

    `settings` are those of all parts; `clock` gives monotonic seconds; `deciding_call` is the one that the breaker
    looks at; `late_deadlines` counts timeouts that the client's own loop was too late for,
    and `loop_lag` looks at it where the loop may be late.
    """

    settings: Any  # CallSettings, which are made of the parts
    clock: Callable[[], float]
    breaker: Breaker
    deciding_call: Call | None
    late_deadlines: int
    loop_lag: LoopLag | None


Wrap = Callable[[Handler, Any, Owner], Handler]
"""Takes the handler below, the part's own settings, and the owner; returns one handler for both."""


@dataclass(frozen=True)
class Part:
    """Marks a field of CallSettings as a part of the pipeline."""

    wrap: Wrap
