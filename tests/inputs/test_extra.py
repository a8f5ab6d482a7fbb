"""Libraries that not every environment has."""

from __future__ import annotations

import pytest

from inputs.extra import require
from inputs.wrong_input import WrongInputError


def test_a_library_that_is_there_is_no_mistake() -> None:
    """Nothing is said, and it is not imported for it."""
    require("pydantic", "tune", "make .venv/.lab")


def test_a_library_that_is_missing_is_told_with_its_command() -> None:
    """Who asked, what is missing, and what installs it, in one sentence."""
    with pytest.raises(WrongInputError) as told:
        require("no_such_library", "tune", "make .venv/.lab")

    assert str(told.value) == "tune: needs no_such_library, which is not installed; `make .venv/.lab` installs it"
