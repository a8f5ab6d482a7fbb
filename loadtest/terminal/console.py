"""What the commands share: the terminal, and how a command ends early."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console

from loadtest.terminal.interruption import hold_back_signals

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import TextIO


class Terminal(Console):
    """A console that stops printing if its output is closed, so that a run does not depend on its reader."""

    def print(self, *what: Any, **how: Any) -> None:
        """Print; after an error, print nothing more."""
        try:
            super().print(*what, **how)
        except (OSError, UnicodeEncodeError):
            self.quiet = True
            _give_up_output(sys.stdout)

    def on_broken_pipe(self) -> None:
        """Continue without a reader; rich would end the process."""
        self.quiet = True
        _give_up_output(sys.stdout)


def _give_up_output(stream: TextIO) -> None:
    """Let the rest of the buffer go nowhere: it would be tried, and fail, once more when the process ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    with suppress(OSError, ValueError):
        stream.flush()


out = Terminal(highlight=False, soft_wrap=True)


def print_error(why: str) -> None:
    """Print an error to standard error."""
    try:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"loadtest: {why}", markup=False)
    except (OSError, UnicodeEncodeError):  # the exit code is left to say it
        _give_up_output(sys.stderr)


def finishing() -> AbstractContextManager[None]:
    """Finish a report in spite of one signal; a second one interrupts it."""
    return hold_back_signals(lambda: print_error("writing the report; interrupt again to skip it"))


def fail(why: str, code: int) -> NoReturn:
    """Print a sentence and end the command."""
    print_error(why)
    raise typer.Exit(code)
