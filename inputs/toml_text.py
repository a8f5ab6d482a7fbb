"""TOML that people write: any text gives its tables, or a sentence, and takes no long time."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from inputs.limits import DEEPEST
from inputs.nesting import TOO_DEEP, check_depth

# Each alternative always matches once it has begun, if need be to the end of the line or text, so the whole takes time
# in proportion to the text.
_TEXTS_AND_COMMENTS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{DEEPEST}}}")


def read_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text. Raises ValueError with a sentence.

    A key of thousands of parts would take tomllib minutes: it walks through all earlier parts at each one.
    """
    if _LONG_KEY.search(_TEXTS_AND_COMMENTS.sub("x", text)):
        raise ValueError(TOO_DEEP)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from error
    except (ValueError, RecursionError) as error:  # Python's own limits
        raise ValueError("not TOML: a number is too long, or brackets are nested too deeply") from error
    check_depth(values)
    return values
