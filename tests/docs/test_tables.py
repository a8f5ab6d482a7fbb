"""The tables of settings and metrics in docs/ are those of the models and registries."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.settings import BackendSettings
from client.settings import ClientSettings
from inputs.environment import variables
from loadtest.docs import settings
from loadtest.docs.pages import PAGES, page_with_tables
from loadtest.settings import LoadtestSettings

DOCS = Path(__file__).parents[2] / "docs"
# A variable may also carry a whole group, as JSON.
GROUPS = {
    *("CLIENT_BREAKER", "CLIENT_TIMEOUT", "CLIENT_FALLBACK", "CLIENT_CLASSIFICATION", "CLIENT_UPSTREAM"),
    *("CLIENT_LOG", "BACKEND_LOG"),
}
TABLES = (settings.client_table, settings.breaker_table, settings.backend_table, settings.load_generator_table)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_up_to_date(page: str) -> None:
    """Else: make docs."""
    text = (DOCS / page).read_text(encoding="utf-8")

    assert page_with_tables(text, {name: make() for name, make in PAGES[page].items()}) == text


def test_every_variable_has_its_row() -> None:
    """A setting that is documented nowhere cannot be found; one that is gone misleads."""
    told = {row[0].strip("`") for table in TABLES for row in table()[1:]}
    known = {name for kind in (ClientSettings, BackendSettings, LoadtestSettings) for name in variables(kind)}
    shadows = {name for name in known if name.startswith("CLIENT_BREAKER__SHADOW__")}

    assert told == known - shadows - GROUPS
    assert {name.replace("__SHADOW", "") for name in shadows} <= told


def test_every_setting_says_what_it_means() -> None:
    """All but the breaker's name, which the page explains."""
    silent = {row[0] for table in TABLES for row in table()[1:] if not row[-1]}

    assert silent <= {"`CLIENT_BREAKER__NAME`"}
