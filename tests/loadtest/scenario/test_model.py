"""Scenario files: what they say, and what is said about a bad one."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from client.breakers.settings import breaker_settings
from client.pipeline.order import CallSettings
from inputs.limits import LONGEST_SCENARIO
from inputs.nesting import TOO_DEEP
from inputs.wrong_input import WrongInputError
from loadtest.scenario import files
from loadtest.scenario.model import Bound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A whole scenario; each case of the tables puts its lines in one of the named places.
TEXT = """
name = "mine"
title = "Mine"
{top}
[[load]]
requests = 10
rate_per_s = 2
{load}
[faults]
{faults}
[arms.without]
breaker = {{ policy = "off" }}
[arms.with]
{arm}
[arms.with.breaker]
{breaker}
{end}
"""
HEAD = 'name = "mine"\ntitle = "Mine"\n'
SHARE = "allowed: a number >= 0 and <= 1"
SECONDS = "allowed: a number >= 0 and <= 3600"
SLUG = "string should match pattern '^[a-z0-9]+(-[a-z0-9]+)*$'"


def text(**places: str) -> str:
    return TEXT.format(**dict.fromkeys(("top", "load", "faults", "arm", "breaker", "end"), "") | places)


def said_of(source: str) -> str:
    """Return what is said about a bad file, without the file's name, which comes before each sentence."""
    with pytest.raises(WrongInputError) as caught:
        files.parse(source, "mine.toml")
    details = [problem["detail"] for problem in caught.value.problems]
    assert all(detail.startswith("mine.toml: ") for detail in details)
    assert str(caught.value) == "; ".join(details)
    assert not re.search("<(phases|profile)>", str(caught.value))  # the tags of the union of both forms
    return "; ".join(detail.removeprefix("mine.toml: ") for detail in details)


@pytest.mark.parametrize("name", files.shipped_names())
def test_a_shipped_scenario_is_good_and_named_as_its_file(name: str) -> None:
    """Each parses, has weather for each of its arms, and expects something or is held against the document."""
    found, source = files.read(name)

    assert found.name == name
    assert files.parse(source, "again.toml") == found
    assert all(found.load_of(arm) and found.plan_of(arm, 1).phases for arm in found.arms)
    assert found.expect or found.document


def test_the_shipped_scenarios_are_those_of_the_document() -> None:
    """Nothing is left out of the package, and nothing else is in it."""
    assert set(files.shipped_names()) >= {"experiment-1", "experiment-2"}


def test_a_scenario_says_what_each_arm_meets(tmp_path: Path) -> None:
    """The scenario's load and faults serve the arms that bring none of their own; the run's seed goes to the faults."""
    path = tmp_path / "mine.toml"
    own = "load = [{ requests = 3, rate_per_s = 1 }]\nfaults = { phases = [{ duration_s = 5 }, {}] }"
    path.write_text(text(faults="error_rate = 0.25", end=f"[arms.alone]\n{own}"), encoding="utf-8")

    found, source = files.read(str(path))

    assert source == path.read_text(encoding="utf-8")
    assert {arm: sum(each.requests for each in found.load_of(arm)) for arm in found.arms} == {
        "without": 10,
        "with": 10,
        "alone": 3,
    }
    plans = {arm: found.plan_of(arm, 9) for arm in found.arms}
    assert {arm: plan.profile_at(0).error_rate for arm, plan in plans.items()} == {
        "without": 0.25,
        "with": 0.25,
        "alone": 0,
    }
    assert {plan.seed for plan in plans.values()} == {9}
    assert [phase.duration_s for phase in plans["alone"].phases] == [5, None]
    assert found.arms["with"].call_settings(9) == CallSettings(breaker=breaker_settings(seed=9))


def test_the_breakers_draws_follow_the_runs_seed() -> None:
    """Unless the arm brings a seed of its own."""
    found = files.parse(text(breaker="seed = 3"), "mine.toml")

    assert [found.arms[arm].call_settings(9).breaker.seed for arm in ("without", "with")] == [9, 3]


def test_the_weather_hash_tells_weathers_apart() -> None:
    """Equal for arms that differ in the client only; different for another seed, load or fault."""
    found = files.parse(text(faults="error_rate = 0.25", end="[arms.alone]\nfaults = { error_rate = 0.3 }"), "")
    slower = files.parse(text(faults="error_rate = 0.25", load="pause_s = 1"), "")

    assert found.weather_hash("with", 1) == found.weather_hash("without", 1)
    others = [found.weather_hash("with", 2), found.weather_hash("alone", 1), slower.weather_hash("with", 1)]
    assert len({found.weather_hash("with", 1), *others}) == 4


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [([], ["without", "with"]), (["with"], ["with"]), (["with", "without", "with"], ["without", "with"])],
)
def test_arms_are_run_in_the_order_of_the_file(wanted: list[str], expected: list[str]) -> None:
    """Naming none means all; naming one twice runs it once."""
    assert files.parse(text(), "").choose_arms(wanted) == expected


def test_an_unknown_arm_is_named_with_those_there_are() -> None:
    """Of several wanted arms the unknown one is quoted."""
    with pytest.raises(WrongInputError, match=r"^arm: got 'wiht'; allowed in mine: without, with$"):
        files.parse(text(), "").choose_arms(["with", "wiht"])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("error_rate = 1.3", f"faults.error_rate: got 1.3; {SHARE}"),
        ("error_rate = -0.1", f"faults.error_rate: got -0.1; {SHARE}"),
        ("error_rate = nan", f"faults.error_rate: got nan; {SHARE}"),
        ('error_rate = "abc"', f"faults.error_rate: got 'abc'; {SHARE}"),
        ("error_status = 200", "faults.error_status: got 200; allowed: a whole number >= 400 and <= 599"),
        ("latency.mean_s = -1", f"faults.latency.mean_s: got -1; {SECONDS}"),
        ("latency.mean_s = inf", f"faults.latency.mean_s: got inf; {SECONDS}"),
        ("latency.mean_s = nan", f"faults.latency.mean_s: got nan; {SECONDS}"),
        (
            'latency.distribution = "gaussian"',
            (
                "faults.latency.distribution: got 'gaussian'; input should be 'constant', 'uniform', 'exponential' or "
                "'lognormal'"
            ),
        ),
        (
            'latency = { distribution = "lognormal", mean_s = 1 }',
            "faults.latency.spread_s: missing; a lognormal latency needs it",
        ),
        ("eror_rate = 0.3", "faults.eror_rate: unknown key (did you mean 'error_rate'?)"),
        ("workers = 3", "faults.workers: unknown key (did you mean 'capacity.workers'?)"),
        ('"<q>" = 3', "faults.<q>: unknown key"),
        ("xyz = 3", "faults.xyz: unknown key"),
        ("seed = 3", "faults.seed: unknown key; use the scenario's own seed, at the top of the file"),
        ('sequence = "SFX1"', "faults.sequence: got the letters '1', 'X'; allowed: S (success) and F (failure)"),
        ('sequence = "sf"', "faults.sequence: got the letters 'f', 's'; allowed: S (success) and F (failure)"),
        (
            'sequence = "SF"\nerror_rate = 0.1',
            "faults.error_rate and sequence: only one of them may decide which requests fail",
        ),
        ("hang_rate = 0.7\nreset_rate = 0.7", "faults.hang_rate + reset_rate: got 1.4; allowed: a sum <= 1"),
        ("capacity.workers = 0", "faults.capacity.workers: got 0; allowed: a whole number >= 1 and <= 10000"),
        ("exact_ratio = { failures = 3, of = 2 }", "faults.exact_ratio.failures: got 3; allowed: a number <= of = 2"),
        (
            "bursts = { rate = 0.9, mean_length = 2 }",
            (
                "faults.bursts.mean_length: got 2; allowed at rate 0.9: a number >= 10, the mean run of independent "
                "failures"
            ),
        ),
        ("phases = 3", "faults.phases: got 3; allowed: a list"),
        ("phases = []", "faults.phases: got []; allowed: at least 1 entry"),
        (
            "phases = [{ duration_s = 0 }, {}]",
            "faults.phases.0.duration_s: got 0; allowed: a number > 0 and <= 1000000",
        ),
        (
            "phases = [{ duration_s = 1 }, { duration_s = -1 }]",
            "faults.phases.1.duration_s: got -1; allowed: a number > 0 and <= 1000000",
        ),
        ("phases = [{}, {}]", "faults.phases.0.duration_s: missing; only the last phase may leave it out"),
        (
            "phases = [{ durtion_s = 3 }]",
            "faults.phases.0.durtion_s: unknown key (did you mean 'duration_s'?)",
        ),
        (
            "phases = [{ error_rate = 0.3 }]",
            "faults.phases.0.error_rate: unknown key (did you mean 'profile.error_rate'?)",
        ),
        (
            "phases = [{ profile = { eror_rate = 0.3 } }]",
            "faults.phases.0.profile.eror_rate: unknown key (did you mean 'error_rate'?)",
        ),
        ("phases = [{ profile = { error_rate = 2 } }]", f"faults.phases.0.profile.error_rate: got 2; {SHARE}"),
        ("phases = [{}]\nerror_rate = 0.3", "faults.error_rate: unknown key"),
    ],
)
def test_bad_faults_are_named_wherever_they_stand(lines: str, said: str) -> None:
    """Field, value and range, for the faults of all arms and for those of one arm alike."""
    assert said_of(text(faults=lines)) == said
    assert said_of(text(end=f"[arms.x.faults]\n{lines}")) == f"arms.x.{said}"


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"top": "sede = 3"}, "sede: unknown key (did you mean 'seed'?)"),
        ({"top": "seed = -1"}, "seed: got -1; allowed: a whole number >= 0 and <= 9223372036854775807"),
        (
            {"top": "seed = 9223372036854775808"},
            "seed: got 9223372036854775808; allowed: a whole number >= 0 and <= 9223372036854775807",
        ),
        ({"top": 'baseline = "wihtout"'}, "baseline: no such arm: 'wihtout' (did you mean 'without'?)"),
        ({"top": 'baseline = "xyz"'}, "baseline: no such arm: 'xyz'"),
        (
            {"top": 'document = "experiment-3"'},
            "document: got 'experiment-3' (did you mean 'experiment-2'?); allowed: experiment-1, experiment-2",
        ),
        ({"load": "request = 3"}, "load.0.request: unknown key (did you mean 'requests'?)"),
        ({"load": "pause_s = -1"}, "load.0.pause_s: got -1; allowed: a number >= 0 and <= 86400"),
        ({"load": 'arrivals = "bursty"'}, "load.0.arrivals: got 'bursty'; allowed: constant, poisson"),
        (
            {"load": "[[load]]\nrequests = 0\nrate_per_s = 1"},
            "load.1.requests: got 0; allowed: a whole number >= 1 and <= 10000000",
        ),
        (
            {"load": "[[load]]\nrequests = 1.5\nrate_per_s = 1"},
            "load.1.requests: got 1.5; allowed: a whole number >= 1 and <= 10000000",
        ),
        (
            {"load": "[[load]]\nrequests = 1\nrate_per_s = 0"},
            "load.1.rate_per_s: got 0; allowed: a number >= 0.001 and <= 100000",
        ),
        (
            {"load": "[[load]]\nrequests = 1\nrate_per_s = nan"},
            "load.1.rate_per_s: got nan; allowed: a number >= 0.001 and <= 100000",
        ),
        ({"load": "[[load]]"}, "load.1.requests: missing; load.1.rate_per_s: missing"),
        ({"arm": "abuot = 1"}, "arms.with.abuot: unknown key (did you mean 'about'?)"),
        ({"arm": "fail_max = 3"}, "arms.with.fail_max: unknown key (did you mean 'breaker.fail_max'?)"),
        ({"arm": "load = []"}, "arms.with.load: got []; allowed: at least 1 entry"),
        ({"arm": "load = 3"}, "arms.with.load: got 3; allowed: a list"),
        ({"arm": "faults = 3"}, "arms.with.faults: got 3; allowed: keys with values"),
        (
            {"arm": "load = [{ requests = 0, rate_per_s = 1 }]"},
            "arms.with.load.0.requests: got 0; allowed: a whole number >= 1 and <= 10000000",
        ),
        ({"arm": "timeout.total_s = 0"}, "arms.with.timeout.total_s: got 0; allowed: a number > 0 and <= 3600"),
        ({"breaker": "fail_mx = 2"}, "arms.with.breaker.fail_mx: unknown key (did you mean 'fail_max'?)"),
        (
            {"breaker": "fail_max = 0"},
            "arms.with.breaker.fail_max: got 0; allowed: a whole number >= 1 and <= 1000000",
        ),
        (
            {"breaker": "reset_timeout = inf"},
            "arms.with.breaker.reset_timeout: got inf; allowed: a number > 0 and <= 86400",
        ),
        ({"end": '[arms."With It"]'}, f"arms.With It: got 'With It'; {SLUG}"),
        ({"end": "[arms.x]\nbreaker = 3"}, "arms.x.breaker: got 3; allowed: keys with values"),
        ({"end": "[expect.wiht]\nrequests.min = 1"}, "expect.wiht: no such arm (did you mean 'with'?)"),
        ({"end": "[expect.with]\nrequests = {}"}, "expect.with.requests.min: missing; a bound needs min or max"),
        (
            {"end": "[expect.with]\nrequests = { min = 2, max = 1 }"},
            "expect.with.requests.min: got 2; allowed: a number <= max = 1",
        ),
        ({"end": "[expect.with]\nrequests = 3"}, "expect.with.requests: got 3; allowed: keys with values"),
        (
            {"end": "[expect.with]\n'a b'.min = 3"},
            "expect.with.a b: got 'a b'; string should match pattern '^[A-Za-z0-9_.-]+$'",
        ),
        ({"end": "[expect.with]\nrequests.mni = 3"}, "expect.with.requests.mni: unknown key (did you mean 'min'?)"),
        (
            {"end": "[expect.with]\nrequests.min = nan"},
            "expect.with.requests.min: got nan; input should be a finite number",
        ),
        (
            {"top": "seed = -1", "faults": "error_rate = 2"},
            f"seed: got -1; allowed: a whole number >= 0 and <= 9223372036854775807; faults.error_rate: got 2; {SHARE}",
        ),
    ],
)
def test_a_bad_entry_is_named_with_its_range(places: dict[str, str], said: str) -> None:
    """Every mistake gets its sentence, and all of them are reported at once."""
    assert said_of(text(**places)) == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "name: missing; title: missing; arms: missing"),
        (HEAD, "arms: missing"),
        (f"{HEAD}[arms]\n", "arms: got {}; allowed: at least 1 entry"),
        (f"{HEAD}arms = 3\n", "arms: got 3; allowed: keys with values"),
        (f"{HEAD}arms = [1]\n", "arms: got [1]; allowed: keys with values"),
        (f"{HEAD}[arms]\nx = 3", "arms.x: got 3; allowed: keys with values"),
        (f"{HEAD}[arms.with]\n", "load: missing; arm 'with' has none of its own"),
        (f"{HEAD}load = []\n[arms.with]\n", "load: missing; arm 'with' has none of its own"),
        (f"{HEAD}load = 3\n[arms.with]\n", "load: got 3; allowed: a list"),
        (f"{HEAD}faults = 3\n[arms.with]\n", "faults: got 3; allowed: keys with values"),
        (f"{HEAD}faults = []\n[arms.with]\n", "faults: got []; allowed: keys with values"),
        (
            'name = "A B"\ntitle = ""\n[arms.with]\n',
            f"name: got 'A B'; {SLUG}; title: got ''; string should have at least 1 character",
        ),
        (
            'name = "a"\ntitle = "two\\nlines"\n[arms.with]\n',
            r"title: got 'two\nlines'; string should match pattern '^[^\r\n]*$'",
        ),
        ("name = ", "not TOML: Invalid value (at end of document)"),
        ("a = 1\nb 2", "not TOML: Expected '=' after a key in a key/value pair (at line 2, column 3)"),
    ],
)
def test_a_file_that_is_no_scenario_is_told_why(source: str, said: str) -> None:
    """Whole parts that are missing or of another kind, and text that is no TOML at all."""
    assert said_of(source) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "experimnt-1",
            (
                "scenario: got 'experimnt-1'; no shipped scenario (did you mean 'experiment-1'?); allowed: SHIPPED, "
                "or a .toml file"
            ),
        ),
        ("xyz", "scenario: got 'xyz'; no shipped scenario; allowed: SHIPPED, or a .toml file"),
        ("no.toml", "scenario file no.toml: No such file or directory"),
        ("folder", "scenario file folder: Is a directory"),
        ("folder.toml", "scenario file folder.toml: Is a directory"),
        ("bytes.toml", "scenario file bytes.toml: not a text file in UTF-8"),
        ("broken.toml", "broken.toml: not TOML: Invalid value (at end of document)"),
        ("a" * 300 + ".toml", f"scenario file {'a' * 300}.toml: File name too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """A misspelt name is met with the shipped ones, a path with what is wrong with it."""
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "folder.toml"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bytes.toml").write_bytes(b'name = "\xff"')
    (tmp_path / "broken.toml").write_text("name = ", encoding="utf-8")

    with pytest.raises(WrongInputError) as caught:
        files.read(name)

    assert str(caught.value) == said.replace("SHIPPED", ", ".join(files.shipped_names()))


def test_a_name_too_long_for_any_file_is_no_shipped_scenario() -> None:
    """Asking the system whether it is there must not fail itself."""
    with pytest.raises(WrongInputError, match="no shipped scenario"):
        files.read("a" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_why(tmp_path: Path) -> None:
    """Another user's file is a sentence, not a trace."""
    path = tmp_path / "mine.toml"
    path.write_text(text(), encoding="utf-8")
    path.chmod(0)

    with pytest.raises(WrongInputError, match="Permission denied"):
        files.read(str(path))


@pytest.mark.parametrize(
    ("bound", "value"),
    [({"min": 1}, (1, None)), ({"max": 2}, (None, 2)), ({"min": 0, "max": 0}, (0, 0))],
)
def test_a_bound_has_one_side_or_two(bound: dict[str, Any], value: tuple[Any, Any]) -> None:
    """Either side alone is enough, and both may be the same."""
    found = Bound.model_validate(bound)

    assert (found.min, found.max) == value


def test_an_arm_can_wait_for_ever() -> None:
    """TOML has no null: the word stands for it."""
    found = files.parse(text(arm='timeout = { total_s = "none" }'), "mine.toml")

    assert found.arms["with"].timeout.total_s is None


def test_a_new_field_would_not_change_the_weather_hash_of_older_runs() -> None:
    """It is held here for the shipped scenarios: two runs are paired by it, whatever version of the lab made them."""
    scenarios = {name: files.read(name)[0] for name in ("experiment-1", "experiment-2", "policies")}

    assert {name: found.weather_hash(next(iter(found.arms)), 1) for name, found in scenarios.items()} == {
        "experiment-1": "69f8d989443ccf7e",
        "experiment-2": "3bd462a2c7fe78f4",
        "policies": "e4105b001a6758e5",
    }


LONG_NUMBER = "0x" + "f" * 100_000


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "mine"', ".".join(["a"] * 50_000) + " = 1", TOO_DEEP),
        ('name = "mine"', f"name = {'[' * 60}{']' * 60}", TOO_DEEP),
        ('name = "mine"', f"name = {LONG_NUMBER}", f"name: got {LONG_NUMBER[:80]}; input should be a valid string"),
        ("rate_per_s = 2", f"rate_per_s = {LONG_NUMBER}", f"load.0.rate_per_s: got {LONG_NUMBER[:80]}; "),
        ("[arms.", "[arms.x.breaker]\npolicy = []\n[arms.", "arms.x.breaker.policy: got []; allowed: adaptive, "),
        ("[arms.", "[arms.x.breaker]\npolicy = {a = 1}\n[arms.", "arms.x.breaker.policy: got {'a': 1}; allowed: ad"),
        ("[arms.", f"[arms.x]\n{'k' * 500_000} = 1\n[arms.", f"arms.x.{'k' * 80}: unknown key"),
        ("[arms.", f"[expect.'{'k' * 500_000}']\n[arms.", f"expect.{'k' * 80}: no such arm"),
    ],
    ids=["long key", "deep", "long number", "long rate", "list", "table", "long name", "long arm"],
)
def test_odd_input_is_told_in_a_short_sentence(old: str, new: str, said: str) -> None:
    """However deep or long it is; at once."""
    odd = text().replace(old, new, 1)
    assert odd != text()

    with pytest.raises(WrongInputError) as caught:
        files.parse(odd, "mine.toml")

    assert f"mine.toml: {said}" in str(caught.value)
    assert len(str(caught.value)) < 3_000


def test_many_mistakes_of_a_file_are_counted() -> None:
    """And none of them takes its time."""
    with pytest.raises(WrongInputError) as caught:
        files.parse("".join(f"key_{number} = 1\n" for number in range(20_000)) + text(), "mine.toml")

    assert (len(caught.value.problems), caught.value.told[-1]["detail"]) == (20, "and 19,980 more")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b"#" * (LONGEST_SCENARIO + 1)), "too long; allowed: at most 1,048,576 bytes"),
        (os.mkfifo, "not a regular file; save its content to one"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file; save its content to one"),
    ],
    ids=["long", "pipe", "device"],
)
def test_what_never_ends_is_no_scenario_file(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    """And nobody waits for it."""
    path = tmp_path / "mine.toml"
    make(path)

    with pytest.raises(WrongInputError, match=said):
        files.read(str(path))
