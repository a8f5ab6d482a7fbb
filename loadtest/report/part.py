"""What an experiment hands to the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ReportPart:
    """The default adds nothing.

    `headline` takes the place of the report's own; `notes` is Markdown below the table of the document's figures;
    `charts` are drawn beside the report's, by file name.
    """

    headline: str = ""
    notes: str = ""
    charts: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
