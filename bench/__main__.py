"""Run the benchmarks: python -m bench."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import guards, http, virtual
from bench.figure import write


def main() -> None:
    """Measure everything, write results/bench/<UTC time>/, print the table."""
    parser = argparse.ArgumentParser(
        prog="bench", description="What a protected call costs, and how fast virtual time is."
    )
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each side, in turn (default: 5)")
    parser.add_argument("--out", type=Path, default=Path("results/bench"), help="folder (default: results/bench)")
    options = parser.parse_args()

    def say(what: str) -> None:
        sys.stderr.write(f"measuring: {what}\n")

    figures, notes = guards.measure(options.repeats, say)
    reason = http.available()
    if reason:
        notes.append(f"Nothing over HTTP was measured: {reason}.")
    else:
        with TemporaryDirectory() as scratch:
            more, told = http.measure(options.repeats, Path(scratch) / "log", say)
        figures += more
        notes += told
    more, told = virtual.measure(options.repeats, say)
    figures += more
    notes += told
    folder = options.out / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    sys.stdout.write(write(folder, figures, notes))
    sys.stdout.write(f"\nin {folder}\n")


if __name__ == "__main__":
    main()
