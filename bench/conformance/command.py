"""The command: asks, says how far it is, prints the table and writes the files."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.conformance.asking import ask_library
from bench.conformance.questions import QUESTIONS
from bench.conformance.table import Table, as_html, as_json, as_markdown
from loadtest.disk.whole import whole_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.conformance.asking import Column

_ABOUT = """\
Ask circuit breakers about ten traps: each question is executed on a fresh breaker, and the answer is what it did.

Asked are pybreaker, aiobreaker, purgatory, circuitbreaker, hyx, interlock-cb and this lab's own policies. A library
that is not installed has a column that says so. The whole run takes a few seconds."""

_EPILOG = """\
files: conformance.json, conformance.md, conformance.html, all at once at the end; the Markdown goes to stdout, too.
exit code: 0 asked, whatever the answers; 1 the files could not be written; 2 a wrong argument; 130 Ctrl-C, and no file
is written.

examples:
  python -m bench.conformance
  python -m bench.conformance --only pybreaker --only lab-consecutive --out results/conformance/two"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, write. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.conformance",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the files (default: results/conformance/<UTC time>)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(peers.names()),
        metavar="LIBRARY",
        help=f"ask this one only; may be repeated. One of: {', '.join(peers.names())}",
    )
    options = parser.parse_args(arguments)
    now = datetime.now(UTC)
    out: Path = options.out or Path("results/conformance") / f"{now:%Y%m%dT%H%M%SZ}"
    wrong = _find_folder_problem(out)
    if wrong:
        parser.error(f"argument --out: got {str(out)!r}; allowed: a folder, new or there already ({wrong})")
    try:
        table = Table(
            now.isoformat(timespec="seconds"),
            platform.python_version(),
            QUESTIONS,
            [_ask_and_report(name) for name in peers.names() if name in (options.only or peers.names())],
        )
        _write_files(out, table)
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was written\n")
        return 128 + signal.SIGINT
    except OSError as error:
        sys.stderr.write(f"cannot write to {out}: {error.strerror}\n")
        return 1
    sys.stdout.write(as_markdown(table))
    sys.stdout.write(f"\nin {out}\n")
    return 0


def _find_folder_problem(out: Path) -> str:
    """Say what is wrong with the folder before anything is asked; nothing where it is fit."""
    there = next(each for each in (out, *out.absolute().parents) if each.exists())
    if not there.is_dir():
        return f"{there} is a file"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written to"


def _ask_and_report(name: str) -> Column:
    sys.stderr.write(f"asking {name} ... ")
    sys.stderr.flush()
    began = time.monotonic()
    column = ask_library(name, QUESTIONS)
    sys.stderr.write(f"{column.version}, {time.monotonic() - began:.1f} s\n")
    return column


def _write_files(out: Path, table: Table) -> None:
    """Put all three files into place, once all of them are there."""
    with whole_files(out) as scratch:
        texts = {
            "conformance.json": json.dumps(as_json(table), indent=2, ensure_ascii=False) + "\n",
            "conformance.md": as_markdown(table),
            "conformance.html": as_html(table),
        }
        for name, text in texts.items():
            (scratch / name).write_text(text, encoding="utf-8")
