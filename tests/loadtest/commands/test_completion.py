"""Completion by the shell, asked of the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.commands.completion import SCRIPTS, Shell

ROOT = Path(__file__).parents[3]
# What Bash does when Tab is pressed: it sets the words and the number of the last, calls the function, reads its reply.
TAB = """
source /dev/stdin
[[ $(complete -p python) == *"-o default -F _loadtest_completion python" ]] || exit 3
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_loadtest_completion
for each in "${COMPREPLY[@]}"; do echo "$each"; done
"""


def bash(*words: str) -> list[str]:
    """Return what Bash offers for the last word of a line."""
    done = subprocess.run(
        ["bash", "--norc", "-c", TAB, "bash", *words],
        cwd=ROOT,
        input=SCRIPTS[Shell.BASH],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def on_path(shell: str) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    return shell


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["r"], ["run", "report"]),
        (["run", "exp"], ["experiment-1", "experiment-2"]),
        (["run", "experiment-2", "--arm", ""], ["without", "with"]),
        (["run", "no-such-scenario", "--arm", ""], []),
        (["run", "experiment-1", "--engine", "v"], ["virtual"]),
        (["run", "experiment-1", "--s"], ["--seeds"]),
        (["sweep", "policies", "--arm", "count"], ["count-window"]),
        (["tune", "ch"], ["checkout"]),
        (["run", "mine"], []),
        (["report", "res"], []),
    ],
    ids=lambda each: " ".join(each) or "nothing",
)
def test_bash_completes_the_front_door(words: list[str], offered: list[str]) -> None:
    """Commands, options, shipped names and arms; with nothing to offer it completes names of files by itself."""
    assert bash(sys.executable, "-m", "loadtest", *words) == offered


@pytest.mark.parametrize(
    "words", [["-m", "pytest", "r"], ["-m", "load"], ["script.py", "loadtest", "r"], ["-m", "loadtest"]]
)
def test_bash_leaves_other_lines_of_python_alone(words: list[str]) -> None:
    """Nothing is offered, so that it does what it does without the script."""
    assert bash(sys.executable, *words) == []


def test_fish_completes_the_front_door() -> None:
    """Fish can be asked what it would offer for a line."""
    python = Path(sys.executable).with_name("python")
    ask = f"source; complete -C '{python} -m loadtest run exp'; complete -C '{python} -m loadtest run Makef'"

    done = subprocess.run(
        [on_path("fish"), "--no-config", "-c", ask],
        cwd=ROOT,
        input=SCRIPTS[Shell.FISH],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == ["experiment-1", "experiment-2", "Makefile"]


def test_zsh_reads_its_script() -> None:
    """Its completion needs a terminal; that it takes the script for Python's completion does not."""
    ask = "autoload -Uz compinit; compinit -u -D; source /dev/stdin; echo $_comps[python]"

    done = subprocess.run(
        [on_path("zsh"), "-f", "-c", ask],
        cwd=ROOT,
        input=SCRIPTS[Shell.ZSH],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("_loadtest_completion\n", "")


@pytest.mark.parametrize("shell", list(Shell))
def test_the_program_prints_the_script(shell: Shell) -> None:
    """For `eval`, so without a word more."""
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "--show-completion", shell],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == SCRIPTS[shell]
