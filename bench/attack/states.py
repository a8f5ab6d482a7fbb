"""What a service's knobs are set to, to be compared before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.attack.targets import Target

# What changes by itself.
_PASSING = frozenset({"now", "now_s", "in_state_s", "in_flight", "counts", "transitions", "retry_after_s"})


def read_state(target: Target) -> dict[str, Any]:
    """Return all that only an allowed change may alter; what cannot be read is told in its place."""
    pages = ("/config", "/breaker", "/traffic", "/stats") if target.name == "client" else ("/faults", "/stats")
    state: dict[str, Any] = {}
    for page in pages:
        answer = target.ask("GET", page)
        found = answer.json()
        if answer.status != 200 or not isinstance(found, dict):
            state[page] = answer.told()
        elif page == "/stats":
            state[page] = found.get("revision")
        elif page == "/breaker":
            state[page] = {name: value for name, value in found.items() if name not in _PASSING}
        else:
            state[page] = {name: value for name, value in found.items() if name != "left_s"}
    return state


def difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Name the first thing that is not as it was, or nothing."""
    for page, was in before.items():
        now = after.get(page)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            name = next(name for name in [*was, *now] if was.get(name) != now.get(name))
            return f"{page}: {name} was {was.get(name)!r:.60}, is {now.get(name)!r:.60}"
        return f"{page}: was {was!r:.60}, is {now!r:.60}"
    return ""
