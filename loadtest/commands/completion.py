"""Completion by the shell: a script for each shell, and the values of arguments.

The program is `python -m loadtest`, so the shell completes for Python: the scripts answer if the line begins with
`python -m loadtest`, and leave every other line to the shell. They call the program with the words so far; typer
answers with one candidate on each line.
"""

from __future__ import annotations

from enum import StrEnum

import typer.completion

from inputs.wrong_input import WrongInputError

# The variable with which a script asks. It does not begin with LOADTEST_, as settings do.
VARIABLE = "_LOADTEST_COMPLETE"

# Bash also finds `.venv/bin/python` by its last part. Without a candidate, it completes file names.
_BASH = f"""\
_loadtest_completion() {{
    COMPREPLY=()
    if [[ ${{COMP_WORDS[1]}} == -m && ${{COMP_WORDS[2]}} == loadtest && $COMP_CWORD -gt 2 ]]; then
        local IFS=$'\\n'
        COMPREPLY=($(env COMP_WORDS="${{COMP_WORDS[*]:2}}" COMP_CWORD=$((COMP_CWORD - 2)) {VARIABLE}=complete_bash \\
            "${{COMP_WORDS[0]}}" -m loadtest 2>/dev/null))
    fi
}}
complete -o bashdefault -o default -F _loadtest_completion python python3 .venv/bin/python
"""
_ZSH = f"""\
_loadtest_completion() {{
    if [[ $words[2] == -m && $words[3] == loadtest && $CURRENT -gt 3 ]]; then
        local -a found
        found=(${{(f)"$(env COMP_WORDS="${{words[3,CURRENT]}}" COMP_CWORD=$((CURRENT - 3)) {VARIABLE}=complete_bash \\
            $words[1] -m loadtest 2>/dev/null)"}})
        if (( $#found )); then compadd -a found; else _files; fi
    elif (( $+functions[_python] )); then
        _python "$@"
    else
        _default "$@"
    fi
}}
compdef _loadtest_completion python python3 .venv/bin/python
"""
_FISH = f"""\
function __loadtest_asked
    set -l words (commandline -opc)
    test (count $words) -gt 2; and test "$words[2] $words[3]" = "-m loadtest"
end
function __loadtest_completion
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (env COMP_WORDS="$words[3..-1] $current" COMP_CWORD=(math (count $words) - 2) \\
        {VARIABLE}=complete_bash $words[1] -m loadtest 2>/dev/null | string match -r '.+')
    if test (count $found) -gt 0; printf '%s\\n' $found; else; __fish_complete_path $current; end
end
for each in python python3
    complete -c $each -n __loadtest_asked -f -a '(__loadtest_completion)'
end
"""


class Shell(StrEnum):
    """The shells that have a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


def prepare() -> None:
    """Let typer answer the scripts: by itself, it only answers its own."""
    typer.completion.completion_init()  # type: ignore[attr-defined] # typer has no other name for it


def scenarios(incomplete: str) -> list[str]:
    """Return the names of the shipped scenarios."""
    from loadtest.scenario.files import shipped_names

    return [name for name in shipped_names() if name.startswith(incomplete)]


def sources(incomplete: str) -> list[str]:
    """Return the names that `tune` knows."""
    return [name for name in ("checkout", *scenarios("")) if name.startswith(incomplete)]


def arms(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the arms of the scenario that is already on the line; none if it cannot be read."""
    from loadtest.scenario.files import read

    try:
        scenario, _ = read(
            next(iter(ctx.args), "")
        )  # an option without its value ends the reading: the rest is left over
    except WrongInputError:
        return []
    return [name for name in scenario.arms if name.startswith(incomplete)]


def engines(incomplete: str) -> list[str]:
    """Return the two engines."""
    return [name for name in ("live", "virtual") if name.startswith(incomplete)]
