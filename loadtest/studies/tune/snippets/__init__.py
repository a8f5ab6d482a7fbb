"""Settings of this lab, ready to paste into other libraries and proxies, with what does not map said beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.studies.tune.snippets import environment, envoy, gobreaker, polly, pybreaker, resilience4j
from loadtest.studies.tune.snippets.snippet import Snippet

if TYPE_CHECKING:
    from client.pipeline.order import CallSettings

__all__ = ["Snippet", "snippets"]

_BY_CALLS = (environment, pybreaker, resilience4j)
# These look back on time: a window of calls is as long as those calls take.
_BY_TIME = (polly, gobreaker, envoy)


def snippets(settings: CallSettings, calls_per_s: float | None = None) -> list[Snippet]:
    """Return the settings in the form of each target; this lab's environment variables come first."""
    return [
        *(target.snippet(settings) for target in _BY_CALLS),
        *(target.snippet(settings, calls_per_s) for target in _BY_TIME),
    ]
