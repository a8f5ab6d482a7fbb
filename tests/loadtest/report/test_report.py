"""Reports: from the files of a run to words and pictures."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from loadtest.experiments import finish as finishing
from loadtest.experiments.finish import finish
from loadtest.experiments.many_seeds import SeedDistribution
from loadtest.records.comparison import PairedFigure
from loadtest.records.run_folder import RunFolder
from loadtest.report.headline import headline
from loadtest.report.part import ReportPart
from loadtest.scenario import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHARTS = ["in_flight", "latency", "outcomes", "timeline"]

# Trips in every run: the backend fails from request 11 to 20.
TEXT = """
name = "mine"
title = "{title}"
about = '''{about}'''
baseline = "without"
load = [{{ requests = 40, rate_per_s = 2 }}]
[faults]
latency = {{ mean_s = {mean_s} }}
sequence = "SSSSSSSSSSFFFFFFFFFFSSSSSSSSSSSSSSSSSSSS"
[arms.without]
breaker = {{ policy = "off" }}
[arms.with]
about = "guarded"
breaker = {{ reset_timeout = 4 }}
[expect.with]
trips = {{ min = {trips} }}
"""
NEEDS = ("src", "srcset", "poster", "data", "action", "background", "href", "xlink:href")


def text(title: str = "Mine", about: str = "My words.", trips: int = 1, mean_s: float = 0.1) -> str:
    return TEXT.format(title=title, about=about, trips=trips, mean_s=mean_s)


def words(folder: RunFolder) -> str:
    return (folder.path / "report.md").read_text(encoding="utf-8")


def page(folder: RunFolder) -> str:
    return (folder.path / "report.html").read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Collects what a page would load, its tags, and the texts of its cells."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: set[str] = set()
        self.links: list[str] = []
        self.widths: list[list[int]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "table":
            self.widths.append([])
        elif tag == "tr":
            self.widths[-1].append(0)
        elif tag in ("td", "th"):
            self.widths[-1][-1] += 1
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in NEEDS:
                self.loads.add(value or "")
            assert not name.startswith("on"), f"{tag} {name}"


def assert_self_contained(source: str) -> None:
    """Nothing is loaded, only the lab's own script runs; addresses are the names of XML's vocabularies only."""
    script = (resources.files("loadtest.report") / "templates" / "requests.js").read_text(encoding="utf-8")
    source = source.replace(f"<script>\n{script}\n</script>", "")
    source = re.sub(r'<script type="application/json" id="requests-data">[^<]*</script>', "", source)
    reader = Reader(source)
    assert not reader.tags & {"script", "link", "iframe", "object", "embed", "img", "image", "base", "form"}
    assert all(re.fullmatch(r"#[\w-]+", address) for address in reader.loads), reader.loads
    assert "@import" not in source
    assert set(re.findall(r"url\((.)", source)) <= {"#"}
    named = re.sub(r'(xmlns(:\w+)?|rdf:resource)="https?://[^"]*"', "", source)
    assert "http" not in re.sub(r">[^<]*<", "><", named)
    assert all(len(set(widths)) == 1 for widths in reader.widths)


@pytest.fixture(scope="module")
def shipped_run(tmp_path_factory: pytest.TempPathFactory, new_run: Callable[..., RunFolder]) -> RunFolder:
    """Experiment 1, simulated, with its report."""
    folder = new_run(tmp_path_factory.mktemp("results"), files.read("experiment-1")[1])
    finish(folder)
    return folder


def test_a_report_has_words_a_page_and_pictures(shipped_run: RunFolder) -> None:
    """All files of a run are there, none is empty, and none is left over from writing."""
    files = sorted(str(path.relative_to(shipped_run.path)) for path in shipped_run.path.rglob("*") if path.is_file())

    assert files == sorted(
        [
            "arms.jsonl",
            "manifest.json",
            "report.html",
            "report.md",
            "requests.jsonl",
            "summary.json",
            "transitions.jsonl",
            *(f"charts/{name}.{kind}" for name in CHARTS for kind in ("svg", "png")),
        ]
    )
    assert all((shipped_run.path / name).stat().st_size > 0 for name in files)


def test_the_report_of_experiment_1_answers_first(shipped_run: RunFolder) -> None:
    """Title, answer, the document's figures side by side; the trace, the five metrics and the checks after them."""
    lines = words(shipped_run).splitlines()

    assert lines[:3] == [
        "# Experiment 1: trip the breaker, watch it recover",
        "",
        (
            "On the document's own sequence the breaker tripped at request 9, refused 4 requests in 0 ms each (median; "
            "a normal call took 0.50 s) without a single call of the backend, and closed again 31.2 s after the trip, "
            "at the first probe. With the 30 % independent failures that the document describes it did not trip, as "
            "was to be expected: the exact chance that it trips at all in 20 requests is 2.78 %."
        ),
    ]
    assert [line for line in lines if line.startswith("## ")] == [
        "## The document's figures beside the measured ones",
        "## Request by request: `replay`, seed 1",
        "## Request by request: `independent-30`, seed 1",
        "## The arms side by side",
        "## Pictures",
        "## The five metrics that the document asks for",
        "## Can you trust this run?",
        "## Does it meet the scenario's expectations?",
        "## Run it again",
    ]
    for line in (
        "7 of 7 within their tolerance.",
        "| printed trace: result, state and count | 16 lines | 16 lines agree | 0 | exact | within |",
        "| fast-fail, median | 0.0020 s | 0.0000 s | -2.0 ms | 0.001 to 0.002 s printed; at most 0.002 s | within |",
        "| normal call, median | 0.50 s | 0.50 s | 0 | 10 % | within |",
        "Request 10:  Circuit Breaker OPENED; FAST-FAIL (0.000s), Circuit: OPEN",
        (
            "| 1. state transitions | open at 6.9 s (fail_max reached); half-open at 37.6 s (reset_timeout elapsed); "
            "closed at 38.1 s (probe succeeded) | none |"
        ),
        "| 2. fast-fail rate | 20.0 % | 0.0 % |",
        "| 3. success rate in half-open | 1 of 1 probes | no probe |",
        "| 5. false positives | 4 of 4 refusals, 1 of 1 trips | 0 of 0 refusals, 0 of 0 trips |",
        "| the run is complete | ok | 2 of 2 arms x seeds ran to their end |",
        "| expected of replay: trips = 1 | ok | measured 1 |",
        "make experiment-1 ARGS='--engine virtual'",
    ):
        assert line in lines
    assert "**outside**" not in words(shipped_run)
    assert "does not hold" not in words(shipped_run)
    assert "Not as expected" not in words(shipped_run)


def test_the_page_is_the_words_with_the_pictures_inside(shipped_run: RunFolder) -> None:
    """One file that can be sent to a colleague: nothing is loaded, nothing runs, every reference is within it."""
    source = page(shipped_run)

    assert_self_contained(source)
    assert source.count("<svg") == len(CHARTS)
    ids = re.findall(r'\bid="([^"]+)"', source)
    used = set(re.findall(r'(?:href="#|url\(#)([\w-]+)', source))
    assert used <= set(ids)
    assert [name for name in used if ids.count(name) > 1] == []
    assert "<h1>Experiment 1: trip the breaker, watch it recover</h1>" in source
    assert "Request 13:  FAST-FAIL (0.000s), Circuit: OPEN" in source


def test_a_rebuilt_report_is_the_same_to_the_byte(shipped_run: RunFolder, tmp_path: Path) -> None:
    """From the rows alone, in another folder: what is pasted into a document can be checked on any later day."""
    copy = RunFolder(tmp_path / "copy")
    copy.path.mkdir()
    for name in ("manifest.json", "requests.jsonl", "transitions.jsonl", "arms.jsonl"):
        shutil.copy(shipped_run.path / name, copy.path / name)

    finish(copy)

    names = ["report.md", "report.html", "summary.json", *(f"charts/{name}.svg" for name in CHARTS)]
    differing = [n for n in names if (copy.path / n).read_bytes() != (shipped_run.path / n).read_bytes()]
    assert differing == []


def test_summary_json_is_as_designed(shipped_run: RunFolder) -> None:
    """Its entries, those of an arm, of a figure and of a check have the names that users' scripts rely on."""
    summary = json.loads((shipped_run.path / "summary.json").read_text(encoding="utf-8"))

    assert list(summary) == [
        "schema",
        "scenario",
        "engine",
        "complete",
        "seeds",
        "arms",
        "comparison",
        "document",
        "validity",
        "expect",
        "headline",
    ]
    assert (summary["schema"], summary["scenario"], summary["engine"]) == (1, "experiment-1", "virtual")
    assert (summary["complete"], summary["seeds"], summary["comparison"]) == (True, [1], None)
    assert list(summary["arms"]) == ["replay", "independent-30"]
    assert list(summary["arms"]["replay"]) == [
        "requests",
        "outcomes",
        "success_rate",
        "backend_calls",
        "backend_success_rate",
        "fast_fail_rate",
        "timeout_rate",
        "mean_response_s",
        "mean_backend_response_s",
        "in_flight_s",
        "backend_busy_s",
        "client_cpu_s",
        "trips",
        "served",
        "latency_s",
        "intended_latency_s",
        "transitions",
        "time_in_state_s",
        "half_open",
        "false_positives",
        "recovery_delay_s",
        "runs",
    ]
    assert summary["document"][0] == {
        "name": "trace, request 1",
        "value": "SUCCESS, closed",
        "measured": "SUCCESS, closed",
        "unit": "",
        "tolerance": "the same",
        "deviation": None,
        "within": True,
    }
    assert all(set(check) == {"name", "ok", "detail"} for check in summary["validity"] + summary["expect"])


@pytest.mark.usefixtures("no_pictures")
def test_a_comparison_is_told_with_its_cost(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """The answer of a scenario with a baseline; the command that repeats it; one run is too few for an interval."""
    folder = new_run(tmp_path, text())
    done = finish(folder)

    assert headline(done, ReportPart()) == (
        "Arm `with` against `without`: the mean response time went from 0.10 s to 80 ms, refusals included (median of "
        "the successful requests: 0.10 s to 0.10 s), timeouts from 0 to 0, and 20 % fewer request-seconds were held. "
        "The cost: 8 of 40 requests were refused, 3 of which `without` got "
        "answered, and 27 instead of 30 got what they asked for."
    )
    assert done.failures == []
    lines = words(folder).splitlines()
    for line in (
        "| figure | `without` | `with` |",
        "| backend calls | 40 | 32 |",
        "| mean response time of calls that reached the backend | 0.10 s | 0.10 s |",
        "| 95th percentile of the successful requests | 0.10 s | 0.10 s |",
        "| 2. fast-fail rate | no breaker | 20.0 % |",
        "| median latency of a fast-fail | none | 0 ms |",
        "This is one run of each arm: too few for an interval. `--seeds 1-20` runs more.",
        ".venv/bin/python -m loadtest run mine.toml --engine virtual --seeds 1",
    ):
        assert line in lines


@pytest.mark.usefixtures("no_pictures")
def test_five_seeds_give_intervals(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """One line a figure, and the command names the seeds."""
    folder = new_run(tmp_path, text(), seeds=range(1, 6))
    finish(folder)

    lines = words(folder).splitlines()
    assert "| with | backend_calls | -8 | -9.2 to -6.8 |" in lines
    assert "| with | in_flight_s | -0.8 | -0.92 to -0.68 |" in lines
    assert ".venv/bin/python -m loadtest run mine.toml --engine virtual --seeds 1-5" in lines
    assert not any("too few for an interval" in line for line in lines)
    assert any(re.match(r"Of these 7 differences, 6 are clear: .* about 0\.[34] look so", line) for line in lines)


@pytest.mark.usefixtures("no_pictures")
def test_a_broken_expectation_stands_on_top(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """Right below the answer, before anything that could be quoted without it."""
    folder = new_run(tmp_path, text(trips=2))
    done = finish(folder)

    assert [check.name for check in done.failures] == ["expected of with: trips >= 2"]
    assert words(folder).splitlines()[3:10] == [
        "",
        "> **Not as expected.** The scenario's bounds are broken:",
        ">",
        "> - expected of with: trips >= 2: measured 1",
        "",
        "> **Note:**",
        ">",
    ]
    assert "| expected of with: trips >= 2 | **NOT OK** | measured 1 |" in words(folder).splitlines()
    assert page(folder).index("Not as expected.") < page(folder).index("My words.")
    assert "<strong>NOT OK</strong>" in page(folder)


@pytest.mark.usefixtures("no_pictures")
def test_an_interrupted_run_says_that_it_is_incomplete(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """What was measured is reported, with the warning on top and the last line that was cut off left out."""
    folder = new_run(tmp_path, text(), only=["without"], complete=False)
    whole = folder.requests.read_bytes()
    folder.requests.write_bytes(whole[:-10])
    folder.arms.unlink()

    done = finish(folder)

    assert done.summary.complete is False
    assert done.summary.arms["without"].requests == 39
    assert words(folder).splitlines()[4:7] == [
        "> **Do not trust this run.** These checks failed:",
        ">",
        "> - the run is complete: 0 of 2 arms x seeds ran to their end",
    ]
    assert headline(done, ReportPart()) == (
        "Fewer than two arms ran to their end: there is nothing to compare. Arm `without`: 29 of 39 requests got what "
        "they asked for, 0 were refused; the breaker tripped 0 time(s)."
    )


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(("only", "ended"), [(["without"], 1), (["with"], 1), (["without", "with"], 2)])
def test_an_arm_that_did_not_run_is_compared_with_nothing(
    tmp_path: Path, new_run: Callable[..., RunFolder], only: list[str], ended: int
) -> None:
    """Neither in the summary nor in a table; where both ran to their end, the comparison is there, cut off or not."""
    folder = new_run(tmp_path, text(), only=only, complete=False)

    done = finish(folder)

    assert (done.summary.comparison is not None) == (ended == 2)
    assert ("## The arms side by side" in words(folder)) == (ended == 2)
    assert all(f"`{name}`" in words(folder) for name in only)


@pytest.mark.usefixtures("no_pictures")
def test_a_run_that_was_cut_off_is_compared_by_the_seeds_that_ended(
    tmp_path: Path, new_run: Callable[..., RunFolder]
) -> None:
    """The seed that was under way has rows, but nothing to hold them against."""
    folder = new_run(tmp_path, text(), seeds=range(1, 4), complete=False)
    ends = folder.arms.read_text(encoding="utf-8").splitlines()
    folder.arms.write_text("".join(f"{line}\n" for line in ends[:-1]), encoding="utf-8")
    rows = folder.requests.read_text(encoding="utf-8").splitlines()
    folder.requests.write_text("".join(f"{line}\n" for line in rows[:-35]), encoding="utf-8")

    compared = finish(folder).summary.comparison

    assert compared is not None
    pair = compared.arms["with"].backend_calls
    assert (pair.baseline, pair.value) == (40.0, 32.0)


@pytest.mark.usefixtures("no_png")
@pytest.mark.parametrize("only", [[], ["with"]])
def test_arms_without_rows_are_reported_as_such(
    tmp_path: Path, new_run: Callable[..., RunFolder], only: list[str]
) -> None:
    """A run that was ended before its first answer, or between two arms, has a report with all its parts."""
    folder = new_run(tmp_path, text(), only=only, complete=False)

    done = finish(folder)

    assert_self_contained(page(folder))
    assert sorted(path.stem for path in (folder.path / "charts").glob("*.svg")) == CHARTS
    assert "## The arms side by side" not in words(folder)
    said = "Nothing was measured." if not only else "Fewer than two arms ran to their end"
    assert headline(done, ReportPart()).startswith(said)


@pytest.mark.usefixtures("no_png")
def test_a_run_in_which_nothing_took_any_time_can_be_drawn(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """On virtual time a backend without latency answers in no time at all; a log axis has no place for that."""
    folder = new_run(tmp_path, text(mean_s=0))

    done = finish(folder)

    assert done.summary.arms["without"].in_flight_s == 0
    assert "went from 0 ms to 0 ms, refusals included" in headline(done, ReportPart())
    assert ", timeouts from 0 to 0. The cost: " in headline(done, ReportPart())


NASTY = "A | B <script>alert(1)</script> *x* `y` [l](javascript:alert) ![p](http://evil/x.png) & #"


@pytest.mark.usefixtures("no_pictures")
def test_special_characters_stay_text(tmp_path: Path, new_run: Callable[..., RunFolder]) -> None:
    """Whatever a scenario's title and words hold, tables keep their columns and nothing runs or is loaded."""
    about = f"{NASTY}\n\n<img src=x onerror=alert(1)>\n\n![gone](charts/none.svg) ![up](../../secret.svg)"
    folder = new_run(tmp_path, text(title=NASTY, about=about))
    changes = folder.transitions.read_text(encoding="utf-8").replace("fail_max reached", r"a | b\n\n<b>c</b>")
    folder.transitions.write_text(changes, encoding="utf-8")

    finish(folder)

    source = page(folder)
    assert_self_contained(source)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in source
    assert "<title>A | B &lt;script&gt;" in source
    assert "(a / b &lt;b&gt;c&lt;/b&gt;)" in source
    assert Reader(source).links == []
    plain = new_run(tmp_path / "plain", text())
    finish(plain)
    assert Reader(source).widths == Reader(page(plain)).widths


@pytest.mark.usefixtures("no_pictures")
def test_a_known_distribution_is_shown_beside_the_run(
    tmp_path: Path, new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the pinned run stands among other seeds; without one, the report does without the section."""
    source = text().replace('baseline = "without"', 'baseline = "without"\ndocument = "experiment-2"')
    without = new_run(tmp_path, source)
    document = finish(without).summary.document
    figures = {figure.name: [float(figure.value)] * 199 for figure in document}
    kept = SeedDistribution(
        seeds="1-199",
        conditions="",
        runs=199,
        never_tripped={"with": 12},
        share_tripped={},
        figures=figures | {"with: fast-fail rate": [float(value) for value in range(1, 200)]},
        paired={"with": {"success_rate": PairedFigure(0.4, 0.3, -0.1, None, [-0.12, -0.08])}},
    )
    monkeypatch.setattr(finishing, "read_distribution", lambda _: kept)
    folder = new_run(tmp_path, source)
    finish(folder)

    heading = "### How this run was chosen, and what else could have happened"
    lines = words(folder).splitlines()
    assert heading not in words(without).splitlines()
    assert heading in lines
    assert "| success_rate | 0.4 | 0.3 | -0.1 | -0.12 to -0.08 |" in lines
    assert "| with: fast-fail rate | 35 % | 20 % | 100 % | 5 to 195 % | 4 % |" in lines
    assert any("seeds 1-199: in 12 of 199" in line and "**7 of the 199 meet all" in line for line in lines)
    assert (folder.path / "charts" / "seeds.svg").exists()
    assert "<title>seeds</title>" in page(folder)
