"""Breaker policies behind one two-step interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.registry import build_one, policies
from client.breakers.settings import tried_by
from client.breakers.shadow import ShadowBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.breakers.interface import Breaker, Transition
    from client.breakers.policy import PolicySettings

__all__ = ["build", "policies"]


def build(settings: PolicySettings, now: float, on_transition: Callable[[Transition], None]) -> Breaker:
    """Return a fresh breaker: the policy in charge and, if the settings name one, the shadow policy beside it."""
    in_charge = build_one(settings, now, on_transition)
    tried = tried_by(settings)
    return in_charge if tried is None else ShadowBreaker(in_charge, tried, now)
