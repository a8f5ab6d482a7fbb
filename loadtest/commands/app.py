"""The command line: python -m loadtest. A command is one file and one line here.

A command loads its modules when it runs, so `--help` and mistakes are answered at once.
"""

from __future__ import annotations

import os

import typer

from inputs.wrong_input import WrongInputError
from loadtest.commands import completion
from loadtest.commands.agreement import agreement
from loadtest.commands.coverage import coverage
from loadtest.commands.distribution import distribution
from loadtest.commands.docs import docs
from loadtest.commands.fill import fill
from loadtest.commands.index import index
from loadtest.commands.keep import keep
from loadtest.commands.probability import probability
from loadtest.commands.references import references
from loadtest.commands.report import report
from loadtest.commands.run import run
from loadtest.commands.schema import schema
from loadtest.commands.search import search
from loadtest.commands.start import start
from loadtest.commands.sweep import sweep
from loadtest.commands.tune import tune
from loadtest.commands.ui import ui
from loadtest.disk.trouble import DiskError, reason_of
from loadtest.terminal import interruption
from loadtest.terminal.console import print_error
from loadtest.terminal.errors import ChildError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(start)
app.command()(run)
app.command()(report)
app.command()(index)
app.command()(probability)
app.command()(sweep)
app.command()(tune)
app.command()(ui)
app.command(rich_help_panel="For the lab itself")(agreement)
app.command(rich_help_panel="For the lab itself")(coverage)
app.command(rich_help_panel="For the lab itself")(distribution)
app.command(rich_help_panel="For the lab itself")(docs)
app.command(rich_help_panel="For the lab itself")(search)
app.command(rich_help_panel="For the lab itself")(keep)
app.command(rich_help_panel="For the lab itself")(references)
app.command(rich_help_panel="For the lab itself")(schema)
app.command(hidden=True)(fill)


def main() -> None:
    """Run the command line; a user's mistakes end with exit code 2 and a sentence for each.

    So do folders that cannot be used from the beginning. What fails later, as a disk that fills up, ends with 1.
    """
    interruption.listen()
    completion.prepare()
    try:
        app(complete_var=completion.VARIABLE)
    except WrongInputError as error:
        for problem in error.told:
            print_error(problem["detail"])
        raise SystemExit(2) from None
    except ChildError as error:
        print_error(str(error))
        raise SystemExit(1) from None
    except SystemExit:
        raise
    except BaseException as error:
        interrupted = interruption.interruption_in(error)
        if interrupted is not None:
            print_error("interrupted")
            raise SystemExit(interrupted.exit_code) from None
        if not isinstance(error, OSError) or isinstance(error, (ConnectionError, TimeoutError)):
            raise
        print_error(_describe(error))
        raise SystemExit(1) from None


def _describe(error: OSError) -> str:
    """Say which file or folder the system refused, and why."""
    if isinstance(error, DiskError) or error.filename is None:
        return str(error) if isinstance(error, DiskError) else f"the system refused: {reason_of(error)}"
    return f"{os.fsdecode(error.filename)}: {reason_of(error)}"
