"""The page of all runs: results/index.html, from what each run's summary says. Only small files are read."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from inputs.toml_text import read_toml
from loadtest.disk.locks import TakenError, hold_lock
from loadtest.disk.whole import write_whole
from loadtest.records.glance import read_manifest, read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX = "index.html"
# Writing the page takes a fraction of a second.
_INDEX_WITHIN_S = 10.0
_CODE_MARKS = MarkdownIt("zero", {"html": False}).enable("backticks")
# The page where there is one: a reference has its Markdown alone.
_REPORTS = (
    *("compare.html", "sweep.html", "sweep.md", "tune.html", "tune.md", "agreement.md", "bench.md"),
    *("conformance.html", "conformance.md", "soak.md"),
)


@dataclass(frozen=True)
class Entry:
    """One run, as the page shows it.

    `folder` is relative to the page, with slashes; `report` is a file in it, or empty.
    """

    folder: str
    scenario: str
    title: str
    engine: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    started: datetime
    revision: str
    complete: bool
    headline: str
    broken: tuple[str, ...]
    untrusted: bool
    report: str
    picture: bool

    @property
    def verdict(self) -> str:
        """Say in a few words whether the run can be believed and was as expected."""
        if not self.complete:
            return "incomplete"
        if not self.report:
            return "no report"
        if self.untrusted:
            return "does not hold"
        return "not as expected" if self.broken else "holds"


@dataclass(frozen=True)
class Runs:
    """All that a folder of results holds: runs, newest first; other work; what could not be read, and why."""

    runs: list[Entry]
    others: list[tuple[str, str]]
    skipped: list[tuple[str, str]]


def find_runs(root: Path) -> Runs:
    """Look at every folder two levels down. Links are left out: they name what is there already."""
    runs: list[Entry] = []
    others: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    for folder in sorted(_folders(root, 2)):
        name = folder.relative_to(root).as_posix()
        report = next((each for each in _REPORTS if (folder / each).is_file()), None)
        if report is not None:
            others.append((name, f"{name}/{report}"))
            continue
        if folder.name.startswith(("sweep-", "tune-")) or not (folder / "manifest.json").is_file():
            continue
        try:
            runs.append(_read_entry(folder, name))
        except (OSError, ValueError) as error:
            skipped.append((name, str(error) or type(error).__name__))
    runs.sort(key=lambda each: (each.started, each.folder), reverse=True)
    return Runs(runs, others, skipped)


def write_index(root: Path) -> Path:
    """Write the page. Of two runs that end together one waits, so that the page has both. Raises DiskError."""
    page = root / INDEX
    environment = Environment(loader=PackageLoader("loadtest.report"), undefined=StrictUndefined, autoescape=True)
    template = environment.get_template("index.html.j2")
    with _lock_index(root):
        runs = find_runs(root)
        scenarios = sorted({each.scenario for each in runs.runs})
        write_whole(page, template.render(found=runs, scenarios=scenarios, headline_html=_headline_html))
    return page


@contextmanager
def _lock_index(root: Path) -> Iterator[None]:
    """Hold a lock, where the folder's may be used and is free in time; without it, the page may lack the newest run."""
    with ExitStack() as stack:
        with suppress(OSError, TakenError):
            stack.enter_context(hold_lock(root / ".index.lock", _INDEX_WITHIN_S))
        yield


def update_index(run: Path) -> None:
    """Write the page that a run belongs to: that of results/ for results/<scenario>/<run>. Elsewhere there is none."""
    root = run.resolve().parent.parent
    with suppress(OSError, ValueError):
        if read_manifest(run).scenario == run.resolve().parent.name:
            write_index(root)


def _folders(root: Path, depth: int) -> list[Path]:
    try:
        below = [each for each in root.iterdir() if not each.name.startswith(".")]
    except OSError:
        return []
    folders = [each for each in below if each.is_dir() and not each.is_symlink()]
    return folders if depth == 1 else [deeper for each in folders for deeper in _folders(each, depth - 1)]


def _read_entry(folder: Path, name: str) -> Entry:
    manifest, summary = read_manifest(folder), read_summary(folder)
    return Entry(
        folder=name,
        scenario=manifest.scenario,
        title=_title_of(manifest.scenario_text),
        engine=manifest.engine,
        arms=manifest.arms,
        seeds=manifest.seeds,
        started=_parse_time(manifest.started),
        revision=manifest.git_revision or "unknown",
        complete=manifest.complete,
        headline=summary.headline or _first_words(folder / "report.md"),
        broken=summary.failed,
        untrusted=not all(check.ok for check in summary.validity),
        report=next((name for name in ("report.html", "report.md") if (folder / name).is_file()), ""),
        picture=(folder / "charts" / "timeline.png").is_file(),
    )


def _parse_time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"started: got {text!r}, a time without its zone")
    return found


def _title_of(text: str) -> str:
    """Return the title of a scenario's text, as a rule from its line: the whole as TOML takes longer than the rest."""
    line = next((line for line in text.splitlines() if line.partition("=")[0].strip() == "title"), "")
    for part in (line, text):
        with suppress(ValueError):
            return str(read_toml(part).get("title", ""))
    return ""


def _first_words(report: Path) -> str:
    """Return the headline of a report that was written before summaries had it."""
    try:
        with report.open(encoding="utf-8") as file:
            lines = [file.readline().strip() for _ in range(3)]
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[2]


def _headline_html(headline: str) -> Markup:
    """Turn a headline's code marks into HTML; everything else is escaped."""
    return Markup(_CODE_MARKS.renderInline(headline))  # noqa: S704 - HTML is disabled
