"""What the commands share: the terminal, and how a command ends early."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console

from loadtest.terminal.interruption import hold_back_signals

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Terminal(Console):
    """A console that stops printing if its output is closed, so that a run does not depend on its reader."""

    def print(self, *what: Any, **how: Any) -> None:
        """Print; after an error, print nothing more."""
        try:
            super().print(*what, **how)
        except (OSError, UnicodeEncodeError):
            self.quiet = True

    def on_broken_pipe(self) -> None:
        """Continue without a reader; rich would end the process."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the rest of the buffer


out = Terminal(highlight=False, soft_wrap=True)


def print_error(why: str) -> None:
    """Print an error to standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"loadtest: {why}", markup=False)


def finishing() -> AbstractContextManager[None]:
    """Finish a report in spite of one signal; a second one interrupts it."""
    return hold_back_signals(lambda: print_error("writing the report; interrupt again to skip it"))


def fail(why: str, code: int) -> NoReturn:
    """Print a sentence and end the command."""
    print_error(why)
    raise typer.Exit(code)
