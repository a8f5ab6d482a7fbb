"""What stands on top of a tune's report: what to set, what speaks against it, what a reader must not overlook. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.report.numbers import number
from loadtest.studies.tune.log_words import reading_notes
from loadtest.studies.tune.objective import PER
from loadtest.studies.tune.recorded import WHOLE
from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN, OFF
from loadtest.studies.tune.space import settings_text, space
from loadtest.studies.tune.words import breaker_text, change_text, count_text, value_text

if TYPE_CHECKING:
    from loadtest.studies.tune.conduct import Tuned
    from loadtest.studies.tune.recorded import Agreement


def headline(tuned: Tuned) -> str:
    """Say what to set, what that is worth on the rest, and how sure that is; first, what it could not learn from."""
    if tuned.needs_none:
        return f"**No breaker is needed**: nothing fails in the {_requests(tuned):,} requests of the log."
    said = _recommendation(tuned)
    parts = tuned.problem.parts
    if parts and not parts[LEARN].incidents:
        said = f"**The first part of the log holds no incident**, so there was none to learn from. {said}"
    if differing := _disagreeing(tuned):
        said += f" **The recorded calls and the rebuilt pattern disagree** about {' and '.join(differing)}: see below."
    return said


def _requests(tuned: Tuned) -> int:
    return 0 if tuned.problem.log is None else len(tuned.problem.log.start_s)


def _recommendation(tuned: Tuned) -> str:
    where = "the rest of the log" if tuned.problem.log else "other seeds"
    if not tuned.recommends:
        reasons = "; ".join(
            f"{'the default' if each.breaker == DEFAULT else f'`{settings_text(each.breaker)}`'} {each.why[0]}"
            for each in tuned.choice.turned_down[:1] + tuned.choice.turned_down[1:][-1:]
        )
        held = "the rest and on the recorded calls" if tuned.problem.log else where
        return f"**No recommendation**: nothing holds up on {held}. {_capitalize(reasons)}."
    if tuned.answer == DEFAULT:
        return f"**Keep the default** (`{breaker_text(DEFAULT)}`): {_why_default(tuned)}."
    what = "**Use no breaker**" if tuned.answer == OFF else f"**Use `{settings_text(tuned.answer)}`**"
    if not tuned.failures[JUDGE]:
        why = f"{tuned.result.why}. " if tuned.answer == tuned.result.answer else ""
        return f"{what}: {why}{_capitalize(where)} cannot tell: nothing fails in it."
    sentence = f"{what}: on {where} it costs {number(tuned.judge.mean(tuned.answer))} answers for each {PER:,} requests"
    for name, other in (("the default", DEFAULT), ("no breaker", OFF)):
        if other == tuned.answer:
            continue
        change = tuned.judge.difference(tuned.answer, other)
        verdict = change.verdict
        if verdict != "better" and not tuned.judge.is_allowed(other):
            verdict += f", but {name} loses {100 * tuned.judge.lost_share(other):.2g} % of the answers"
        sentence += f", {name} {number(tuned.judge.mean(other))} (difference {change_text(change)}: {verdict})"
    return f"{sentence}."


def _disagreeing(tuned: Tuned) -> dict[str, list[Agreement]]:
    """Return those of the breakers that the headline is about, on which the log's two readings differ."""
    shown = {"the default": DEFAULT}
    if tuned.result.answer not in (DEFAULT, OFF):
        shown["what the search found"] = tuned.result.answer
    found = {name: tuned.recorded.disagreements(each) for name, each in shown.items()}
    return {name: each for name, each in found.items() if each}


def caution(tuned: Tuned) -> str:
    """Say what the backend of the search does not do, whatever it recommends."""
    queue = any(phase.profile.capacity for phase in tuned.problem.scenarios[LEARN].plan_of("x", 0).phases)
    if queue:
        return (
            "Calls fill the queue of this backend, but they neither cause nor prolong its faults: there is no feedback."
        )
    what = "rebuilt backend" if tuned.problem.log else "backend of this scenario"
    return (
        f"The {what} never suffers from probes or load: its incidents come and go whatever is let through (no "
        "feedback), so frequent probes look free here, and at a real backend may not be."
    )


def _why_default(tuned: Tuned) -> str:
    if not tuned.failures[LEARN]:
        first = "first part of the log" if tuned.problem.log else "scenario"
        return f"nothing fails in the {first}, so there is nothing to go by"
    if not any(bare.ok for _, bare in tuned.learn.pairs(OFF)):
        first = "first part of the log" if tuned.problem.log else "scenario"
        return f"nothing succeeds in the {first}, so the cost of refusals cannot be seen"
    if tuned.result.answer != DEFAULT:
        return "what the search found did not hold up on the rest, see below"
    return tuned.result.why


def notes(tuned: Tuned) -> list[str]:
    """Say what a reader must not overlook."""
    sentences = [
        f"**The recorded calls and the rebuilt pattern disagree.** {_capitalize(name)} loses "
        f"{'; '.join(map(str, each))}."
        for name, each in _disagreeing(tuned).items()
    ]
    problem, judge = tuned.problem, tuned.judge
    if tuned.recorded.parts and not tuned.needs_none:
        sentences.append(_replay_text(tuned))
    if problem.log:
        sentences += reading_notes(problem.log)
    sentences += [
        f"**Not confirmed.** {'The default' if each.breaker == DEFAULT else f'`{settings_text(each.breaker)}`'} "
        f"{'; '.join(each.why)}."
        for each in tuned.choice.turned_down
    ]
    if not tuned.failures[JUDGE] and tuned.failures[LEARN]:
        sentences.append(
            "Nothing fails in the holdout, so it cannot tell whether settings help. Take another `--holdout`."
        )
    if not judge.is_allowed(DEFAULT):
        sentences.append(
            f"The default loses {100 * judge.lost_share(DEFAULT):.3g} % of the answers, more than the "
            f"{100 * tuned.aim.most_lost:.3g} % that may be lost (`--most-lost`)."
        )
    if tuned.candidates < tuned.options.candidates:
        sentences.append(
            f"The log is long, so {tuned.candidates} settings were drawn at first, not {tuned.options.candidates}."
        )
    sentences += [
        f"`{each.name} = {value_text(getattr(tuned.answer, each.name))}` is at the edge of what was searched, "
        f"{each.low:g} to {each.high:g}: another may be better by the cost, but look at what could not be known."
        for each in space(problem.wait_s).get(tuned.answer.policy, ())
        if _at_edge(getattr(tuned.answer, each.name), each.low, each.high)
    ]
    return sentences


def _replay_text(tuned: Tuned) -> str:
    """Say what the default and what is recommended do to the recorded calls of the whole log."""
    shown = {"the default": DEFAULT}
    if tuned.recommends and tuned.answer not in (DEFAULT, OFF):
        shown["what is recommended"] = tuned.answer
    said = []
    for name, each in shown.items():
        found = tuned.recorded.replay(WHOLE, each)
        said.append(
            f"{name} trips {count_text(found.trips)} times, loses {count_text(found.lost)} of "
            f"{count_text(found.answers)} answers ({100 * found.lost_share:.3g} %) and spares "
            f"{count_text(found.spared)} of {count_text(found.failures)} failures"
        )
    return f"On the recorded calls of the whole log, {'; '.join(said)}."


def _at_edge(value: float | None, low: float, high: float) -> bool:
    """Whether a setting stands where its range ends; 1 is where counts and shares end by themselves."""
    return value is not None and value in (low, high) and value != 1


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
