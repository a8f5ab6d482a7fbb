"""A checkout with something made up in it: what is registered in one place must be found everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("inputs", "virtual_clock", "service", "backend", "client", "loadtest")


class Checkout:
    """The lab's packages in a folder of their own, where those that are named can be changed."""

    def __init__(self, folder: Path, *changed: str) -> None:
        self.folder = folder
        for name in PACKAGES:
            if name in changed:
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (folder / name).symlink_to(ROOT / name)

    def add(self, path: str, text: str) -> None:
        """Write a new file."""
        (self.folder / path).write_text(text, encoding="utf-8")

    def insert(self, path: str, before: str, lines: str) -> None:
        """Put lines before the one that begins with `before`."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert text.count(f"\n{before}") == 1, before
        file.write_text(text.replace(f"\n{before}", f"\n{lines}\n{before}"), encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> str:
        """Run Python there; return what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
