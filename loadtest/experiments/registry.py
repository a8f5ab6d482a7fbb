"""Which experiments there are: every folder here whose `experiment.py` has an EXPERIMENT."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from loadtest.scenario.files import folder_of, shipped_names

if TYPE_CHECKING:
    from loadtest.experiments.experiment import Experiment
    from loadtest.scenario.model import Scenario


@cache
def experiments() -> dict[str, Experiment]:
    """Every experiment by its name."""
    modules = {name: f"{__package__}.{folder_of(name).name}" for name in shipped_names()}
    return {
        name: import_module(f"{package}.experiment").EXPERIMENT
        for name, package in modules.items()
        if find_spec(f"{package}.experiment")
    }


def experiment_of(scenario: Scenario) -> Experiment | None:
    """Return the document experiment whose figures a scenario is compared with; none if it names none."""
    return None if scenario.document is None else experiments().get(scenario.document)
