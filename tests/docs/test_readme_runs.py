"""The README says what the reference runs measured and what the settings are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from backend.settings import BackendSettings
from client.pipeline.call import Outcome
from client.settings import ClientSettings
from inputs.environment import variables
from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.summary import fold
from loadtest.scenario.files import parse
from loadtest.settings import LoadtestSettings

ROOT = Path(__file__).parents[2]
README = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))


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

    assert [row for row in rows if row not in README] == []
    assert f"it cost {plain['outcomes']['ok'] - guarded['outcomes']['ok']} answers" in README


def test_the_words_on_the_experiments_are_measured() -> None:
    """Fast-fail of the replay, number of figures met, and the spread over seeds."""
    replay = summary("experiment-1")["arms"]["replay"]
    kept = json.loads((ROOT / "loadtest/experiments/experiment_2/seeds.json").read_text(encoding="utf-8"))
    rates = sorted(kept["figures"]["with: fast-fail rate"])
    middle = rates[len(rates) // 40], rates[-len(rates) // 40]

    assert f"refused in a median of {1000 * replay['latency_s']['fast_fail']['p50']:.1f} ms" in README
    assert f"All {len(summary('experiment-2')['document'])} figures" in README
    assert f"among {len(rates)} other seeds" in README
    assert f"goes from {middle[0]:.0f} % to {middle[1]:.0f} %" in README


def test_the_words_on_many_seeds_are_measured() -> None:
    """How often chance trips the breaker, and what the breaker changes, paired, with intervals."""
    first, second = (
        json.loads((ROOT / f"loadtest/experiments/{name.replace('-', '_')}/seeds.json").read_text(encoding="utf-8"))
        for name in ("experiment-1", "experiment-2")
    )
    tripped = first["runs"] - first["never_tripped"]["independent-30"]
    times, answers = (second["paired"]["with"][name] for name in ("mean_response_s", "success_rate"))

    assert f"in {tripped} of {first['runs']:,} seeds" in README
    slowest, fastest = times["interval"]
    assert f"by {-times['difference']:.2f} s (95 % interval {-fastest:.2f} to {-slowest:.2f} s)" in README
    most, least = (-100 * each for each in answers["interval"])
    assert f"{-100 * answers['difference']:.1f} ({least:.1f} to {most:.1f}) of 100 answers" in README


def test_every_variable_in_the_readme_exists_and_the_other_way_round() -> None:
    """A setting that is documented nowhere cannot be found; one that is gone misleads."""
    named = set(re.findall(r"\b(?:CLIENT|BACKEND|LOADTEST)_[A-Z_]+[A-Z]\b", README))
    groups = {"CLIENT_BREAKER", "CLIENT_TIMEOUT", "CLIENT_FALLBACK", "CLIENT_UPSTREAM", "CLIENT_LOG", "BACKEND_LOG"}
    known = {name for kind in (ClientSettings, BackendSettings, LoadtestSettings) for name in variables(kind)}
    # The shadow has the same settings as the breaker: one of them stands for all.
    shadows = {name for name in known if name.startswith("CLIENT_BREAKER__SHADOW__")}

    assert named - shadows == known - shadows - groups
    assert {name.replace("__SHADOW", "") for name in shadows} == {
        name for name in known - shadows if name.startswith("CLIENT_BREAKER__") and name != "CLIENT_BREAKER__SHADOW"
    }


def test_the_defaults_in_the_readme_are_the_models() -> None:
    """The table of the client's settings, cell by cell."""
    settings = ClientSettings.model_construct().model_dump()
    cells = dict(re.findall(r"\| `CLIENT_([A-Z_]+)` \| ([^|]+) \|", README))
    for name, cell in cells.items():
        value: Any = settings
        for part in name.lower().split("__"):
            value = value[part]
        assert cell.strip("` ") == _written(value), name


def _written(value: Any) -> str:
    """Write a default as one does in an environment variable."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_transports_ratio_is_measured() -> None:
    """The figure that the choice of the transport rests on, from the reference of the benchmark."""
    kept = json.loads((ROOT / "results/bench/reference/bench.json").read_text(encoding="utf-8"))
    ratio = next(figure["ratio"] for figure in kept["figures"] if "over httpx's own" in figure["against"])

    assert f"passed on {ratio:.1f} times as many requests per second" in README


def test_the_readmes_scenario_is_one() -> None:
    """Who copies it gets a run, with both arms on the same weather."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
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

    for name, value in kept["recommended"].items():
        assert f"`{value}`" in README if name == "policy" else f"`{name} = {_written(value)}`" in README
    cost, default, off = (f"{kept['parts']['judge'][name]['cost']:.1f}" for name in ("recommended", "default", "off"))
    assert f"that costs {cost} answers for each 1,000 requests, the default {default} and no breaker {off}" in README
    assert f"the difference from the default is {change['mean']:.1f} ({low:.1f} to {high:.1f})" in README
