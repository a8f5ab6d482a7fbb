"""A part of the pipeline: settings, and a function that wraps it around the parts below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from client.pipeline.call import Handler

if TYPE_CHECKING:
    from client.breakers.interface import Breaker
    from client.pipeline.call import Call


class Owner(Protocol):
    """The owner of the calls in the pipeline. Its breaker may be replaced while calls are under way.

    `clock` gives monotonic seconds; `deciding_call` is the call that the breaker is deciding on.
    """

    clock: Callable[[], float]
    breaker: Breaker
    deciding_call: Call | None


Wrap = Callable[[Handler, Any, Owner], Handler]
"""Takes the handler below, the part's own settings, and the owner; returns one handler for both."""


@dataclass(frozen=True)
class Part:
    """Marks a field of CallSettings as a part of the pipeline."""

    wrap: Wrap
