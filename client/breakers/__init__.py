"""Breaker policies behind one two-step interface. A policy is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.consecutive import ConsecutiveBreaker
from client.breakers.off import NoBreaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client.breakers.interface import Breaker, Transition
    from client.settings import BreakerSettings

_POLICIES: dict[str, type[Breaker]] = {
    "consecutive": ConsecutiveBreaker,
    "off": NoBreaker,
}


def policies() -> Mapping[str, type[Breaker]]:
    """Every policy by its name."""
    return _POLICIES


def build(settings: BreakerSettings, now: float, on_transition: Callable[[Transition], None]) -> Breaker:
    """Return a closed breaker of the policy that the settings name; `now` in seconds of the caller's clock."""
    return _POLICIES[settings.policy](settings, now, on_transition)
