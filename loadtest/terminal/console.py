"""What the commands share: the terminal, the settings from the environment, and how a command ends early."""

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
    """A console that falls silent when nobody can hear it: what is measured does not depend on who reads along."""

    def print(self, *what: Any, **how: Any) -> None:
        """Print, or from now on do not."""
        try:
            super().print(*what, **how)
        except (OSError, UnicodeEncodeError):
            self.quiet = True

    def on_broken_pipe(self) -> None:
        """Go on without a reader, where rich would end the process."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer


out = Terminal(highlight=False, soft_wrap=True)


def print_error(why: str) -> None:
    """Print it where errors go."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"loadtest: {why}", markup=False)


def finishing() -> AbstractContextManager[None]:
    """Finish a report even when a signal comes, unless a second one does."""
    return hold_back_signals(lambda: print_error("writing the report; once more leaves it out"))


def fail(why: str, code: int) -> NoReturn:
    """End with a sentence."""
    print_error(why)
    raise typer.Exit(code)
