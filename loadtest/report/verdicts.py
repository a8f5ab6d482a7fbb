"""Which policy helped and which harmed, in words and tables. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.settings import tried_by
from loadtest.figures.comparison import LEAST_RUNS
from loadtest.figures.random_yardstick import leads_of
from loadtest.records.comparison import Judgement
from loadtest.report.random_yardstick import yardstick_text
from loadtest.scenario.phases import OVERALL, group_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from loadtest.figures.finished import FinishedRun
    from loadtest.records.comparison import BothSides, Gain, Stretch, VerdictCell, Verdicts

    Cells = Mapping[str, VerdictCell]


# What a policy that goes by nothing it sees has to come out as.
_FIXED_POLICIES = {"forced_open": Judgement.HARMED, "shadow": Judgement.SAME, "off": Judgement.SAME}


def headline(done: FinishedRun, verdicts: Verdicts) -> str:
    """Return two sentences: which policy helped most, which harmed most. Fixed policies do not compete."""
    arms = _competing_arms(done, verdicts)
    runs = verdicts.runs
    began = "" if runs >= LEAST_RUNS else "In this one run, " if runs == 1 else f"In these {runs} runs, "
    best, worst = _name_best(arms, began, verdicts.baseline), _name_worst(arms)
    return f"{best[:1].upper()}{best[1:]} {worst}"


def _competing_arms(done: FinishedRun, verdicts: Verdicts) -> Mapping[str, Cells]:
    return {name: cells for name, cells in verdicts.arms.items() if done.scenario.arms[name].decides} or verdicts.arms


def _name_best(arms: Mapping[str, Cells], began: str, baseline: str) -> str:
    for verdict in (Judgement.HELPED, Judgement.TRADE):
        rivals = {name: cells[OVERALL] for name, cells in arms.items() if cells[OVERALL].verdict == verdict}
        if rivals:
            name = max(rivals, key=lambda each: _largest_gain(rivals[each]))
            praise = "helped most" if verdict == Judgement.HELPED else "helped most, at a cost"
            among = f"of {len(arms)} policies compared with `{baseline}`, " if len(arms) > 1 else ""
            return f"{began}{among}`{name}` {praise}: overall, {_price_text(rivals[name])}{_places_text(arms[name])}."
    return f"{began}no policy helped overall when compared with `{baseline}`."


def _name_worst(arms: Mapping[str, Cells]) -> str:
    harmed = {
        name: {place: cell for place, cell in cells.items() if place != OVERALL and cell.verdict == Judgement.HARMED}
        for name, cells in arms.items()
    }
    lost = {name: sum(_answers_lost(cell) for cell in cells.values()) for name, cells in harmed.items() if cells}
    if not lost:
        return "None harmed in any disturbance."
    name = max(lost, key=lambda each: lost[each])
    place = max(harmed[name], key=lambda each: _answers_lost(harmed[name][each]))
    return f"`{name}` harmed most: in `{place}` and after it, {_price_text(harmed[name][place])}."


def _largest_gain(cell: VerdictCell) -> float:
    seconds, calls = leads_of(cell)
    return max(seconds.share, calls.share, cell.answers.share)


def _answers_lost(cell: VerdictCell) -> float:
    return cell.ok.baseline - cell.ok.value


def _price_text(cell: VerdictCell) -> str:
    """'44 % of the request-seconds and 23 % of the backend calls saved, for 30 of 586 answers'."""
    lost, of = round(_answers_lost(cell)), cell.ok.baseline
    answers = (
        f"{lost} of {of:.0f} answers lost" if lost > 0 else f"{-lost} answers won" if lost < 0 else "no answer lost"
    )
    seconds, calls = (f"{100 * gain.share:.0f} %" for gain in (cell.seconds_saved, cell.calls_saved))
    return f"{seconds} of the request-seconds and {calls} of the backend calls saved, {answers}"


def _places_text(cells: Cells) -> str:
    """' (helped in `slow`; harmed in `flapping`)': in which disturbances."""
    by_verdict: dict[str, list[str]] = {}
    for place, cell in cells.items():
        if place != OVERALL and cell.verdict in (Judgement.HELPED, Judgement.HARMED, Judgement.TRADE):
            by_verdict.setdefault(cell.verdict, []).append(f"`{place}`")
    text = "; ".join(f"{verdict} in {', '.join(places)}" for verdict, places in by_verdict.items())
    return f" ({text})" if text else ""


def map_rows(verdicts: Verdicts) -> list[dict[str, str]]:
    """Return the verdicts alone: one row a policy, one column a disturbance."""
    return [
        {"policy": f"`{arm}`", **{place: _emphasize(cell.verdict) for place, cell in cells.items()}}
        for arm, cells in verdicts.arms.items()
    ]


def places_of(verdicts: Verdicts) -> list[str]:
    """Return the disturbances, and the whole at the end."""
    return list(next(iter(verdicts.arms.values())))


def figure_rows(verdicts: Verdicts) -> list[dict[str, str]]:
    """Return the figures behind each verdict, disturbance by disturbance; means over seeds."""
    return [
        {
            "place": place,
            "policy": f"`{arm}`",
            "verdict": _emphasize(cell.verdict),
            "during": _change_text((cell.parts or {}).get(place)),
            "after": _change_text((cell.parts or {}).get(group_after(place))),
            "all": _change_text(cell),
            "seconds": _spending_text(cell.seconds, cell.seconds_saved),
            "calls": _spending_text(cell.calls, cell.calls_saved),
            "at_random": yardstick_text(cell),
            "intervals": _interval_text(cell),
        }
        for place in places_of(verdicts)
        for arm, cells in verdicts.arms.items()
        for cell in [cells[place]]
    ]


def check_rule(done: FinishedRun, verdicts: Verdicts) -> Iterator[str]:
    """Yield what the arms show whose verdict is clear beforehand: they check the rule, and the noise."""
    for name, cells in verdicts.arms.items():
        policy, verdict = done.scenario.arms[name].breaker.policy, cells[OVERALL].verdict
        if policy in _FIXED_POLICIES:
            due = _FIXED_POLICIES[policy]
            result = "it does" if verdict == due else f"**it does not**: it came out as '{verdict}'"
            yield f"A check of the rule: `{name}`, whatever the weather, has to come out overall as '{due}'; {result}."


def report_shadows(done: FinishedRun) -> Iterator[str]:
    """Yield what a policy that was tried in the shadow would have done."""
    for name, arm in done.summary.arms.items():
        tried = tried_by(done.scenario.arms[name].breaker)
        if tried is not None and arm.shadow is not None:
            yield (
                f"`{name}` tried `{tried.policy}` without refusing anything: it would have refused "
                f"{arm.shadow.would_refuse} of {arm.requests} calls, {arm.shadow.of_which_succeeded} of which "
                "succeeded."
            )


def _emphasize(verdict: Judgement) -> str:
    return f"**{verdict}**" if verdict == Judgement.HARMED else str(verdict)


def _change_text(figures: Stretch | VerdictCell | None) -> str:
    """'145 to 27 (-118)': answers that the baseline and this arm got."""
    if figures is None:
        return ""
    before, now = figures.ok.baseline, figures.ok.value
    change = round(now) - round(before)
    return f"{before:.0f} to {now:.0f}{f' ({change:+d})' if change else ''}"


def _spending_text(spent: BothSides, saved: Gain) -> str:
    """'115 to 48 (-58 %)'."""
    share = -saved.share
    return f"{spent.baseline:.0f} to {spent.value:.0f}{f' ({100 * share:+.0f} %)' if abs(share) >= 0.005 else ''}"


def _interval_text(cell: VerdictCell) -> str:
    """Return the 95 % intervals that back a verdict: answers in per cent of the requests, savings beyond the loss."""
    if cell.verdict == Judgement.SAME:
        return ""
    seconds, calls = leads_of(cell)
    gains = (("answers", cell.answers), ("seconds", seconds), ("calls", calls))
    return "; ".join(
        f"{label} {100 * gain.interval[0]:+.0f} to {100 * gain.interval[1]:+.0f}"
        for label, gain in gains
        if gain.interval is not None
    )
