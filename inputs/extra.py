"""Libraries that only some commands need, and that may not be installed."""

from __future__ import annotations

from importlib.util import find_spec

from inputs.wrong_input import WrongInputError


def require(library: str, asker: str, install: str) -> None:
    """Raise WrongInputError if `library` is not installed; it says what needs it, and how to install it."""
    if find_spec(library) is None:
        detail = f"{asker}: needs {library}, which is not installed; `{install}` installs it"
        raise WrongInputError([{"field": asker, "value": None, "detail": detail}])
