"""The tables of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadtest.figures.finished import measure_run
from loadtest.report.tables import comparison_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadtest.records.run_folder import RunFolder

TEXT = """
name = "mine"
title = "Mine"
baseline = "without"
load = [{ requests = 6, rate_per_s = 2 }]
[faults]
sequence = "SSFFSS"
error_status = STATUS
[arms.without]
breaker = { policy = "off" }
[arms.with]
breaker = { fail_max = 1 }
"""


@pytest.mark.parametrize(("status", "expected"), [("404", [("2", "2", "2")]), ("500", [])])
def test_what_was_answered_with_4xx_has_a_row_where_there_was_any(
    tmp_path: Path, new_run: Callable[..., RunFolder], status: str, expected: list[tuple[str, str, str]]
) -> None:
    """Among the errors, which the outcomes count already; another report is as it was."""
    done = measure_run(new_run(tmp_path, TEXT.replace("STATUS", status)))
    rows = {row["figure"]: row for row in comparison_rows(done)}

    found = [row for name, row in rows.items() if "answered with 4xx" in name]
    assert [(row["without"], row["with"], rows["error"]["with"]) for row in found] == expected
