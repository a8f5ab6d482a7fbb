"""What a report says of refusing at random, beside what each policy lost and saved. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtest.records.comparison import VerdictCell, Verdicts


def runs_at_random(verdicts: Verdicts) -> int:
    """Return how many runs that refused at random each arm was held against; 0 where there are none."""
    cells = (cell for places in verdicts.arms.values() for cell in places.values())
    return max((cell.random_yardstick.runs for cell in cells if cell.random_yardstick), default=0)


def yardstick_text(cell: VerdictCell) -> str:
    """'answers -18 %, seconds -18 %, calls -19 %': what refusing as many requests at random changes."""
    found = cell.random_yardstick
    if found is None or not found.calls_saved.share:
        return ""
    shares = {"answers": found.lost, "seconds": found.seconds_saved, "calls": found.calls_saved}
    return ", ".join(f"{name} {-100 * gain.share:+.0f} %" for name, gain in shares.items())
