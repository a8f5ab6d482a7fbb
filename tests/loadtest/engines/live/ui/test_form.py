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

    found = form.choose_run({"scenario": [mine], "arms": [arm.format(mine=mine) for arm in arms]}, form.scenarios(own))

    assert (found.arms, found.seeds, found.engine) == (expected, [7], "live")


def test_every_field_of_the_form(own: Path) -> None:
    """Seeds, engine and both services arrive as they were written."""
    fields = {
        "scenario": "experiment-2",
        "seeds": " 1-3",
        "engine": "virtual",
        "host": "http://c",
        "backend_url": "http://b",
    }

    found = form.choose_run({name: [value] for name, value in fields.items()}, form.scenarios(own))

    assert (found.scenario.name, found.arms, found.seeds) == ("experiment-2", ["without", "with"], [1, 2, 3])
    assert (found.engine, found.client_url, found.backend_url) == ("virtual", "http://c", "http://b")


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
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(own: Path, field: str, value: str, said: str) -> None:
    """The sentence that the form shows; a scenario that is not offered is not read."""
    with pytest.raises(WrongInputError) as caught:
        form.choose_run({"scenario": ["experiment-2"], field: [value]}, form.scenarios(own))

    assert said in str(caught.value)


def test_all_wrong_fields_are_told_at_once(own: Path) -> None:
    """Nobody wants to press Start three times to learn of three mistakes."""
    asked = {"scenario": ["policies"], "arms": ["x"], "seeds": ["y"], "engine": ["z"]}

    with pytest.raises(WrongInputError) as caught:
        form.choose_run(asked, form.scenarios(own))

    assert [problem["field"] for problem in caught.value.problems] == ["arm", "seeds", "engine"]
