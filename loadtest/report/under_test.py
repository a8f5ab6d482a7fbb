"""What a run puts under test, in a few rows: the load, the faults by phase, and what tells the arms apart. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from client.breakers import policies
from client.breakers.opening.settings import OpeningSettings
from client.pipeline.order import CallSettings, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend.profile import FaultPlan, FaultProfile
    from loadtest.figures.finished import FinishedRun
    from loadtest.scenario.load.segment import Segment
    from loadtest.scenario.model import Arm

# A longer value is cut: a sequence of failures may have a hundred thousand letters.
_LONGEST = 40
_NOTHING_MUCH = (False, 0, 1)
# Told even where they are at their defaults.
_ALWAYS = ("breaker.policy", "breaker.reset_timeout", "timeout.total_s")


def under_test_rows(done: FinishedRun) -> list[dict[str, str]]:
    """Return (what, settings) for load and faults, and for each arm of the run."""
    scenario, arms = done.scenario, done.manifest.arms
    rows = []
    if any(scenario.arms[name].load is None for name in arms):
        rows.append(("load", _load_text(scenario.load)))
    if any(scenario.arms[name].faults is None for name in arms):
        rows += _fault_rows(scenario.plan_of(next(name for name in arms if scenario.arms[name].faults is None), 0))
    settings = {name: _telling_settings(scenario.arms[name]) for name in arms}
    first = settings[arms[0]] if len(arms) > 1 else {}
    shared = {
        name: value for name, value in first.items() if all(each.get(name) == value for each in settings.values())
    }
    if shared:
        rows.append(("every arm", _settings_text(shared)))
    for name in arms:
        arm = scenario.arms[name]
        own = {setting: value for setting, value in settings[name].items() if setting not in shared}
        rows.append((f"arm `{name}`", _settings_text(own) or "as the others"))
        if arm.load is not None:
            rows.append((f"its own load, `{name}`", _load_text(arm.load)))
        if arm.faults is not None:
            rows += [(f"its own {what}, `{name}`", text) for what, text in _fault_rows(scenario.plan_of(name, 0))]
    return [{"what": what, "text": text} for what, text in rows]


def _load_text(load: Sequence[Segment]) -> str:
    return "; ".join(
        f"{f'after {each.pause_s:g} s: ' if each.pause_s else ''}{each.requests:,} requests, {each.rate_per_s:g}/s, "
        f"{each.arrivals} arrivals"
        for each in load
    )


def _fault_rows(plan: FaultPlan) -> list[tuple[str, str]]:
    """Return each phase with its times and what it does; those that are alike share a row."""
    if len(plan.phases) == 1 and not plan.phases[0].name:
        return [("faults", _profile_text(plan.phases[0].profile))]
    named = any(phase.name for phase in plan.phases)
    times: dict[tuple[str, str], list[str]] = {}
    start_s = 0.0
    for number, phase in enumerate(plan.phases, start=1):
        end_s = start_s + (phase.duration_s or math.inf)
        name = f"`{phase.name}`" if phase.name else "between" if named else f"phase {number}"
        time = f"{start_s:g} to {end_s:g} s" if phase.duration_s else f"from {start_s:g} s"
        times.setdefault((name, _profile_text(phase.profile)), []).append(time)
        start_s = end_s
    return [(f"faults, {name}", f"{', '.join(spans)}: {text}") for (name, text), spans in times.items()]


def _profile_text(profile: FaultProfile) -> str:
    """'54 % errors, latency lognormal 0.6 s (spread 0.3 s), 1 worker'; a field without words of its own by its name."""
    given = profile.model_dump(mode="json", exclude_defaults=True)
    parts = []
    for name, word in (("error_rate", "errors"), ("hang_rate", "hangs"), ("reset_rate", "resets")):
        if name in given:
            parts.append(f"{100 * given.pop(name):g} % {word}")
    if "latency" in given:
        latency = given.pop("latency")
        spread = f" (spread {latency['spread_s']:g} s)" if latency.get("spread_s") else ""
        parts.append(f"{latency.get('distribution', 'constant')} latency of {latency.get('mean_s', 0):g} s{spread}")
    if "capacity" in given:
        capacity = given.pop("capacity")
        workers = capacity.pop("workers")
        parts.append(f"{workers} worker{'s' if workers != 1 else ''}")
        given |= {f"capacity.{name}": value for name, value in capacity.items()}
    rest = {name: value for name, value in _flatten("", given).items() if name != "seed"}
    return ", ".join([*parts, *([_settings_text(rest)] if rest else [])]) or "none"


def _telling_settings(arm: Arm) -> dict[str, Any]:
    """Return the settings in force that say what an arm is: what is not at its default, and what its policy goes by."""
    settings, default = (
        _flatten("", _in_force(arm)),
        _flatten("", _in_force(CallSettings(breaker=type(arm.breaker).model_validate({})))),
    )
    own = {f"breaker.{name}" for name in policies()[arm.breaker.policy].reads() - OpeningSettings.model_fields.keys()}
    return {
        name: value
        for name, value in settings.items()
        if value != default.get(name) or name in _ALWAYS or (name in own and value not in _NOTHING_MUCH)
    }


def _dump(settings: CallSettings) -> dict[str, Any]:
    return {name: part.model_dump(mode="json") for name, part in parts_of(settings).items()}


def _in_force(arm: CallSettings) -> dict[str, Any]:
    """Return the client's settings, of the breaker only what its policy reads."""
    parts = _dump(arm)
    reads = policies()[arm.breaker.policy].reads()
    breaker = {name: value for name, value in parts["breaker"].items() if name == "policy" or name in reads}
    return {**parts, "breaker": breaker}


def _flatten(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            flat |= _flatten(f"{path}.", value)
        elif value is not None:
            flat[path] = value
    return flat


def _settings_text(settings: Mapping[str, Any]) -> str:
    """'fail_max 5, reset_timeout 30': the part's name is left out where it is the breaker's."""
    return ", ".join(f"{name.removeprefix('breaker.')} {_value_text(value)}" for name, value in settings.items())


def _value_text(value: Any) -> str:
    value = "/".join(map(str, value)) if isinstance(value, list) else value
    text = f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"
