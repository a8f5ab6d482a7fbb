"""The results as JSON and as Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.ratio import machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.attack.running import AttackResult


def write(
    folder: Path, results: Sequence[AttackResult], undisturbed_s: float, limit_s: float, *, seed: int, quick: bool
) -> str:
    """Write attack.json and attack.md; return the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    where = machine()
    about = {"seed": seed, "quick": quick, "undisturbed_data_s": undisturbed_s, "limit_data_s": limit_s}
    found = {"machine": where, **about, "attacks": [each.as_json() for each in results]}
    (folder / "attack.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    line = (
        f"{where['measured']}, {where['cores']} cores, {where['system']}, Python {where['python']}; seed {seed}"
        f"{', quick' if quick else ''}. Undisturbed, the longest `GET /data` took {1000 * undisturbed_s:.0f} ms; under "
        f"attack it may take {1000 * limit_s:.0f} ms."
    )
    text = "\n".join(["# Attacks", "", line, "", *as_lines(results), "", *more_lines(results)])
    (folder / "attack.md").write_text(text, encoding="utf-8")
    return text


def as_lines(results: Sequence[AttackResult]) -> list[str]:
    """Return the lines of the Markdown table."""
    rows = [
        f"| {each.name} | {each.verdict if each.verdict != 'broken' else '**broken**'} | {each.tried} "
        f"| {each.tried - each.broken} | {each.broken} | {_milliseconds(each.longest_data_s)} | {_first(each)} |"
        for each in results
    ]
    heads = ("attack", "", "tried", "held", "broken", "longest `GET /data`", "what broke first")
    return [f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|---|", *rows]


def more_lines(results: Sequence[AttackResult]) -> list[str]:
    """Return what else broke, one list for each attack."""
    lines = []
    for each in results:
        if len(each.told) > 1:
            lines += [f"## {each.name}", "", *(f"- {_to_markdown(text)}" for text in each.told)]
            if each.broken > len(each.told):
                lines.append(f"- and {each.broken - len(each.told):,} more, or the same again")
            lines.append("")
    return lines


def _first(result: AttackResult) -> str:
    if result.skipped:
        return f"skipped: {_to_markdown(result.skipped)}"
    return _to_markdown(result.told[0]) if result.told else ""


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:,.0f} ms"


def _to_markdown(text: str) -> str:
    """Put text that a service has said into a cell: on one line, and nothing of it as markup."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    for letter in "\\`*_<>[]|":
        plain = plain.replace(letter, f"\\{letter}")
    return plain
