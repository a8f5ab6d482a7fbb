"""Words and figures of README and docs/ are those that the reference runs measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from client.pipeline.call import Outcome
from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.summary import fold
from loadtest.probability.answer import answer_question
from loadtest.probability.question import TripQuestion
from loadtest.scenario.files import parse

ROOT = Path(__file__).parents[2]


def words(page: str) -> str:
    """Return a page as one line."""
    return re.sub(r"\s+", " ", (ROOT / page).read_text(encoding="utf-8"))


def summary(scenario: str) -> dict[str, Any]:
    path = ROOT / "results" / scenario / "reference" / "summary.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def table_row(name: str, plain: object, guarded: object) -> str:
    return f"| {name} | {plain} | {guarded} |"


@pytest.mark.parametrize("scenario", ["experiment-1", "experiment-2"])
def test_a_reference_run_holds(scenario: str) -> None:
    """Complete, every check passed, every figure of the document within its tolerance."""
    found = summary(scenario)

    assert found["complete"] is True
    assert [check["name"] for check in [*found["validity"], *found["expect"]] if not check["ok"]] == []
    assert [figure["name"] for figure in found["document"] if not figure["within"]] == []


def test_the_headline_table_is_that_of_experiment_2() -> None:
    """Each cell, as the reference run has it."""
    plain, guarded = (summary("experiment-2")["arms"][arm] for arm in ("without", "with"))
    fast_ms = 1000 * guarded["latency_s"]["fast_fail"]["p50"]
    rows = [
        table_row(
            "mean response time, refusals included", *(f"{arm['mean_response_s']:.2f} s" for arm in (plain, guarded))
        ),
        table_row(
            "mean response time of calls that reached the backend",
            *(f"{arm['mean_backend_response_s']:.2f} s" for arm in (plain, guarded)),
        ),
        table_row("timeouts", plain["outcomes"]["timeout"], guarded["outcomes"]["timeout"]),
        table_row(
            "request-seconds held (the sum of all response times)",
            *(f"{arm['in_flight_s']:.0f} s" for arm in (plain, guarded)),
        ),
        table_row(f"refused, in a median of {fast_ms:.1f} ms", 0, guarded["outcomes"]["fast_fail"]),
        table_row(
            "requests that got what they asked for",
            f"**{plain['outcomes']['ok']}**",
            f"**{guarded['outcomes']['ok']}**",
        ),
    ]

    lost = plain["outcomes"]["ok"] - guarded["outcomes"]["ok"]
    told = words("docs/experiments.md")

    assert [row for row in rows if row not in told] == []
    assert f"it cost {lost} answers" in told
    caption = (
        f"refuses calls in a median of {fast_ms:.1f} ms. The run has {guarded['outcomes']['timeout']} timeout "
        f"instead of {plain['outcomes']['timeout']}, and {lost} fewer requests get"
    )
    assert caption in words("README.md")


def test_the_words_on_the_experiments_are_measured() -> None:
    """Fast-fail of the replay, number of figures met, and the spread over seeds."""
    replay = summary("experiment-1")["arms"]["replay"]
    kept = json.loads((ROOT / "loadtest/experiments/experiment_2/seeds.json").read_text(encoding="utf-8"))
    rates = sorted(kept["figures"]["with: fast-fail rate"])
    middle = rates[len(rates) // 40], rates[-len(rates) // 40]

    told = words("docs/experiments.md")

    assert f"refuses four requests in a median of {1000 * replay['latency_s']['fast_fail']['p50']:.1f} ms" in told
    assert f"All {len(summary('experiment-2')['document'])} figures" in told
    assert f"among {len(rates)} other seeds" in told
    assert f"goes from {middle[0]:.0f} % to {middle[1]:.0f} %" in told


def test_the_words_on_many_seeds_are_measured() -> None:
    """How often chance trips the breaker, and what the breaker changes, paired, with intervals."""
    first, second = (
        json.loads((ROOT / f"loadtest/experiments/{name.replace('-', '_')}/seeds.json").read_text(encoding="utf-8"))
        for name in ("experiment-1", "experiment-2")
    )
    tripped = first["runs"] - first["never_tripped"]["independent-30"]
    times, answers = (second["paired"]["with"][name] for name in ("mean_response_s", "success_rate"))

    told = words("docs/experiments.md")

    assert f"in {tripped} of {first['runs']:,} seeds" in told
    slowest, fastest = times["interval"]
    assert f"by {-times['difference']:.2f} s (95 % interval {-fastest:.2f} to {-slowest:.2f} s)" in told
    most, least = (-100 * each for each in answers["interval"])
    assert f"{-100 * answers['difference']:.1f} ({least:.1f} to {most:.1f}) of 100 answers" in told


def _written(value: Any) -> str:
    """Write a default as one does in an environment variable."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_transports_ratio_is_measured() -> None:
    """The figure that the choice of the transport rests on, from the reference of the benchmark."""
    kept = json.loads((ROOT / "results/bench/reference/bench.json").read_text(encoding="utf-8"))
    ratio = next(figure["ratio"] for figure in kept["figures"] if "over httpx's own" in figure["against"])

    assert f"passed on {ratio:.1f} times as many requests per second" in words("docs/benchmarks.md")


def test_the_scenario_to_copy_is_one() -> None:
    """Who copies it gets a run, with both arms on the same weather."""
    text = (ROOT / "docs/scenarios.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    found = parse(text, "mine.toml")

    assert list(found.arms) == ["without", "with"]
    assert found.weather_hash("with", 1) == found.weather_hash("without", 1)
    assert (
        fold(simulate(found, "with", found.seed)).outcomes[Outcome.TIMEOUT]
        <= found.expect["with"]["outcomes.timeout"].max
    )


def test_the_words_on_tune_are_measured() -> None:
    """Settings, costs and interval of the reference on the shipped sample."""
    kept = json.loads((ROOT / "results/tune/reference/tune.json").read_text(encoding="utf-8"))
    change = kept["parts"]["judge"]["recommended"]["against_default"]
    low, high = change["interval"]
    told = words("docs/tune.md")

    for name, value in kept["recommended"].items():
        assert f"`{value}`" in told if name == "policy" else f"`{name} = {_written(value)}`" in told
    cost, default, off = (f"{kept['parts']['judge'][name]['cost']:.1f}" for name in ("recommended", "default", "off"))
    assert f"that costs {cost} answers for each 1,000 requests, the default {default} and no breaker {off}" in told
    assert f"the difference from the default is {change['mean']:.1f} ({low:.1f} to {high:.1f})" in told


def test_the_words_on_chances_are_exact() -> None:
    """Independent errors, and the same share in bursts."""
    chances = (answer_question(TripQuestion(burst_length=length)).figures.trips for length in (None, 5))
    alone, bursts = (f"{100 * figure.value:.3g} %" for figure in chances)

    assert f"is {alone} when 30 % of the calls fail independently, and {bursts} when the same share fails in" in words(
        "docs/experiments.md"
    )


def test_the_words_on_the_sweep_are_measured() -> None:
    """The best point and the arm as it stands."""
    report = (ROOT / "results/sweep/reference/sweep.md").read_text(encoding="utf-8")
    found = re.search(
        r"settings, `min_calls = (\d+)`, `window_calls = (\d+)` misjudges least: ([\d.]+) .*? the default ([\d.]+) ",
        report,
    )

    assert found is not None
    calls, window, best, own = found.groups()
    told = f"`min_calls = {calls}`, `window_calls = {window}` misjudge {best} %, the arm's own settings {own} %"
    assert told in words("docs/sweep.md")


def test_the_words_on_agreement_are_measured() -> None:
    """How many requests are the same, and how far apart the mean times are at most."""
    report = (ROOT / "results/agreement/reference/agreement.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `[^|]*\| \d+ \| (\d+) \| (\d+) \| (\d+) \|.*\(([\d.]+) % apart\)", report, re.MULTILINE)
    asked, outcomes, whole = (sum(int(row[place]) for row in rows) for place in range(3))

    assert asked == outcomes == whole
    assert max(float(row[3]) for row in rows) <= 1
    assert f"all {asked} requests have the same outcome, state and count, and the mean times are within 1 %" in words(
        "docs/virtual-time.md"
    )


@pytest.fixture(scope="module")
def policies() -> dict[str, Any]:
    """Return the verdicts of the reference run of `policies`: intervals need the run with 20 seeds on virtual time."""
    found = summary("policies")
    if found["engine"] != "virtual":
        pytest.skip("the reference of policies is not yet the run with 20 seeds")
    assert found["seeds"] == list(range(1, 21))
    return dict(found["verdicts"]["arms"])


@pytest.mark.parametrize(("trouble", "verdict"), [("slow", "helped"), ("flapping", "harmed")])
def test_the_breaker_helps_and_harms_as_the_readme_says(policies: dict[str, Any], trouble: str, verdict: str) -> None:
    """The same breaker in both tables, each cell with its interval, and the verdict that the words give."""
    cell = policies["count-window"][trouble]
    told = words("README.md")
    rows = {
        "requests answered (goodput)": ("ok", "lost"),
        "request-seconds held (concurrency, summed over time)": ("seconds", "seconds_saved"),
        "calls that the backend received": ("calls", "calls_saved"),
    }

    assert cell["verdict"] == verdict
    for name, (figure, change) in rows.items():
        low, high = (-100 * each for each in reversed(cell[change]["interval"]))
        changed = f"{-100 * cell[change]['share']:+.0f} % ({low:+.0f} to {high:+.0f} %)"
        row = f"| {name} | {_short(cell[figure]['baseline'])} | {_short(cell[figure]['value'])} | {changed} |"
        assert row in told


def test_refusing_at_random_would_have_saved_almost_as_much(policies: dict[str, Any]) -> None:
    """What makes the second case a harm. A reference from before it was simulated has one per cent for one per cent."""
    cell = policies["count-window"]["flapping"]
    lost, seconds, calls = (100 * cell[name]["share"] for name in ("lost", "seconds_saved", "calls_saved"))
    if chance := cell.get("random_yardstick"):
        random_lost, random_saved = (100 * chance[name]["share"] for name in ("lost", "seconds_saved"))
        told = f"would have saved {random_saved:.0f} % of the work and lost {random_lost:.0f} % of the answers"
        assert f"{told}; the breaker saved {seconds:.0f} % and lost {lost:.0f} %" in words("README.md")
        return

    assert f"would have saved {lost:.0f} % of the work; the breaker saved {seconds:.0f} %" in words("README.md")
    assert f"{calls:.0f}" == f"{seconds:.0f}"


def test_the_words_on_policies_are_measured(policies: dict[str, Any]) -> None:
    """What is left after an outage, and what an error spike costs."""
    told = words("docs/policies.md")
    quiet = policies["throttle"]["outage"]["parts"]["after-outage"]["ok"]
    spike = policies["adaptive"]["error-spike"]["ok"]

    assert f"{quiet['value']:.0f} of {quiet['baseline']:.0f} answers are left" in told
    assert f"loses {round(spike['baseline']) - round(spike['value'])} of {spike['baseline']:.0f} answers there" in told


def _short(value: float) -> str:
    """Write three digits."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
