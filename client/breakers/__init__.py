"""Breaker policies behind one two-step interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.registry import build_one, policies
from client.breakers.settings import act_alike, tried_by
from client.breakers.shadow import ShadowBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.breakers.interface import Breaker, Transition
    from client.breakers.policy import PolicySettings

__all__ = ["act_alike", "build", "policies"]


def build(
    settings: PolicySettings,
    now: float,
    on_transition: Callable[[Transition], None],
    timeout_s: float | None = None,
) -> Breaker:
    """Return a fresh breaker: the policy in charge and, if the settings name one, the shadow policy beside it.

    `timeout_s`: how long a call may take; none: nothing limits it.
    """
    in_charge = build_one(settings, now, on_transition)
    tried = tried_by(settings)
    made = in_charge if tried is None else ShadowBreaker(in_charge, tried, now)
    made.limit_calls(timeout_s)
    return made
