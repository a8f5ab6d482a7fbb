"""The program's options before any command: --version and --show-completion."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from loadtest.commands.completion import SCRIPTS, Shell

# The only place of the version. The lab runs from its checkout, so the file exists; the image has it, too.
_PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"Breaker Lab {tomllib.loads(_PROJECT.read_text(encoding='utf-8'))['project']['version']}")
        raise typer.Exit


def _show_completion(shell: Shell | None) -> None:
    if shell is not None:
        typer.echo(SCRIPTS[shell], nl=False)
        raise typer.Exit


def start(  # the callbacks of the options do the work
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    show_completion: Annotated[
        Shell | None,
        typer.Option(
            callback=_show_completion,
            is_eager=True,
            help="Print a script that lets this shell complete `python -m loadtest`. To use it in Bash or Zsh: "
            'eval "$(.venv/bin/python -m loadtest --show-completion bash)"; in Fish, pipe it into `source`.',
        ),
    ] = None,
) -> None:
    """Experiments with circuit breakers on real services."""
