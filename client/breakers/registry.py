"""All policies. A policy is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.forced_open import ForcedOpenBreaker
from client.breakers.off import NoBreaker, ShadowOnlyBreaker
from client.breakers.opening.consecutive import ConsecutiveBreaker
from client.breakers.opening.count_window import CountWindowBreaker
from client.breakers.opening.time_window import TimeWindowBreaker
from client.breakers.share.adaptive import AdaptiveBreaker
from client.breakers.share.throttle import ThrottleBreaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client.breakers.interface import Breaker, Transition
    from client.breakers.policy import PolicySettings

_POLICIES: dict[str, type[Breaker]] = {
    "consecutive": ConsecutiveBreaker,
    "count_window": CountWindowBreaker,
    "time_window": TimeWindowBreaker,
    "throttle": ThrottleBreaker,
    "adaptive": AdaptiveBreaker,
    "off": NoBreaker,
    "forced_open": ForcedOpenBreaker,
    "shadow": ShadowOnlyBreaker,  # the second policy: see client.breakers.shadow
}


def policies() -> Mapping[str, type[Breaker]]:
    """Every policy by its name."""
    return _POLICIES


def build_one(settings: PolicySettings, now: float, on_transition: Callable[[Transition], None]) -> Breaker:
    """Return a fresh breaker of the policy that the settings name; `now` in seconds of the caller's clock."""
    return _POLICIES[settings.policy](settings, now, on_transition)
