"""What Locust's form offers, and what a filled-in form asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inputs.wrong_input import WrongInputError
from loadtest.engines.live.ui import form

if TYPE_CHECKING:
    from pathlib import Path

MINE = """
name = "mine"
title = "Mine"
seed = 7
load = [{ requests = 2, rate_per_s = 1 }]
[arms.short]
[arms.long]
"""


CLIENT = "http://127.0.0.1:8000"


def choose(own: Path, **fields: str | list[str]) -> form.Choice:
    """Fill in the form as Locust's page does, with some fields as they are given."""
    filled = {"user_count": "1", "spawn_rate": "1", "scenario": "experiment-2", **fields}
    as_lists = {name: [value] if isinstance(value, str) else value for name, value in filled.items()}
    return form.choose_run(as_lists, form.scenarios(own), CLIENT)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Make a folder with a scenario, a broken one, and files that are none."""
    (tmp_path / "mine.toml").write_text(MINE, encoding="utf-8")
    (tmp_path / "broken.toml").write_text("[arms.a]\nbreakr = 1\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    (tmp_path / "folder.toml").mkdir()
    return tmp_path


def test_the_form_offers_shipped_scenarios_and_own_files(own: Path) -> None:
    """A broken scenario file is offered, so that starting it says what is wrong; other files are not."""
    assert form.scenarios(own) == [
        *("experiment-1", "experiment-2", "policies"),
        *(str(own / "broken.toml"), str(own / "mine.toml")),
    ]


def test_every_arm_is_offered_with_its_scenario(own: Path) -> None:
    """A broken file has none to offer."""
    mine = str(own / "mine.toml")

    assert form.arms(["experiment-2", str(own / "broken.toml"), mine]) == [
        *("experiment-2: without", "experiment-2: with"),
        *(f"{mine}: short", f"{mine}: long"),
    ]


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        ([], ["short", "long"]),
        ([""], ["short", "long"]),
        (["(all arms)"], ["short", "long"]),
        (["(all arms)", "long"], ["long"]),
        (["long"], ["long"]),
        (["{mine}: long", "{mine}: short"], ["short", "long"]),
        (["long, short"], ["short", "long"]),
    ],
)
def test_arms_as_the_form_or_a_person_names_them(own: Path, arms: list[str], expected: list[str]) -> None:
    """None chosen means all; the file's order, whatever was chosen first."""
    mine = str(own / "mine.toml")

    found = choose(own, scenario=mine, arms=[arm.format(mine=mine) for arm in arms])

    assert (found.arms, found.seeds, found.engine) == (expected, [7], "live")


def test_every_field_of_the_form(own: Path) -> None:
    """The lab's own, and all that Locust's page sends beside them."""
    sent = {"host": f"{CLIENT}/", "user_count": "0", "spawn_rate": "0", "run_time": "", "profile": ""}

    found = choose(own, seeds=" 1-3", engine="virtual", arms=[], **sent)

    assert (found.scenario.name, found.arms, found.seeds) == ("experiment-2", ["without", "with"], [1, 2, 3])
    assert found.engine == "virtual"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("scenario", "experiment-3", "scenario: got 'experiment-3'; allowed: experiment-1, experiment-2, policies"),
        ("scenario", "/etc/passwd", "scenario: got '/etc/passwd'; allowed: "),
        ("scenario", "", "scenario: got ''; allowed: "),
        ("arms", "replay", "arm: got 'replay'; allowed in experiment-2: without, with"),
        (
            "arms",
            "experiment-1: replay",
            "arms: got 'experiment-1: replay'; allowed: arms of experiment-2: without, with",
        ),
        ("seeds", "1-x", "seeds: got '1-x'; allowed: whole numbers and ranges"),
        ("engine", "vitual", "engine: got 'vitual'; allowed: live, virtual"),
        (
            "host",
            "http://127.0.0.1:9999/x?y=",
            "host: got 'http://127.0.0.1:9999/x?y='; allowed: http://127.0.0.1:8000",
        ),
        ("host", "HTTP://127.0.0.1:8000@evil.example", "since the addresses of the services come from the command"),
        ("profile", "x", "profile: got 'x'; allowed: none"),
        ("run_time", "abc", "run_time: got 'abc'; allowed: none, or a time such as 20, 20s, 3m, 2h or 1h20m"),
        ("user_count", "x", "user_count: got 'x'; allowed: a whole number from 0 to 1,000,000"),
        ("spawn_rate", "", "spawn_rate: got ''; allowed: a number from 0 to 1,000,000"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(own: Path, field: str, value: str, said: str) -> None:
    """The sentence that the form shows; a scenario that is not offered is not read."""
    with pytest.raises(WrongInputError) as caught:
        choose(own, **{field: value})

    assert said in str(caught.value)


@pytest.mark.parametrize(
    "field",
    [
        *("results", "run_dir", "own_scenarios", "backend_url", "until_stdin_closes", "expect_workers", "headless"),
        *("host ", "Scenario", "user_classes", "userclass", "shape_class", "users", "locustfile", "__class__", ""),
    ],
)
def test_a_field_that_is_none_is_refused(own: Path, field: str) -> None:
    """Locust's own form takes the name of any option, whether it is shown or not."""
    with pytest.raises(WrongInputError, match="no field of this form") as caught:
        choose(own, **{field: "elsewhere"})

    assert [problem["field"] for problem in caught.value.problems] == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("user_count", value)
            for value in ("-1", "1.5", "1e3", "nan", "inf", "1_0", "+1", "\u0661", "1000001", "9" * 5000)
        ),
        *(
            ("spawn_rate", value)
            for value in ("-1", "nan", "inf", "1e400", "1_0", "0x1", "--", "1000000.5", "9" * 5000)
        ),
        *(
            ("run_time", value)
            for value in ("0", "-1", "1h20", "1.5h", "20 s", "1s1m", "s", "745h", "9" * 99, "\u0661")
        ),
    ],
)
def test_locusts_own_fields_are_checked_first(own: Path, field: str, value: str) -> None:
    """Whatever Locust would take or choke on: it is told, in a text that is no longer than the others."""
    with pytest.raises(WrongInputError) as caught:
        choose(own, **{field: value})

    assert [problem["field"] for problem in caught.value.problems] == [field]
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("user_count", value) for value in ("0", "1", " 5 ", "1000000")),
        *(("spawn_rate", value) for value in ("0", "1", "0.5", "1.", ".5", "1e2")),
        *(("run_time", value) for value in ("", "20", "20s", "3m", "2h", "1h20m", "3h30m10s", "744h")),
        *(("host", value) for value in ("", CLIENT, f"{CLIENT}/")),
    ],
)
def test_locusts_own_fields_as_its_page_sends_them(own: Path, field: str, value: str) -> None:
    """They change nothing: the scenario defines the load."""
    assert choose(own, **{field: value}).scenario.name == "experiment-2"


@pytest.mark.parametrize("field", ["scenario", "user_count", "spawn_rate"])
def test_a_field_that_is_missing_is_told(own: Path, field: str) -> None:
    """As if it were empty; the others have a meaning when they are."""
    with pytest.raises(WrongInputError, match=f"^{field}: got ''; allowed: "):
        choose(own, **{field: []})


def test_a_field_that_is_there_twice_is_refused(own: Path) -> None:
    """Which of them is meant, nobody knows; arms may be several."""
    with pytest.raises(WrongInputError, match="scenario: given 2 times"):
        choose(own, scenario=["experiment-1", "experiment-2"])
    assert choose(own, arms=["with", "without"]).arms == ["without", "with"]


def test_a_flood_of_fields_is_counted(own: Path) -> None:
    """Twenty are told, each in short."""
    with pytest.raises(WrongInputError) as caught:
        choose(own, **{f"{number}{'x' * 200}": "1" for number in range(30_000)})

    assert len(caught.value.problems) == 20
    assert str(caught.value).endswith("; and 29,980 more")
    assert len(str(caught.value)) < 6000


@pytest.mark.parametrize("field", ["scenario", "arms", "seeds", "engine", "host", "run_time"])
def test_a_long_value_is_cut(own: Path, field: str) -> None:
    """Of 60,000 characters, 80 are told."""
    with pytest.raises(WrongInputError) as caught:
        choose(own, **{field: "x" * 60_000})

    assert 60 < str(caught.value).count("x") < 100


def test_all_wrong_fields_are_told_at_once(own: Path) -> None:
    """Nobody wants to press Start three times to learn of three mistakes."""
    with pytest.raises(WrongInputError) as caught:
        choose(own, scenario="policies", arms="x", seeds="y", engine="z", run_time="abc", results="elsewhere")

    assert [problem["field"] for problem in caught.value.problems] == ["results", "run_time", "arm", "seeds", "engine"]
