"""What is pasted, and the notes beside it: each setting that the target cannot follow has a sentence of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client.breakers import policies
from client.breakers.flat import FlatPolicy
from client.breakers.policy import PolicySettings
from client.pipeline.fallback import FallbackSettings
from loadtest.studies.tune.snippets.writing import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client.pipeline.order import CallSettings

_GUESSED_WINDOW_S = 30.0

ASKED_AFTER_FAILURES = "It is only asked after a failure whether to trip: a success that completes min_calls does not."

# A setting, the value at which it does nothing, and what happens where a target has no counterpart for it.
_WITHOUT: tuple[tuple[str, object, str], ...] = (
    ("slow_call_s", None, "a slow call that succeeds counts as a success"),
    ("slow_call_rate", None, "slow calls are not counted"),
    ("slow_in_flight", False, "a slow call counts at the earliest when it ends"),
    ("open_growth", 1.0, "every open time is as long as the first"),
    ("open_max_s", None, "an open time that does not grow needs no cap"),
    ("open_jitter", 0.0, "no open time is shortened at random"),
    ("honour_retry_after", False, "the backend's Retry-After is not followed"),
    ("max_probes", None, "the number of probes under way at once cannot be bounded"),
    ("success_threshold", 1, "the first probe that succeeds closes it"),
    ("probe_success_rate", None, "probe_calls and their share are not looked at, the first probe decides"),
    ("half_open_max_s", None, "a probe is not given up, only a timeout of the call ends it"),
    ("ramp_s", 0.0, "every call is let through as soon as it closes"),
    ("seed", None, "random draws cannot be repeated"),
    ("shadow", None, "a second breaker that is only tried has no place here"),
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """One target's configuration; `text` is None where nothing maps, and `notes` say what differs or is left out."""

    name: str
    title: str
    language: str
    text: str | None
    notes: tuple[str, ...] = ()


def loss_notes(settings: CallSettings, kept: Iterable[str]) -> Iterator[str]:
    """Say what each setting loses that acts in this lab and is not among those `kept`."""
    breaker, kept = settings.breaker, set(kept)
    acting = policies()[breaker.policy].reads() | {"seed", "shadow"}
    for name, nothing, consequence in _WITHOUT:
        if name not in acting - kept:
            continue
        value = getattr(breaker, name)
        if value != nothing:
            yield f"{name} = {value_text(value)} has no counterpart: {consequence}."
    if settings.fallback != FallbackSettings():
        yield "fallback: what a caller gets in place of an answer is up to the code around the breaker."


def unmapped_notes(settings: CallSettings, target: str, why: str | None = None) -> tuple[str, ...]:
    """Say why nothing of the policy maps, with the settings that were chosen for it."""
    breaker, notes = settings.breaker, []
    reasons = {
        "throttle": f"{target} has no client-side throttling: it lets all calls through or none.",
        "adaptive": f"{target} has no controller that refuses a share: it lets all calls through or none.",
        "off": "No breaker is asked for, so there is nothing to set.",
        "shadow": f"Policy shadow refuses nothing, and {target} cannot try a breaker without obeying it.",
        "forced_open": f"Refusing every call is for a person to switch on and off, and no setting of {target}.",
    }
    notes.append(why or reasons.get(breaker.policy, f"{target} has no policy like {breaker.policy}."))
    reads = policies()[breaker.policy].reads() or FlatPolicy.model_fields.keys() - {"policy", "name"}
    chosen = [
        f"{name} = {value_text(getattr(breaker, name))}"
        for name, field in FlatPolicy.model_fields.items()
        if name in reads | {"seed"} and getattr(breaker, name) != field.default
    ]
    if chosen:
        notes.append(f"Not represented: {', '.join(chosen)}.")
    if breaker.shadow is not None:
        notes.append(f"shadow = {value_text(breaker.shadow)} is not represented either.")
    notes.append(timeout_note(settings))
    notes.extend(note for note in loss_notes(settings, breaker.__class__.model_fields) if note.startswith("fallback"))
    return tuple(notes)


def timeout_note(settings: CallSettings) -> str:
    """Say that the timeout is not part of what is pasted."""
    total_s = settings.timeout.total_s
    if total_s is None:
        return "timeout.total_s = none: leave the call without a timeout, and expect hanging calls."
    return f"timeout.total_s = {number(total_s)} has no place here: set {number(total_s)} s in the client that calls."


def time_window_s(breaker: PolicySettings, target: str, notes: list[str], calls_per_s: float | None = None) -> float:
    """Return the seconds to look back on, where the target knows no number of calls; what stands for it is a note."""
    if breaker.policy == "time_window":
        return float(breaker.window_s)
    calls = breaker.window_calls
    loss = f"window_calls = {calls} has no counterpart: {target} looks back on time."
    if calls_per_s is None:
        notes.append(f"{loss} {number(_GUESSED_WINDOW_S)} s is a guess: set the time in which {calls} calls are made.")
        return _GUESSED_WINDOW_S
    seconds = max(0.01, float(f"{calls / calls_per_s:.2g}"))
    notes.append(f"{loss} In {number(seconds)} s {calls} calls are made on average; with less load there are fewer.")
    return seconds


def raise_to_least(value: float, least: float, what: str, notes: list[str], unit: str = "") -> float:
    """Return the value, or the least one that the target allows, with a note."""
    if value >= least:
        return value
    notes.append(f"{what}: {number(value)}{unit} is below what is allowed here, so it is {number(least)}{unit}.")
    return least


def value_text(value: Any) -> str:
    """Write a setting's value as this lab reads it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number(value)
    return value.policy if isinstance(value, PolicySettings) else str(value)
