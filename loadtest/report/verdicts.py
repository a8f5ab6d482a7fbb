"""Which policy helped and which harmed, in words and tables. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.settings import tried_by
from loadtest.figures.comparison import LEAST_RUNS
from loadtest.figures.random_yardstick import leads_of
from loadtest.figures.verdict import FEW
from loadtest.records.comparison import Judgement
from loadtest.report.random_yardstick import yardstick_text
from loadtest.scenario.phases import OVERALL, group_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loadtest.figures.finished import FinishedRun
    from loadtest.records.comparison import BothSides, Gain, Stretch, VerdictCell, Verdicts

    Cells = Mapping[str, VerdictCell]


TRADES = (Judgement.TRADE_UP, Judgement.TRADE_DOWN)
# From best to worst.
_ORDER = (
    *(Judgement.HELPED, Judgement.TRADE_UP, Judgement.SAME, Judgement.UNCLEAR),
    *(Judgement.TRADE_DOWN, Judgement.HARMED),
)
# What a policy that goes by nothing it sees has to come out as: refusing all harms where there are answers to lose.
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
    for verdict in (Judgement.HELPED, *TRADES):
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
    write = _writer_of(cell.ok)
    lost = write(abs(_answers_lost(cell)))
    answers = "no answer lost"
    if float(lost):
        won = _answers_lost(cell) < 0
        answers = f"{lost} answers won" if won else f"{lost} of {write(cell.ok.baseline)} answers lost"
    seconds, calls = (f"{100 * gain.share:.0f} %" for gain in (cell.seconds_saved, cell.calls_saved))
    return f"{seconds} of the request-seconds and {calls} of the backend calls saved, {answers}"


def _places_text(cells: Cells) -> str:
    """' (helped in `slow`; harmed in `flapping`)': in which disturbances."""
    by_verdict: dict[str, list[str]] = {}
    for place, cell in cells.items():
        if place != OVERALL and cell.verdict in (Judgement.HELPED, Judgement.HARMED, *TRADES):
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


def rank_arms(done: FinishedRun, verdicts: Verdicts) -> list[str]:
    """Return the arms from best to worst overall, the baseline in its place, each with when to use it."""
    cells = {name: arm[OVERALL] for name, arm in verdicts.arms.items()}
    names = sorted(cells, key=lambda name: (_ORDER.index(cells[name].verdict), -cells[name].balance))
    lines = [f"`{name}` ({cells[name].verdict}): {_use_of(done, verdicts, name)}" for name in names]
    better = sum(_ORDER.index(cells[name].verdict) < _ORDER.index(Judgement.SAME) for name in names)
    lines.insert(
        better,
        f"`{verdicts.baseline}` (the baseline): use this when what the arms above save is not what you lack."
        if better
        else f"`{verdicts.baseline}` (the baseline): use this here; no arm is known to do better.",
    )
    return lines


def _use_of(done: FinishedRun, verdicts: Verdicts, name: str) -> str:
    """Say when to use an arm, and when not, by its verdicts."""
    cells = verdicts.arms[name]
    overall = cells[OVERALL]
    places: dict[Judgement, list[str]] = {}
    for place, cell in cells.items():
        if place != OVERALL:
            places.setdefault(cell.verdict, []).append(f"`{place}`")
    good = places.get(Judgement.HELPED, []) + places.get(Judgement.TRADE_UP, [])
    bad = places.get(Judgement.HARMED, []) + places.get(Judgement.TRADE_DOWN, [])
    price = _price_text(overall)
    if not done.scenario.arms[name].decides:
        price += "; it decides nothing by itself, and is here to compare with"
    kept_off = f", and not when it is like {' or '.join(bad)}" if bad else ""
    match overall.verdict:
        case Judgement.HELPED:
            like = f" and trouble is like {' or '.join(good)}" if good else ""
            return f"use this when work has to go down without losing answers{like}{kept_off} ({price})."
        case Judgement.TRADE_UP:
            like = f" and trouble is like {' or '.join(good)}" if good else ""
            return f"use this when the work saved is worth the answers that it costs{like}{kept_off} ({price})."
        case Judgement.TRADE_DOWN:
            return f"use this when an answer is worth much less to you than the work behind it{kept_off} ({price})."
        case Judgement.HARMED:
            only = f" other than {' or '.join(good)}" if good else ""
            return f"use this when nothing else will do: it harms in trouble like this{only} ({price})."
        case Judgement.SAME:
            return f"use this when you want it for other reasons: it changes nothing to speak of here ({price})."
        case _:
            return f"use this when more runs speak for it: {_count_runs(verdicts)} cannot tell ({price})."


def _count_runs(verdicts: Verdicts) -> str:
    return "one run" if verdicts.runs == 1 else f"{verdicts.runs} runs"


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
            if due == Judgement.HARMED and cells[OVERALL].ok.baseline * verdicts.runs <= FEW:
                continue
            result = "it does" if verdict == due else f"**it does not**: it came out as '{verdict}'"
            if verdict == Judgement.UNCLEAR:
                result = f"{_count_runs(verdicts)} cannot tell"
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
    write = _writer_of(figures.ok)
    before, now = write(figures.ok.baseline), write(figures.ok.value)
    change = float(now) - float(before)
    return f"{before} to {now}" + (f" ({'+' if change > 0 else '-'}{write(abs(change))})" if change else "")


def _writer_of(counts: BothSides) -> Callable[[float], str]:
    """Return how to write a mean count: whole, but with a decimal where a few are all there is."""
    few = max(counts.baseline, counts.value) < 10
    broken = any(value != round(value) for value in (counts.baseline, counts.value))
    return "{:.1f}".format if few and broken else "{:.0f}".format


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
