"""python -m loadtest.virtual DIR: fill a prepared run folder on virtual time, and say nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from loadtest.narrator import Narrator
from loadtest.run_folder import RunFolder
from loadtest.virtual.engine import run_on_virtual_time

if __name__ == "__main__":
    folder = RunFolder(Path(sys.argv[1]))
    run_on_virtual_time(folder, Narrator(Console(quiet=True), folder.scenario(), folder, quiet=True))
