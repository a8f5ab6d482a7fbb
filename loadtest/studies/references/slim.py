"""What of a run's summary and manifest is kept where its rows are not. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from loadtest.records.manifest import Manifest

# Lists as long as the run, which its rows give again.
_LONG = ("transitions", "runs")
_DIGITS = 6
# Down to here each entry has a line of its own.
_LEVELS = 3


def slim_summary(summary: dict[str, Any]) -> dict[str, Any]:
    """Leave out of summary.json each arm's lists of changes and of single runs, and round to six digits."""
    arms = {
        name: {key: value for key, value in arm.items() if key not in _LONG} for name, arm in summary["arms"].items()
    }
    return dict(_round_floats({**summary, "arms": arms}))


def slim_manifest(manifest: Manifest, hashes: dict[str, str]) -> Manifest:
    """Add the hashes of the rows, and leave out settings: what is null, and on virtual time all of them.

    There they follow from the scenario's text.
    """
    values = manifest.as_json()
    settings = {} if manifest.engine == "virtual" else _without_nulls(values["settings"])
    return Manifest.model_validate({**values, "settings": settings, "rows_sha256": hashes})


def compact_json(value: Any, level: int = 0) -> str:
    """Write JSON that is short and whose changes can be read: one line for each entry of the upper levels."""
    if not isinstance(value, dict) or not value or level == _LEVELS:
        return json.dumps(value)
    indent = " " * (level + 1)
    entries = (f"{indent}{json.dumps(key)}: {compact_json(each, level + 1)}" for key, each in value.items())
    return "{\n" + ",\n".join(entries) + f"\n{' ' * level}}}"


def with_png(markdown: str) -> str:
    """Show the PNG of each picture in place of the SVG."""
    return re.sub(r"^(!\[.*\]\([\w/-]+)\.svg\)$", r"\1.png)", markdown, flags=re.MULTILINE)


def pictures_in(markdown: str) -> list[str]:
    """Return the paths of the PNG files that a report shows."""
    return re.findall(r"^!\[.*\]\(([\w/-]+\.png)\)$", markdown, flags=re.MULTILINE)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _round_floats(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _round_floats(each) for key, each in value.items()}
    return [_round_floats(each) for each in value] if isinstance(value, list) else value
