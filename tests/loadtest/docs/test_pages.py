"""The generator of the tables in docs/: rows from the models, put between their markers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client.breakers import policies
from inputs.wrong_input import WrongInputError
from loadtest.commands.app import app
from loadtest.docs import metrics, settings
from loadtest.docs.pages import PAGES, rewrite

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the pages, whose tables are stale."""
    for page, tables in PAGES.items():
        marked = "".join(f"before\n<!-- {name}:start -->\n(stale)\n<!-- {name}:end -->\nafter\n" for name in tables)
        (tmp_path / page).write_text(marked, encoding="utf-8")
    return tmp_path


def test_a_row_says_default_range_and_readers() -> None:
    """One row of each kind, as it is printed."""
    rows = {row[0].strip("`"): row[1:-1] for row in (*settings.client_table(), *settings.breaker_table())}

    assert rows["CLIENT_TIMEOUT__TOTAL_S"] == ["3", "above 0 to 3600, or `none`"]
    assert rows["CLIENT_BREAKER__FAIL_MAX"] == ["5", "whole number from 1 to 1000000", "`consecutive`"]
    assert rows["CLIENT_BREAKER__RESET_TIMEOUT"] == ["30", "above 0 to 86400", "those that open"]
    assert rows["CLIENT_BREAKER__SLOW_IN_FLIGHT"] == ["false", "`true`, `false`", "those that open"]
    assert rows["CLIENT_BREAKER__POLICY"][1] == ", ".join(f"`{name}`" for name in policies())


def test_none_is_offered_only_where_it_means_none() -> None:
    """As a URL it would be text."""
    rows = {row[0].strip("`"): row[1:-1] for row in settings.load_generator_table()}

    assert rows["LOADTEST_CLIENT_URL"] == ["none", "text"]


def test_a_metric_has_its_full_name_type_and_labels() -> None:
    """A suffix belongs to the name; a histogram's bounds are no label."""
    client, backend = (
        {row[0].strip("`"): row[1:3] for row in table()} for table in (metrics.client_table, metrics.backend_table)
    )

    assert client["client_calls_total"] == ["counter", "`outcome`, `served`"]
    assert client["client_call_duration_seconds"] == ["histogram", "`outcome`"]
    assert client["breaker_info"] == ["info", "`policy`, `name`"]
    assert client["breaker_shadow_state"] == ["gauge", "`state`"]
    assert backend["backend_queue_length"] == ["gauge", ""]


def test_only_what_is_between_the_markers_changes(folder: Path) -> None:
    """Written once; the second time there is nothing to write."""
    assert rewrite(folder) == [folder / page for page in PAGES]
    assert rewrite(folder) == []
    for page, tables in PAGES.items():
        text = (folder / page).read_text(encoding="utf-8")
        assert (text.count("before\n"), text.count("after\n"), text.count("(stale)")) == (len(tables), len(tables), 0)
        assert re.search(r"start -->\n\| (variable|metric) \|", text)


def test_a_page_without_markers_is_wrong_input(tmp_path: Path) -> None:
    """And so is a page that is not there: one sentence, which names it."""
    with pytest.raises(WrongInputError, match=r"settings\.md: allowed: a page that is there"):
        rewrite(tmp_path)
    (tmp_path / "settings.md").write_text("nothing\n", encoding="utf-8")
    with pytest.raises(WrongInputError, match="has the markers of its tables"):
        rewrite(tmp_path)


def test_the_command_says_what_it_did(folder: Path) -> None:
    """The pages that it wrote; then that there was nothing to write."""
    said = [CliRunner().invoke(app, ["docs", str(folder)]) for _ in range(2)]

    assert [each.exit_code for each in said] == [0, 0]
    assert all(page in said[0].output for page in PAGES)
    assert "up to date" in said[1].output
