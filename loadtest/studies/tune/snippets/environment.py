"""This lab's own environment variables."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from client.breakers import policies
from client.breakers.flat import FlatPolicy
from client.pipeline.fallback import FallbackSettings
from loadtest.studies.tune.snippets.snippet import Snippet, value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client.breakers.policy import PolicySettings
    from client.pipeline.order import CallSettings


def snippet(settings: CallSettings) -> Snippet:
    """Write all that the policy reads, so that the result does not depend on defaults."""
    lines = [f"export CLIENT_{name}={shlex.quote(value)}" for name, value in _variables(settings)]
    return Snippet("environment", "Breaker Lab, environment variables of the client", "sh", "\n".join(lines))


def _variables(settings: CallSettings) -> Iterator[tuple[str, str]]:
    breaker = settings.breaker
    yield from _policy_variables(breaker, "BREAKER__")
    if breaker.shadow is not None:
        yield from _policy_variables(breaker.shadow, "BREAKER__SHADOW__")
    yield "TIMEOUT__TOTAL_S", value_text(settings.timeout.total_s)
    for name, field in FallbackSettings.model_fields.items():
        value = getattr(settings.fallback, name)
        if value != field.default:
            yield f"FALLBACK__{name.upper()}", value_text(value)


def _policy_variables(breaker: PolicySettings, prefix: str) -> Iterator[tuple[str, str]]:
    reads = policies()[breaker.policy].reads()
    for name, field in FlatPolicy.model_fields.items():
        value = getattr(breaker, name, field.default)
        # A fixed policy reads none, and keeps what was chosen: `forced_open` its reset_timeout, `shadow` what it tries.
        if name == "policy" or name in reads or (value != field.default and (not reads or name in {"name", "seed"})):
            yield prefix + name.upper(), value_text(value)
