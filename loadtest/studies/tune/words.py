"""The results of a tune as sentences and rows of tables. Pure."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from client.pipeline.order import CallSettings
from loadtest.report.numbers import number
from loadtest.studies.tune.recorded import PART_NAMES, WHOLE
from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN, OFF, PairedMean
from loadtest.studies.tune.snippets import snippets
from loadtest.studies.tune.space import settings_text, space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.conduct import Tuned

_SHOWN_LINE = 200


def snippet_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return what to paste; where the answer's policy does not map, with the best finalist of one that does."""
    rows: list[dict[str, Any]] = []
    if not tuned.recommends:
        return rows
    for one in snippets(tuned.settings, _calls_per_s(tuned)):
        entry: dict[str, Any] = {**asdict(one), "instead": None}
        if one.text is None and tuned.answer != OFF:
            for each in tuned.learn.rank(tuned.result.finalists):
                call = CallSettings(breaker=each, timeout=tuned.problem.timeout)
                other = next(its for its in snippets(call, _calls_per_s(tuned)) if its.name == one.name)
                if other.text is not None and tuned.learn.mean(each) < tuned.learn.mean(OFF):
                    entry["instead"] = {
                        **asdict(other),
                        "settings": settings_text(each),
                        "cost": tuned.judge.mean(each),
                    }
                    break
        rows.append(entry)
    return rows


def figure_rows(tuned: Tuned, part: str) -> list[dict[str, Any]]:
    """Return the costs and savings of each breaker on one part, a row each."""
    ledger = tuned.judge if part == JUDGE else tuned.learn
    names = {LEARN: "searched on", JUDGE: "rest"}
    rows = [("no breaker", OFF), ("default", DEFAULT)]
    rows += [("the scenario's", each) for each in tuned.problem.fixed if each not in (DEFAULT, OFF)]
    if tuned.result.answer not in (OFF, DEFAULT, tuned.answer):
        rows.append(("found", tuned.result.answer))
    if tuned.answer not in (OFF, DEFAULT):
        rows.append(("**recommended**", tuned.answer))
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
                "default": "" if each == DEFAULT else change_text(ledger.difference(each, DEFAULT)),
                "off": "" if each == OFF else change_text(ledger.difference(each, OFF)),
            }
        )
    return found


def replay_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return what each breaker does to the recorded calls, a row each, beside the rebuilt pattern."""
    shown = {"default": DEFAULT}
    if tuned.result.answer not in (OFF, DEFAULT, tuned.answer):
        shown["found"] = tuned.result.answer
    if tuned.answer not in (OFF, DEFAULT):
        shown["**recommended**"] = tuned.answer
    rows = []
    for part in tuned.recorded.parts:
        none = tuned.recorded.replay(part, OFF).cost(tuned.aim.weights)
        for name, each in shown.items():
            found = tuned.recorded.replay(part, each)
            beside = None if part == WHOLE else tuned.recorded.agreement(part, each)
            rows.append(
                {
                    "part": PART_NAMES[part],
                    "name": name,
                    "trips": count_text(found.trips),
                    "lost": f"{count_text(found.lost)} of {count_text(found.answers)} ({100 * found.lost_share:.3g} %)",
                    "spared": f"{count_text(found.spared)} of {count_text(found.failures)}",
                    "cost": f"{number(found.cost(tuned.aim.weights))} (none: {number(none)})",
                    "rebuilt": ""
                    if beside is None
                    else f"{100 * beside.rebuilt:.2g} % ({100 * max(0.0, beside.expected[0]):.2g} to "
                    f"{100 * beside.expected[1]:.2g}), {number(beside.rebuilt_trips)} trips",
                    "agrees": "" if beside is None else "yes" if beside.holds else "**no**",
                }
            )
    return rows


def policy_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the best settings of each policy, a row each."""
    best: dict[str, PolicySettings] = {}
    for each in tuned.result.finalists:
        best.setdefault(each.policy, each)
    if DEFAULT not in best.values():
        best["default"] = DEFAULT
    rows = []
    for each in best.values():
        lead = tuned.learn.difference(each, tuned.answer)
        rows.append(
            {
                "settings": f"`{breaker_text(each) if each == DEFAULT else settings_text(each)}`",
                "learn": number(tuned.learn.mean(each)),
                "judge": number(tuned.judge.mean(each)),
                "lost": f"{100 * tuned.judge.lost_share(each):.2g} %",
                "lead": "" if each == tuned.answer or not tuned.recommends else f"{change_text(lead)}",
            }
        )
    return rows


def window_text(tuned: Tuned) -> str:
    """Return how long a window of calls is in this log, for libraries with windows of time."""
    if tuned.answer.policy != "count_window":
        return ""
    calls = tuned.answer.window_calls
    seconds = f"{calls / _calls_per_s(tuned):.2g} s"
    return f"For a window of time instead of calls: here, {calls} calls take {seconds} on average."


def _calls_per_s(tuned: Tuned) -> float:
    if tuned.problem.parts:
        part = tuned.problem.parts[LEARN]
        return len(part.log.start_s) / (part.end_s - part.start_s)
    load = tuned.problem.scenarios[LEARN].load
    return sum(each.requests for each in load) / sum(each.pause_s + each.requests / each.rate_per_s for each in load)


def ties_text(tuned: Tuned) -> str:
    """Name the finalists that the search's seeds cannot tell from the answer."""
    if not tuned.recommends:
        return ""
    others = [each for each in tuned.result.finalists if each != tuned.answer]
    equal = [each for each in others if tuned.learn.difference(each, tuned.answer).verdict == "cannot tell"]
    if not equal:
        return "The seeds of the search distinguish the recommended settings from every other finalist."
    count = "one other finalist" if len(equal) == 1 else f"{len(equal)} other finalists"
    return (
        f"The seeds of the search cannot distinguish {count} from the recommended settings: "
        f"{'; '.join(f'`{settings_text(each)}`' for each in equal)}. If one of them is easier to set up, use it."
    )


def sensitivity_text(tuned: Tuned) -> list[str]:
    """Return, for each setting, how much the cost depends on it."""
    by_name: dict[str, list[Any]] = {}
    for each in tuned.sensitivity:
        by_name.setdefault(each.name, []).append(each)
    base = (tuned.judge if tuned.sensitivity_part == JUDGE else tuned.learn).mean(tuned.answer)
    sentences = []
    for name, found in by_name.items():
        worst = max(found, key=lambda each: each.change.mean)
        share = worst.change.mean / base if base else 0.0
        word = "matters much" if share > 0.25 else "matters" if share > 0.05 else "hardly matters"
        if all(each.change.verdict == "cannot tell" for each in found):
            word = "makes no difference that these seeds can tell"
        changes = "; ".join(f"{value_text(each.value)}: {change_text(each.change)}" for each in found)
        sentences.append(f"`{name} = {value_text(getattr(tuned.answer, name))}` {word}. {changes}")
    return sentences


def reweighed_text(tuned: Tuned) -> list[str]:
    """Return a line for each weight halved and doubled: the settings that come first then."""
    sentences = []
    for each in tuned.reweighed:
        how = "halved" if each.factor < 1 else "doubled"
        if each.best == tuned.answer:
            sentences.append(f"`{each.name}` {how}: the same settings come first.")
        else:
            sentences.append(
                f"`{each.name}` {how}: `{settings_text(each.best)}` comes first, and costs {number(each.saves)} less "
                "than the recommended settings."
            )
    return sentences


def fit_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the recorded pattern beside the rebuilt one, a row each."""
    rows = []
    for courses in tuned.courses:
        part = "searched on" if courses.part == LEARN else "rest"
        for name, (recorded, rebuilt) in (courses.figures or {}).items():
            rows.append(
                {"part": part, "name": name, "recorded": _figure_text(recorded), "rebuilt": _figure_text(rebuilt)}
            )
    return rows


def stretch_rows(tuned: Tuned) -> list[dict[str, Any]]:
    """Return the stretches of time, a row each."""
    return [
        {
            "from": f"{part.start_s + each.start_s:,.0f}",
            "to": f"{part.start_s + each.end_s:,.0f}",
            "rate": number(each.rate_per_s),
            "errors": f"{100 * each.error_share:.2g}",
            "timeouts": f"{100 * each.timeout_share:.2g}",
            "burst": "" if each.burst is None else number(each.burst),
            "latency": f"{_figure_text(each.mean_s)} ± {_figure_text(each.spread_s)}",
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


def command_text(tuned: Tuned, policies: Sequence[str]) -> str:
    """Return the command that gives the same result."""
    options, usual = tuned.options, type(tuned.options)()
    given = "".join(
        f" --{name.replace('_', '-')} {value:g}"
        if isinstance(value, float | int)
        else f" --{name.replace('_', '-')} {value}"
        for name, value in options.model_dump().items()
        if value != getattr(usual, name)
    )
    weights = "".join(
        f" --weight {name}={value:g}"
        for name, value in tuned.aim.weights.model_dump().items()
        if value != getattr(type(tuned.aim.weights)(), name)
    )
    chosen = "" if len(policies) == len(space(1.0)) else "".join(f" --policy {name}" for name in policies)
    arm = f" --arm {tuned.problem.arm}" if tuned.problem.arm else ""
    return f".venv/bin/python -m loadtest tune {shlex.quote(tuned.problem.given)}{arm}{chosen}{weights}{given}"


def breaker_text(breaker: PolicySettings) -> str:
    return f"{breaker.policy}: fail_max = {breaker.fail_max}, reset_timeout = {breaker.reset_timeout:g}"


def change_text(change: PairedMean) -> str:
    def signed(value: float) -> str:
        return f"{'+' if value > 0 else '-' if value < 0 else ''}{number(abs(value))}"

    if change.interval is None:
        return signed(change.mean)
    return f"{signed(change.mean)} ({signed(change.interval[0])} to {signed(change.interval[1])})"


def value_text(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def count_text(value: float) -> str:
    """Write a count, or the mean of some."""
    return f"{value:,.0f}" if value == round(value) else number(value)


def _figure_text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def strip_markup(text: str) -> str:
    """Return a text without its Markdown."""
    return text.replace("**", "").replace("`", "")
