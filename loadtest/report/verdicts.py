"""Which policy helped and which harmed, in words and tables. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client.breakers.settings import tried_by
from loadtest.figures.comparison import LEAST_RUNS
from loadtest.figures.verdict import HARMED, HELPED, SAME, TRADE
from loadtest.scenario.phases import OVERALL, after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtest.figures.finished import Finished


# What a policy that goes by nothing it sees has to come out as.
_KNOWN = {"forced_open": HARMED, "shadow": SAME, "off": SAME}


def headline(done: Finished) -> str:
    """Return two sentences: which policy helped most, which harmed most. Fixed policies do not compete."""
    found = done.summary["verdicts"]
    arms = _competing(done)
    runs = found["runs"]
    began = "" if runs >= LEAST_RUNS else "In this one run, " if runs == 1 else f"In these {runs} runs, "
    best, worst = _best(arms, began, found["baseline"]), _worst(arms)
    return f"{best[:1].upper()}{best[1:]} {worst}"


def _competing(done: Finished) -> dict[str, dict[str, Any]]:
    arms: dict[str, dict[str, Any]] = done.summary["verdicts"]["arms"]
    return {name: cells for name, cells in arms.items() if done.scenario.arms[name].decides} or arms


def _best(arms: dict[str, dict[str, Any]], began: str, baseline: str) -> str:
    for verdict in (HELPED, TRADE):
        rivals = {name: cells[OVERALL] for name, cells in arms.items() if cells[OVERALL]["verdict"] == verdict}
        if rivals:
            name = max(rivals, key=lambda each: _gain(rivals[each]))
            said = "helped most" if verdict == HELPED else "helped most, at a price"
            among = f"of {len(arms)} policies held against `{baseline}`, " if len(arms) > 1 else ""
            return f"{began}{among}`{name}` {said}: overall, {_price(rivals[name])}{_where(arms[name])}."
    return f"{began}no policy helped overall when held against `{baseline}`."


def _worst(arms: dict[str, dict[str, Any]]) -> str:
    harmed = {
        name: {place: cell for place, cell in cells.items() if place != OVERALL and cell["verdict"] == HARMED}
        for name, cells in arms.items()
    }
    lost = {name: sum(_lost(cell) for cell in cells.values()) for name, cells in harmed.items() if cells}
    if not lost:
        return "None harmed in any disturbance."
    name = max(lost, key=lambda each: lost[each])
    place = max(harmed[name], key=lambda each: _lost(harmed[name][each]))
    return f"`{name}` harmed most: in `{place}` and after it, {_price(harmed[name][place])}."


def _gain(cell: dict[str, Any]) -> float:
    return float(max(cell[name]["share"] for name in ("seconds_beyond", "calls_beyond", "answers")))


def _lost(cell: dict[str, Any]) -> float:
    return float(cell["ok"]["baseline"] - cell["ok"]["value"])


def _price(cell: dict[str, Any]) -> str:
    """'44 % of the request-seconds and 23 % of the backend calls saved, for 30 of 586 answers'."""
    lost, of = round(_lost(cell)), cell["ok"]["baseline"]
    answers = (
        f"{lost} of {of:.0f} answers lost" if lost > 0 else f"{-lost} answers won" if lost < 0 else "no answer lost"
    )
    seconds, calls = (_saved(cell[f"{kind}_saved"]["share"]) for kind in ("seconds", "calls"))
    return f"{seconds} of the request-seconds and {calls} of the backend calls saved, {answers}"


def _saved(share: float) -> str:
    return f"{100 * share:.0f} %"


def _where(cells: dict[str, Any]) -> str:
    """' (helped in `slow`; harmed in `flapping`)': in which disturbances."""
    by_word: dict[str, list[str]] = {}
    for place, cell in cells.items():
        if place != OVERALL and cell["verdict"] in (HELPED, HARMED, TRADE):
            by_word.setdefault(cell["verdict"], []).append(f"`{place}`")
    said = "; ".join(f"{word} in {', '.join(places)}" for word, places in by_word.items())
    return f" ({said})" if said else ""


def map_rows(done: Finished) -> list[dict[str, str]]:
    """Return the verdicts alone: one row a policy, one column a disturbance."""
    return [
        {"policy": f"`{arm}`", **{place: _emphasis(cell["verdict"]) for place, cell in cells.items()}}
        for arm, cells in done.summary["verdicts"]["arms"].items()
    ]


def places(done: Finished) -> list[str]:
    """Return the disturbances, and the whole at the end."""
    return list(next(iter(done.summary["verdicts"]["arms"].values())))


def figure_rows(done: Finished) -> list[dict[str, str]]:
    """Return the figures behind each verdict, disturbance by disturbance; means over seeds."""
    return [
        {
            "place": place,
            "policy": f"`{arm}`",
            "verdict": _emphasis(cells[place]["verdict"]),
            "during": _change(_part(cells[place], place)),
            "after": _change(_part(cells[place], after(place))),
            "all": _change(cells[place]),
            "seconds": _spent(cells[place], "seconds"),
            "calls": _spent(cells[place], "calls"),
            "intervals": _intervals(cells[place]),
        }
        for place in places(done)
        for arm, cells in done.summary["verdicts"]["arms"].items()
    ]


def known_ends(done: Finished) -> Iterator[str]:
    """Yield what the arms show whose verdict is known beforehand: they check the rule, and the noise."""
    for name, cells in done.summary["verdicts"]["arms"].items():
        policy, verdict = done.scenario.arms[name].breaker.policy, cells[OVERALL]["verdict"]
        if policy in _KNOWN:
            known = _KNOWN[policy]
            said = "it does" if verdict == known else f"**it does not**: it came out as '{verdict}'"
            yield f"A check of the rule: `{name}`, whatever the weather, has to come out overall as '{known}'; {said}."


def shadow_reports(done: Finished) -> Iterator[str]:
    """Yield what a policy that was tried in the shadow would have done."""
    for name, arm in done.summary["arms"].items():
        tried = tried_by(done.scenario.arms[name].breaker)
        if tried is not None and "shadow" in arm:
            would = arm["shadow"]
            yield (
                f"`{name}` tried `{tried.policy}` without refusing anything: it would have refused "
                f"{would['would_refuse']} of {arm['requests']} calls, {would['of_which_succeeded']} of which succeeded."
            )


def _part(cell: dict[str, Any], group: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = cell.get("parts", {}).get(group)
    return found


def _emphasis(verdict: str) -> str:
    return f"**{verdict}**" if verdict == HARMED else verdict


def _change(figures: dict[str, Any] | None) -> str:
    """'145 to 27 (-118)': answers that the baseline and this arm got."""
    if figures is None:
        return ""
    before, now = figures["ok"]["baseline"], figures["ok"]["value"]
    change = round(now) - round(before)
    return f"{before:.0f} to {now:.0f}{f' ({change:+d})' if change else ''}"


def _spent(cell: dict[str, Any], kind: str) -> str:
    """'115 to 48 (-58 %)'."""
    before, now, share = cell[kind]["baseline"], cell[kind]["value"], -cell[f"{kind}_saved"]["share"]
    return f"{before:.0f} to {now:.0f}{f' ({100 * share:+.0f} %)' if abs(share) >= 0.005 else ''}"


def _intervals(cell: dict[str, Any]) -> str:
    """Return the 95 % intervals that back a verdict: answers in per cent of the requests, savings beyond the loss."""
    if cell["verdict"] == SAME:
        return ""
    said = [
        f"{word} {100 * low:+.0f} to {100 * high:+.0f}"
        for name, word in (("answers", "answers"), ("seconds_beyond", "seconds"), ("calls_beyond", "calls"))
        for low, high in [cell[name]["interval"] or (None, None)]
        if low is not None and high is not None
    ]
    return "; ".join(said)
