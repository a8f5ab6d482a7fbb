"""What a tune found, in words and in the rows of its tables. Pure."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from client.pipeline.order import CallSettings
from loadtest.report.numbers import number
from loadtest.studies.tune.objective import PER
from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN, OFF, Difference
from loadtest.studies.tune.snippets import snippets
from loadtest.studies.tune.space import space, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.conduct import Tuned

_SHOWN_LINE = 200
# Hardly anybody waits so long for an answer: these are rather milliseconds.
_LONG_CALL_S = 20.0


def headline(tuned: Tuned) -> str:
    """Say what to set, what that is worth on the rest, and how sure that is."""
    where = "the rest of the log" if tuned.problem.log else "other seeds"
    if tuned.answer == DEFAULT:
        return f"**Keep the default** (`{_full(DEFAULT)}`): {_why_default(tuned)}."
    what = "**Use no breaker**" if tuned.answer == OFF else f"**Use `{written(tuned.answer)}`**"
    if tuned.verdict == "cannot tell" and not tuned.failures[JUDGE]:
        return f"{what}: {tuned.found.why}. {_capital(where)} cannot tell: nothing fails in it."
    said = f"{what}: on {where} it costs {number(tuned.judge.mean(tuned.answer))} answers for each {PER:,} requests"
    for name, other in (("the default", DEFAULT), ("no breaker", OFF)):
        if other == tuned.answer:
            continue
        change = tuned.judge.difference(tuned.answer, other)
        verdict = change.verdict
        if verdict != "better" and not tuned.judge.allowed(other):
            verdict += f", but {name} loses {100 * tuned.judge.lost_share(other):.2g} % of the answers"
        said += f", {name} {number(tuned.judge.mean(other))} (difference {_signed(change)}: {verdict})"
    return f"{said}."


def _why_default(tuned: Tuned) -> str:
    if not tuned.failures[LEARN]:
        first = "first part of the log" if tuned.problem.log else "scenario"
        return f"nothing fails in the {first}, so there is nothing to go by"
    if not any(bare.ok for _, bare in tuned.learn.pairs(OFF)):
        first = "first part of the log" if tuned.problem.log else "scenario"
        return f"nothing succeeds in the {first}, so what refusing costs cannot be seen"
    if tuned.found.answer != DEFAULT:
        return "what the search found did not hold up on the rest, see below"
    return tuned.found.why


def notes(tuned: Tuned) -> list[str]:
    """Say what a reader must not overlook."""
    said: list[str] = []
    problem, judge = tuned.problem, tuned.judge
    if problem.log and problem.log.bad:
        bad = problem.log
        share = 100 * bad.bad / bad.lines
        shown = "; ".join(bad.bad_named)
        said.append(f"{bad.bad:,} of {bad.lines:,} lines ({share:.2g} %) could not be read and were left out: {shown}")
    if problem.log and (usual_s := float(np.median(problem.log.duration_s))) > _LONG_CALL_S:
        said.append(
            f"**Are these seconds?** The median call takes {usual_s:,.4g} s by this log. Where the column has "
            "milliseconds, name it `duration_ms`."
        )
    if tuned.answer != tuned.found.answer:
        change = judge.difference(tuned.found.answer, DEFAULT)
        said.append(
            f"**Not confirmed.** The search found `{written(tuned.found.answer)}`; on the rest it is {change.verdict} "
            f"against the default ({_signed(change)}), or loses more answers than may be lost."
        )
    if not tuned.failures[JUDGE] and tuned.failures[LEARN]:
        said.append("Nothing fails in the holdout, so it cannot tell whether settings help. Take another `--holdout`.")
    if not judge.allowed(DEFAULT):
        said.append(
            f"The default loses {100 * judge.lost_share(DEFAULT):.3g} % of the answers, more than the "
            f"{100 * tuned.aim.most_lost:.3g} % that may be lost (`--most-lost`)."
        )
    if tuned.candidates < tuned.asked.candidates:
        said.append(
            f"The log is long, so {tuned.candidates} settings were drawn at first, not {tuned.asked.candidates}."
        )
    said += [
        f"`{each.name} = {_value(getattr(tuned.answer, each.name))}` is at the edge of what was searched, {each.low:g} "
        f"to {each.high:g}: another may be better by the cost, but look at what could not be known."
        for each in space(problem.wait_s).get(tuned.answer.policy, ())
        if _at_edge(getattr(tuned.answer, each.name), each.low, each.high)
    ]
    return said


def _at_edge(value: float | None, low: float, high: float) -> bool:
    """Whether a setting stands where its range ends; 1 is where counts and shares end by themselves."""
    return value is not None and value in (low, high) and value != 1


def pasted(tuned: Tuned) -> list[dict[str, Any]]:
    """Return what to paste; where the answer's policy does not map, with the best finalist of one that does."""
    told = []
    for one in snippets(tuned.settings, _calls_per_s(tuned)):
        entry: dict[str, Any] = {**asdict(one), "instead": None}
        if one.text is None and tuned.answer != OFF:
            for each in tuned.learn.ranked(tuned.found.finalists):
                call = CallSettings(breaker=each, timeout=tuned.problem.timeout)
                other = next(its for its in snippets(call, _calls_per_s(tuned)) if its.name == one.name)
                if other.text is not None and tuned.learn.mean(each) < tuned.learn.mean(OFF):
                    entry["instead"] = {**asdict(other), "settings": written(each), "cost": tuned.judge.mean(each)}
                    break
        told.append(entry)
    return told


def figure_rows(tuned: Tuned, part: str) -> list[dict[str, Any]]:
    """Return what each breaker costs and saves on one part, a row each."""
    ledger = tuned.judge if part == JUDGE else tuned.learn
    names = {LEARN: "searched on", JUDGE: "rest"}
    rows = [("no breaker", OFF), ("default", DEFAULT)]
    rows += [("the scenario's", each) for each in tuned.problem.fixed if each not in (DEFAULT, OFF)]
    if tuned.found.answer not in (OFF, DEFAULT):
        rows.append(("**recommended**" if tuned.answer == tuned.found.answer else "found", tuned.found.answer))
    found = []
    for name, each in rows:
        pairs = ledger.pairs(each)

        def mean(of: str, pairs: Any = pairs) -> float:
            return float(np.mean([getattr(own, of) for own, _ in pairs]))

        lost = float(np.mean([bare.ok - own.ok for own, bare in pairs]))
        found.append(
            {
                "part": names[part],
                "name": name,
                "cost": number(ledger.mean(each)),
                "refused": number(lost),
                "bad": number(mean("bad_calls")),
                "held": number(mean("in_flight_s")),
                "answered": f"{number(mean('ok'))} of {number(mean('requests'))}",
                "default": "" if each == DEFAULT else _signed(ledger.difference(each, DEFAULT)),
                "off": "" if each == OFF else _signed(ledger.difference(each, OFF)),
            }
        )
    return found


def policy_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the best settings of each policy, a row each."""
    best: dict[str, PolicySettings] = {}
    for each in tuned.found.finalists:
        best.setdefault(each.policy, each)
    if DEFAULT not in best.values():
        best["default"] = DEFAULT
    rows = []
    for each in best.values():
        lead = tuned.learn.difference(each, tuned.answer)
        rows.append(
            {
                "settings": f"`{_full(each) if each == DEFAULT else written(each)}`",
                "learn": number(tuned.learn.mean(each)),
                "judge": number(tuned.judge.mean(each)),
                "lost": f"{100 * tuned.judge.lost_share(each):.2g} %",
                "lead": "" if each == tuned.answer else f"{_signed(lead)}",
            }
        )
    return rows


def window(tuned: Tuned) -> str:
    """Say how long a window of calls is in this log, for what looks back on time."""
    if tuned.answer.policy != "count_window":
        return ""
    calls = tuned.answer.window_calls
    seconds = f"{calls / _calls_per_s(tuned):.2g} s"
    return f"Where something looks back on time and not on calls: here {calls} calls are made in {seconds} on average."


def _calls_per_s(tuned: Tuned) -> float:
    load = tuned.problem.scenarios[LEARN].load
    return sum(each.requests for each in load) / sum(each.pause_s + each.requests / each.rate_per_s for each in load)


def ties(tuned: Tuned) -> str:
    """Name the finalists that the search's seeds cannot tell from the answer."""
    others = [each for each in tuned.found.finalists if each != tuned.answer]
    equal = [each for each in others if tuned.learn.difference(each, tuned.answer).verdict == "cannot tell"]
    if not equal:
        return "The seeds of the search tell what is recommended from every other finalist."
    count = "one other finalist" if len(equal) == 1 else f"{len(equal)} other finalists"
    return (
        f"The seeds of the search cannot tell {count} from what is recommended: "
        f"{'; '.join(f'`{written(each)}`' for each in equal)}. Where one of them is easier to have, take it."
    )


def sensitivity_text(tuned: Tuned) -> list[str]:
    """Say, setting by setting, how much depends on it."""
    by_name: dict[str, list[Any]] = {}
    for each in tuned.sensitivity:
        by_name.setdefault(each.name, []).append(each)
    base = (tuned.judge if tuned.sensitivity_part == JUDGE else tuned.learn).mean(tuned.answer)
    said = []
    for name, found in by_name.items():
        worst = max(found, key=lambda each: each.change.mean)
        share = worst.change.mean / base if base else 0.0
        word = "matters much" if share > 0.25 else "matters" if share > 0.05 else "hardly matters"
        if all(each.change.verdict == "cannot tell" for each in found):
            word = "makes no difference that these seeds can tell"
        changes = "; ".join(f"{_value(each.value)}: {_signed(each.change)}" for each in found)
        said.append(f"`{name} = {_value(getattr(tuned.answer, name))}` {word}. {changes}")
    return said


def reweighed_text(tuned: Tuned) -> list[str]:
    """Return a line for each weight halved and doubled: what comes first then."""
    said = []
    for each in tuned.reweighed:
        how = "halved" if each.factor < 1 else "doubled"
        if each.best == tuned.answer:
            said.append(f"`{each.name}` {how}: the same settings come first.")
        else:
            said.append(
                f"`{each.name}` {how}: `{written(each.best)}` comes first, and costs {number(each.saves)} less than "
                "what is recommended."
            )
    return said


def fit_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the recorded pattern beside the rebuilt one, a row each."""
    rows = []
    for looks in tuned.looks:
        part = "searched on" if looks.part == LEARN else "rest"
        for name, (recorded, rebuilt) in (looks.figures or {}).items():
            rows.append({"part": part, "name": name, "recorded": _figure(recorded), "rebuilt": _figure(rebuilt)})
    return rows


def stretch_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the stretches that time was cut into, a row each."""
    return [
        {
            "from": f"{part.start_s + each.start_s:,.0f}",
            "to": f"{part.start_s + each.end_s:,.0f}",
            "rate": number(each.rate_per_s),
            "errors": f"{100 * each.error_share:.2g}",
            "timeouts": f"{100 * each.timeout_share:.2g}",
            "burst": "" if each.burst is None else number(each.burst),
            "latency": f"{_figure(each.mean_s)} ± {_figure(each.spread_s)}",
        }
        for part in (tuned.problem.parts or {}).values()
        for each in part.rebuilt.stretches
    ]


def space_rows(tuned: Tuned, policies: Sequence[str]) -> list[str]:
    """Return the ranges that were searched, a line for each policy."""
    return [
        f"`{name}`: " + ", ".join(f"`{each.name}` {each.low:g} to {each.high:g}" for each in dimensions)
        for name, dimensions in space(tuned.problem.wait_s).items()
        if name in policies
    ]


def again(tuned: Tuned, policies: Sequence[str]) -> str:
    """Return the command that gives the same again."""
    asked, usual = tuned.asked, type(tuned.asked)()
    options = "".join(
        f" --{name.replace('_', '-')} {value:g}"
        if isinstance(value, float | int)
        else f" --{name.replace('_', '-')} {value}"
        for name, value in asked.model_dump().items()
        if value != getattr(usual, name)
    )
    weights = "".join(
        f" --weight {name}={value:g}"
        for name, value in tuned.aim.weights.model_dump().items()
        if value != getattr(type(tuned.aim.weights)(), name)
    )
    chosen = "" if len(policies) == len(space(1.0)) else "".join(f" --policy {name}" for name in policies)
    arm = f" --arm {tuned.problem.arm}" if tuned.problem.arm else ""
    return f".venv/bin/python -m loadtest tune {shlex.quote(tuned.problem.given)}{arm}{chosen}{weights}{options}"


def _full(breaker: PolicySettings) -> str:
    return f"{breaker.policy}: fail_max = {breaker.fail_max}, reset_timeout = {breaker.reset_timeout:g}"


def _signed(change: Difference) -> str:
    def signed(value: float) -> str:
        return f"{'+' if value > 0 else '-' if value < 0 else ''}{number(abs(value))}"

    if change.interval is None:
        return signed(change.mean)
    return f"{signed(change.mean)} ({signed(change.interval[0])} to {signed(change.interval[1])})"


def _value(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plain(text: str) -> str:
    """Take the Markdown out of a text."""
    return text.replace("**", "").replace("`", "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
