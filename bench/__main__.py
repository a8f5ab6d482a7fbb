"""Run the benchmarks: python -m bench."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench import guards, http, virtual
from bench.ratio import Ratio, table, write
from loadtest.disk.trouble import DiskError

if TYPE_CHECKING:
    from collections.abc import Callable


def _over_http(repeats: int, say: Callable[[str], None]) -> tuple[list[Ratio], list[str]]:
    reason = http.find_obstacle()
    if reason:
        return [], [f"Nothing over HTTP was measured: {reason}."]
    with TemporaryDirectory() as scratch:
        return http.measure(repeats, Path(scratch) / "log", say)


PARTS = {"guards": guards.measure, "http": _over_http, "virtual": virtual.measure}


def main() -> int:
    """Measure everything, write results/bench/<UTC time>/, print the table. Return 1 if it could not be written."""
    parser = argparse.ArgumentParser(
        prog="bench", description="What a protected call costs, and how fast virtual time is."
    )
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each side, in turn (default: 5)")
    parser.add_argument("--out", type=Path, default=Path("results/bench"), help="folder (default: results/bench)")
    parser.add_argument("--part", action="append", choices=PARTS, help="this part only; repeat it (default: all)")
    options = parser.parse_args()

    def say(what: str) -> None:
        sys.stderr.write(f"measuring: {what}\n")

    ratios: list[Ratio] = []
    notes: list[str] = []
    for name in options.part or PARTS:
        more_ratios, more_notes = PARTS[name](options.repeats, say)
        ratios += more_ratios
        notes += more_notes
    folder = options.out / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        sys.stdout.write(write(folder, ratios, notes))
    except DiskError as error:
        sys.stdout.write("\n".join(table(ratios)) + "\n")  # what took minutes is told all the same
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"\nin {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
