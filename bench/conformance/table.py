"""The findings as Markdown and as a page of its own: a row for each question, a column for each library."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.conformance.finding import MEASURED, TrapJudgement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.conformance.asking import Column
    from bench.conformance.questions import Question

TITLE = "Traps in circuit breakers"
_INTRO = (
    "Each cell was measured in this run: the question is executed on a fresh breaker, on clocks that only the question "
    "moves. *safe*: the trap is not there; *trap*: it is; *partly*: it depends on the way of calling or on the place. "
    "The lab's own columns show that the safe answers can be had together: its policies were written with these "
    "questions in mind, the libraries were not. Its `off`, `forced_open` and `shadow` are not asked: they decide "
    "nothing of their own."
)


@dataclass(frozen=True)
class Table:
    """Everything that is shown. `asked_at`: the date; `python`: the version."""

    asked_at: str
    python: str
    questions: Sequence[Question]
    columns: Sequence[Column]


def as_json(table: Table) -> dict[str, Any]:
    """Return the same as data."""
    return {
        "schema": 1,
        "asked_at": table.asked_at,
        "python": table.python,
        "questions": [
            {"id": each.id, "asked": each.asked, "why": each.why, "good": each.good} for each in table.questions
        ],
        "libraries": [
            {
                "name": each.name,
                "version": each.version,
                "settings": each.settings,
                "answers": {
                    name: {"verdict": finding.judgement, "text": finding.text}
                    for name, finding in each.findings.items()
                },
            }
            for each in table.columns
        ],
    }


def as_markdown(table: Table) -> str:
    """Return the table, what each question means, and how each library was asked."""
    names = [f"{_to_markdown(each.name)}<br>{_to_markdown(each.version)}" for each in table.columns]
    lines = [
        f"# {TITLE}",
        "",
        f"{_asked_line(table)} {_INTRO}",
        "",
        _markdown_row(["", *names]),
        "|---" * (len(names) + 1) + "|",
    ]
    for number, question in enumerate(table.questions, 1):
        cells = [_markdown_cell(each, question) for each in table.columns]
        lines.append(_markdown_row([f"{number}. {_to_markdown(question.asked)}", *cells]))
    lines += [_markdown_row(["safe answers of those measured", *(_share(each) for each in table.columns)]), ""]
    lines += ["## What is asked", ""]
    for number, question in enumerate(table.questions, 1):
        asked, why, good = (_to_markdown(text) for text in (question.asked, question.why, question.good))
        lines.append(f"{number}. **{asked}** {why} Safe: {good}.")
    lines += ["", "## What could not be asked, or had no answer", ""]
    lines += [f"- {_to_markdown(reason)}" for reason in _reasons(table)] or ["Nothing."]
    lines += ["", "## How each was asked", ""]
    lines += [f"- {_to_markdown(each.name)}: {_to_markdown(each.settings)}." for each in table.columns if each.settings]
    return "\n".join([*lines, ""])


def _asked_line(table: Table) -> str:
    return f"Asked {table.asked_at} on Python {table.python}."


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(column: Column, question: Question) -> str:
    finding = column.findings[question.id]
    if finding.judgement in MEASURED:
        word = "safe" if finding.judgement is TrapJudgement.SAFE else f"**{finding.judgement}**"
        return f"{word}: {_to_markdown(finding.text)}"
    return f"*{finding.judgement}*"


def _share(column: Column) -> str:
    judgements = [finding.judgement for finding in column.findings.values()]
    measured = sum(judgement in MEASURED for judgement in judgements)
    return f"{judgements.count(TrapJudgement.SAFE)} of {measured}" if measured else "none measured"


def _reasons(table: Table) -> Iterator[str]:
    """Yield each reason once, with the libraries that it holds for."""
    for number, question in enumerate(table.questions, 1):
        said: dict[tuple[TrapJudgement, str], list[str]] = {}
        for column in table.columns:
            finding = column.findings[question.id]
            if finding.judgement not in MEASURED | {TrapJudgement.NOT_INSTALLED}:
                said.setdefault((finding.judgement, finding.text), []).append(column.name)
        for (judgement, text), names in said.items():
            yield f"{number}, {', '.join(names)}: {judgement}: {text}"
    for column in table.columns:
        missing = {
            finding.text for finding in column.findings.values() if finding.judgement is TrapJudgement.NOT_INSTALLED
        }
        yield from (f"{column.name}: not installed: {text}" for text in sorted(missing))


def _to_markdown(text: str) -> str:
    """Escape what Markdown would take for more than text; code between backticks stays code."""
    return _rewrite_parts(
        text, lambda part: re.sub(r"([\\*_<>\[\]|])", r"\\\1", part), lambda part: part.replace("|", "\\|")
    )


def _rewrite_parts(text: str, outside: Callable[[str], str], code: Callable[[str], str]) -> str:
    """Put the text together again from its parts outside and inside of pairs of backticks, on one line."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(code(part) if index % 2 else outside(part) for index, part in enumerate(parts))


_STYLE = """
:root { --page: #ffffff; --ink: #1f2328; --grid: #d0d7de; --soft: #f6f8fa; --safe: #1a6b33; --trap: #a53a00;
  --partly: #7a5600; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14181d; --ink: #e6edf3; --grid: #3a424c; --soft: #1d232a; --safe: #7ed491; --trap: #ff9b6b;
    --partly: #e3c267; }
}
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
p, ol, ul { max-width: 50rem; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin-top: 2rem; }
.table { overflow-x: auto; border: 1px solid var(--grid); border-radius: 6px; }
table { border-collapse: separate; border-spacing: 0; font-size: .85rem; line-height: 1.35; }
th, td { text-align: left; vertical-align: top; padding: .5rem .6rem; min-width: 9rem;
  border-bottom: 1px solid var(--grid); font-weight: normal; }
tbody tr:last-child > * { border-bottom: 0; background: var(--soft); }
thead th { background: var(--soft); font-weight: bold; }
thead small { font-weight: normal; display: block; }
tbody th, thead td { position: sticky; left: 0; background: var(--soft); min-width: 9rem; max-width: 14rem;
  border-right: 1px solid var(--grid); }
.verdict { display: block; font-weight: bold; }
.safe .verdict { color: var(--safe); }
.trap .verdict { color: var(--trap); }
.partly .verdict { color: var(--partly); }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
li { margin: .35rem 0; }
@media (max-width: 40rem) { tbody th, thead td { min-width: 7rem; max-width: 8.5rem; } }
"""
_SIGNS = {TrapJudgement.SAFE: "\u2713", TrapJudgement.TRAP: "\u2717", TrapJudgement.PARTLY: "\u25d0"}


def as_html(table: Table) -> str:
    """Return the same as one file that loads nothing."""
    heads = "".join(
        f'<th scope="col">{_to_html(each.name)} <small>{_to_html(each.version)}</small></th>' for each in table.columns
    )
    rows = "\n".join(
        f'<tr><th scope="row">{number}. {_to_html(question.asked)}</th>'
        + "".join(_html_cell(each, question) for each in table.columns)
        + "</tr>"
        for number, question in enumerate(table.questions, 1)
    )
    shares = "".join(f"<td>{_share(each)}</td>" for each in table.columns)
    asked = "\n".join(
        f"<li><strong>{_to_html(each.asked)}</strong> {_to_html(each.why)} Safe: {_to_html(each.good)}.</li>"
        for each in table.questions
    )
    reasons = "\n".join(f"<li>{_to_html(reason)}</li>" for reason in _reasons(table)) or "<li>Nothing.</li>"
    settings = "\n".join(
        f"<li>{_to_html(each.name)}: {_to_html(each.settings)}.</li>" for each in table.columns if each.settings
    )
    intro = re.sub(r"\*(.+?)\*", r"<em>\1</em>", _to_html(_INTRO))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{TITLE}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{TITLE}</h1>
<p>{_to_html(_asked_line(table))} {intro}</p>
<div class="table" role="region" aria-label="Answers" tabindex="0">
<table>
<thead><tr><td></td>{heads}</tr></thead>
<tbody>
{rows}
<tr><th scope="row">safe answers of those measured</th>{shares}</tr>
</tbody>
</table>
</div>
<h2>What is asked</h2>
<ol>
{asked}
</ol>
<h2>What could not be asked, or had no answer</h2>
<ul>
{reasons}
</ul>
<h2>How each was asked</h2>
<ul>
{settings}
</ul>
</body>
</html>
"""


def _html_cell(column: Column, question: Question) -> str:
    finding = column.findings[question.id]
    sign = f"{_SIGNS[finding.judgement]} " if finding.judgement in _SIGNS else ""
    kind = finding.judgement.replace(" ", "-")
    text = f" {_to_html(finding.text)}" if finding.judgement in MEASURED else ""
    return f'<td class="{kind}"><span class="verdict">{sign}{finding.judgement}</span>{text}</td>'


def _to_html(text: str) -> str:
    return _rewrite_parts(text, html.escape, lambda part: f"<code>{html.escape(part[1:-1])}</code>")
