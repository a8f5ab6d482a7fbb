"""pybreaker 1.4: the state machine that this lab's policy `consecutive` runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.studies.tune.snippets.snippet import Snippet, loss_notes, timeout_note, unmapped_notes
from loadtest.studies.tune.snippets.writing import number, quote_text

if TYPE_CHECKING:
    from client.pipeline.order import CallSettings

_KEPT = {"fail_max", "reset_timeout", "success_threshold", "name"}


def snippet(settings: CallSettings) -> Snippet:
    """Write a constructor call; only `consecutive` maps."""
    breaker = settings.breaker
    text: str | None = None
    notes: tuple[str, ...]
    if breaker.policy in {"count_window", "time_window"}:
        notes = unmapped_notes(
            settings,
            "pybreaker",
            f"pybreaker trips after failures in a row and keeps no window, so {breaker.policy} does not map.",
        )
    elif breaker.policy != "consecutive":
        notes = unmapped_notes(settings, "pybreaker")
    else:
        text = f"""\
import pybreaker

breaker = pybreaker.CircuitBreaker(
    fail_max={breaker.fail_max},
    reset_timeout={number(breaker.reset_timeout)},
    success_threshold={breaker.success_threshold},
    name={quote_text(breaker.name)},
    throw_new_error_on_trip=False,
)"""
        notes = (
            *loss_notes(settings, _KEPT),
            timeout_note(settings),
            "An exception in `exclude` counts as a success and ends a row of failures; here a 4xx counts as neither.",
            "Around `async def`, `call` and the decorator count no failure: use `with breaker.calling():` inside it.",
        )
    return Snippet("pybreaker", "pybreaker 1.4", "python", text, notes)
